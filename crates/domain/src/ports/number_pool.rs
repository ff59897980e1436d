use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallerNumber, ContactId, OrganizationId, PhoneNumber, UserId};

/// The caller numbers of an organization's users.
///
/// - MUST load what was saved, every field (`a_number_is_loaded_as_it_was_saved`).
/// - MUST choose, where none is asked for, the user's first number by position that is enabled for AI calls and carried by
///   Sinch (`the_default_number_is_the_first_that_serves_ai_calls`).
/// - MUST answer the number that is asked for whatever it serves, if it is this user's (`the_requested_number_is_answered_as_it_is`).
/// - MUST NOT answer a number of another user (`another_users_number_is_absent`) or of another tenant
///   (`another_tenants_number_is_absent`).
/// - MUST say whether the recipient, given by number (`an_own_number_is_recognized_by_number`) or by contact
///   (`an_own_number_is_recognized_by_contact`), is reached at any number of the organization, and at none of another's
///   (`another_tenants_number_is_not_our_own`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_number_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait NumberPool: Send + Sync {
    /// The caller number for one call, and whether that call would ring the organization itself: one round trip, since
    /// this stands on the path to the dial.
    async fn choose<'a>(&self, query: &CallerNumberQuery<'a>) -> Result<CallerNumberChoice, PortUnavailable>;
}

/// Which caller number is wanted, and who would be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerNumberQuery<'a> {
    /// The tenant.
    pub organization_id: &'a OrganizationId,
    /// The user who calls.
    pub user_id: &'a UserId,
    /// The number that was asked for, if one was.
    pub requested: Option<&'a PhoneNumber>,
    /// Who would be called.
    pub recipient: Recipient<'a>,
}

/// Who would be called, as far as the request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient<'a> {
    /// This contact of the organization, at the number that is stored.
    Contact(&'a ContactId),
    /// Whoever has this number.
    Number(&'a PhoneNumber),
}

/// The answer to a [`CallerNumberQuery`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerNumberChoice {
    /// The number to show, if the user has one.
    pub caller: Option<CallerNumber>,
    /// Whether the recipient's number is one of the organization's own.
    pub recipient_is_own_number: bool,
}
