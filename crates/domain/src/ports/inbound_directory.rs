use async_trait::async_trait;

use super::PortUnavailable;
use crate::{Contact, Organization, PhoneNumber, ProviderAgentId, UserId};

/// Who is meant by the two numbers of a call that comes in.
///
/// - MUST find the organization and the user whose number is called, and the organization's contact who calls
///   (`a_known_caller_is_identified`), making none for a caller who is not known (`an_unknown_caller_is_left_unknown`).
/// - MUST answer nothing for a number that is nobody's (`an_unassigned_number_identifies_no_one`).
/// - MUST tell apart, by the agent, the organizations that have one number, and take neither where that does not tell
///   (`the_agent_distinguishes_two_tenants_with_one_number`).
/// - MUST NOT take another tenant's contact (`another_tenants_contact_is_no_caller`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_inbound_directory_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait InboundDirectory: Send + Sync {
    /// Whose number is called and by whom, in one round trip: a phone is ringing.
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable>;
}

/// The two numbers of a call that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundQuery {
    /// The number that is called: an organization's.
    pub called: PhoneNumber,
    /// The number that calls.
    pub caller: PhoneNumber,
    /// The agent at the provider that answers, where it is known.
    pub provider_agent_id: Option<ProviderAgentId>,
}

/// Who is meant by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundParties {
    /// The organization that is called.
    pub organization: Organization,
    /// The user whose number it is.
    pub user_id: UserId,
    /// The contact who calls, if the organization knows one with that number.
    pub contact: Option<Contact>,
}
