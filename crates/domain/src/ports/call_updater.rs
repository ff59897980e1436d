use async_trait::async_trait;

use super::PortUnavailable;
use crate::{
    CallId, CallIdentity, CallUpdate, ConversationId, PhoneNumber, ProviderAgentId, Recording, Timestamp,
};

/// Finds the call that a report is about, and merges the report into it.
///
/// Merging follows [`CallProgress::merge`](crate::CallProgress::merge): the order of the reports
/// does not matter, and merging one twice changes nothing.
///
/// - MUST merge each update with `CallProgress::merge`, one at a time for each call, so that
///   concurrent updates are all kept (`concurrent_updates_are_all_kept`), and read back every
///   merged field (`an_update_is_read_back_in_full`).
/// - MUST keep an update that arrives before the outcome of the dial
///   (`an_update_may_arrive_before_the_outcome_of_the_dial`).
/// - MUST decide an unknown call by a report that the callee was not connected or that it was given
///   up, and by no other one (`a_reported_failure_decides_an_unknown_call`).
/// - MUST read back every field of an attached recording (`an_attached_recording_is_read_back`),
///   and the newer one of two (`a_recording_attached_again_is_replaced`).
/// - MUST find a call by our id, otherwise by its conversation, otherwise by numbers and agent if
///   exactly one call of that period matches (`a_call_is_found_by_its_identifiers`). Calls that
///   have ended count: otherwise a late report would be merged into the next call
///   (`a_call_that_has_ended_is_still_found`).
/// - MUST find no call by numbers whose dial was *not dialled*: no conversation can belong to it
///   (`a_call_that_was_not_dialled_is_not_found_by_numbers`).
/// - MUST find no call by numbers if the report names an id that is not in the ledger: it is about a
///   call of another system (`a_report_with_a_foreign_id_is_not_matched_by_numbers`).
/// - MUST find no call by a conversation that two calls have
///   (`a_conversation_of_two_calls_finds_neither`).
/// - MUST return the identity of a booked call, and none for an id that is not in the ledger
///   (`a_booked_call_has_an_identity`).
/// - MUST know an agent that any organization has, and two numbers between which a call was booked
///   in the period, in either order and whatever became of it (`known_parties_are_recognized`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_call_updater_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CallUpdater: Send + Sync {
    /// Finds the call that a report is about.
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable>;

    /// Who talks to whom in a call, by its id.
    async fn identity(&self, call_id: &CallId) -> Result<Option<CallIdentity>, PortUnavailable>;

    /// Whether the agent and the numbers of a report, whose call was not found, are known.
    async fn known_parties(&self, query: &KnownPartiesQuery) -> Result<KnownParties, PortUnavailable>;

    /// Merges an update into a call. Does nothing if the ledger has no such call.
    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable>;

    /// Records where the recording of a call is stored. Does nothing if the ledger has no such
    /// call.
    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable>;
}

/// The identifiers of a call in a report about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallLookup {
    /// The id that the dial of the reported call sent to the provider, if the report has it: our id,
    /// or that of another system which uses the same account.
    pub call_id: Option<CallId>,
    /// The provider's id of the conversation.
    pub conversation_id: Option<ConversationId>,
    /// The two numbers and the agent. They count only if the report has no `call_id`.
    pub parties: Option<PartiesLookup>,
}

/// The two numbers and the agent of a call. Providers disagree on which number is the caller's, so
/// both assignments are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartiesLookup {
    /// One number.
    pub one: PhoneNumber,
    /// The other number.
    pub other: PhoneNumber,
    /// The provider's id of the agent.
    pub provider_agent_id: ProviderAgentId,
    /// Only calls booked at or after this time.
    pub booked_since: Timestamp,
    /// Only calls booked at or before this time: a report cannot be about a later call.
    pub booked_until: Timestamp,
}

/// The agent and the numbers of a report, as far as it has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPartiesQuery {
    /// The provider's id of the agent.
    pub provider_agent_id: ProviderAgentId,
    /// The two numbers, in any order.
    pub numbers: Option<[PhoneNumber; 2]>,
    /// Only calls booked at or after this time.
    pub booked_since: Timestamp,
}

/// Which parties of a report are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownParties {
    /// An organization has this agent.
    pub agent: bool,
    /// A call of the period was booked between these numbers.
    pub numbers: bool,
}
