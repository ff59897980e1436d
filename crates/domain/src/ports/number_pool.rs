use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallerNumber, Carrier, ContactId, OrganizationId, PhoneNumber, UserId};

/// Chooses the caller number of a call.
///
/// - MUST load every field as it was saved (`a_number_is_loaded_as_it_was_saved`).
/// - MUST choose, if no number is requested, the user's first number by position that is enabled
///   for AI calls and has one of the carriers
///   (`the_default_number_is_the_first_that_serves_ai_calls`).
/// - MUST return, if the user has no such number, the first that is enabled for AI calls, or else
///   the first of all: the refusal names it (`the_nearest_number_is_returned_if_none_serves`).
/// - MUST return, if no number is requested, the user's other numbers too, in the order in which they
///   would be chosen, at most [`CallerNumberChoice::MAX_OTHERS`]
///   (`the_other_numbers_follow_in_their_order`).
/// - MUST return a requested number if it is this user's, whatever it is enabled for
///   (`the_requested_number_is_answered_as_it_is`).
/// - MUST NOT return a number of another user (`another_users_number_is_absent`) or of another
///   organization (`another_tenants_number_is_absent`).
/// - MUST report whether the recipient, given by number (`an_own_number_is_recognized_by_number`)
///   or by contact (`an_own_number_is_recognized_by_contact`), has a number of the organization
///   itself, and ignore the numbers of other organizations
///   (`another_tenants_number_is_not_our_own`).
/// - MUST list all numbers of the organization if asked, and no others
///   (`the_organizations_numbers_are_listed_if_asked`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_number_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait NumberPool: Send + Sync {
    /// Chooses the caller number, and checks whether the call would reach the organization itself.
    /// One round trip: this is on the path to the dial.
    async fn choose<'a>(&self, query: &CallerNumberQuery<'a>) -> Result<CallerNumberChoice, PortUnavailable>;
}

/// Which caller number to choose, and who will be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerNumberQuery<'a> {
    /// The organization.
    pub organization_id: &'a OrganizationId,
    /// The user who calls.
    pub user_id: &'a UserId,
    /// The number that the client requested.
    pub requested: Option<&'a PhoneNumber>,
    /// The carriers whose numbers serve the calls of the voice provider.
    pub carriers: &'a [Carrier],
    /// Who will be called.
    pub recipient: Recipient<'a>,
    /// Whether to list all numbers of the organization.
    pub list_numbers: bool,
}

/// Who will be called, as far as the request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient<'a> {
    /// This contact of the organization, at its stored number.
    Contact(&'a ContactId),
    /// The person with this number.
    Number(&'a PhoneNumber),
}

/// The result of a [`CallerNumberQuery`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerNumberChoice {
    /// The caller number, if the user has one. AI calls cannot be placed from every number.
    pub caller: Option<CallerNumber>,
    /// The user's other numbers, in the order in which they would be chosen. Empty if one is requested.
    pub others: Vec<CallerNumber>,
    /// Whether the recipient's number is one of the organization's own.
    pub recipient_is_own_number: bool,
    /// All numbers of the organization, in any order. Empty if the query does not ask for them.
    pub organization_numbers: Vec<PhoneNumber>,
}

impl CallerNumberChoice {
    /// The most other numbers that are returned.
    pub const MAX_OTHERS: u32 = 63;
}
