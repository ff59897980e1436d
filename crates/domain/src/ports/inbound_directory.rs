use async_trait::async_trait;

use super::PortUnavailable;
use crate::{Contact, Organization, OrganizationId, PhoneNumber, ProviderAgentId, UserId};

/// Identifies the two parties of an inbound call by their numbers.
///
/// - MUST find the organization and the user whose number is called, and the organization's contact
///   who calls (`a_known_caller_is_identified`), and create no contact for an unknown caller
///   (`an_unknown_caller_is_left_unknown`).
/// - MUST return `None` for a number that belongs to no user
///   (`an_unassigned_number_identifies_no_one`).
/// - MUST distinguish organizations with the same number by the agent, and choose none of them if
///   the agent does not decide (`the_agent_distinguishes_two_tenants_with_one_number`).
/// - MUST look only at the numbers of an organization that the query names
///   (`a_named_tenant_is_the_only_one_that_is_called`).
/// - MUST NOT return another organization's contact (`another_tenants_contact_is_no_caller`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_inbound_directory_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait InboundDirectory: Send + Sync {
    /// Identifies the parties. One round trip: the phone is ringing.
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable>;
}

/// The numbers of an inbound call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundQuery {
    /// The number that is called.
    pub called: PhoneNumber,
    /// The number that calls.
    pub caller: PhoneNumber,
    /// The provider's id of the agent that answers, if it is known.
    pub provider_agent_id: Option<ProviderAgentId>,
    /// Only the number of this organization, if the secret of the question is its own.
    pub organization_id: Option<OrganizationId>,
}

/// The parties of an inbound call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundParties {
    /// The organization that is called.
    pub organization: Organization,
    /// The user who owns the called number.
    pub user_id: UserId,
    /// The contact who calls, if the organization has one with that number.
    pub contact: Option<Contact>,
}
