use async_trait::async_trait;

use super::{CallerNumberChoice, PortUnavailable, Recipient};
use crate::{Agent, AgentId, CallingFacts, Carrier, Contact, PhoneNumber, User, UserId};

/// Finds everything about the parties of a call that the directory has, in one step.
///
/// - MUST return what `UserRepo`, `ContactRepo`, `AgentRepo` and `NumberPool` return one after the
///   other (`the_parties_are_what_the_four_ports_return`).
/// - MUST return `None` only if the user is not stored (`an_unknown_user_has_no_parties`), and leave
///   out what is missing of a stored user's call (`what_is_missing_is_left_out`).
/// - MUST NOT return a contact, an agent or a number of another organization
///   (`another_tenants_parties_are_left_out`).
/// - MUST create no contact for a number that the organization does not have
///   (`resolving_a_number_creates_no_contact`).
/// - MUST return what is stored now, and keep nothing for a later query: the contact and the agent are
///   part of the intent key, and two processes that disagree about them would dial twice
///   (`a_change_is_seen_by_the_next_query`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_outbound_directory_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait OutboundDirectory: Send + Sync {
    /// Finds the parties. One round trip: this is on the path to the dial.
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable>;
}

/// What a request says about its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundQuery<'a> {
    /// The user who calls. The organization of this user is the one of the call.
    pub user_id: &'a UserId,
    /// Who will be called.
    pub recipient: Recipient<'a>,
    /// The agent that the client requested. Without one, the default agent is looked for.
    pub agent_id: Option<&'a AgentId>,
    /// The caller number that the client requested.
    pub requested_number: Option<&'a PhoneNumber>,
    /// The carriers whose numbers serve the calls of the voice provider.
    pub carriers: &'a [Carrier],
    /// Whether to list all numbers of the organization.
    pub list_numbers: bool,
}

/// What the directory has about the parties of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundParties {
    /// The user who calls, with the organization.
    pub user: User,
    /// The contact who will be called, if the organization has it.
    pub contact: Option<Contact>,
    /// The requested agent or the default agent, if the organization has it.
    pub agent: Option<Agent>,
    /// The caller number of the call.
    pub numbers: CallerNumberChoice,
    /// What the decision depends on.
    pub calling: CallingFacts,
}
