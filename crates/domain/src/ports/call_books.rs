use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{
    CallId, CallRecord, CallStatus, CallUpdate, ContactId, ConversationId, OrganizationId, PhoneNumber,
    ProviderAgentId, Recording, Timestamp, UserId,
};

/// The books after the dial: reading them, and writing into them what becomes known of a call.
///
/// - MUST find a booked call with user and contact (`a_booked_call_is_read`), in its tenant alone
///   (`another_tenants_call_is_absent`).
/// - MUST list the newest calls first, by filter and page, with the number of all that match (`history_is_filtered_and_paged`),
///   of its tenant alone (`history_is_the_tenants_own`).
/// - MUST say of a call what its dial came to, before anything else is known of it (`the_outcome_of_the_dial_is_read`).
/// - MUST merge every account by `CallProgress::absorb`, one at a time for each call, so that concurrent ones are all kept
///   (`concurrent_updates_are_all_kept`), and read back what was merged, every field (`an_update_is_read_back_in_full`).
/// - MUST keep what an account said when the dial's own answer comes after it (`an_update_may_arrive_before_the_outcome_of_the_dial`).
/// - MUST read back the recording that was attached to a call, every field (`an_attached_recording_is_read_back`), and the newer
///   of two (`a_recording_attached_again_is_replaced`).
/// - MUST locate a call by our id, else by its conversation, else by numbers and agent if one call of the time alone fits
///   (`a_call_is_found_by_its_identifiers`), counting those that have ended: an account may come late, and would be taken for
///   one of the next call (`a_call_that_has_ended_is_still_found`).
/// - MUST hand out each overdue call to one claimant at a time, until its lease has run out
///   (`an_overdue_call_is_leased_to_one_worker`), and none that is not overdue (`only_overdue_calls_are_leased`).
/// - MUST take an older call for longer, a tenth of its age where that is more than the lease, so that one of which nobody will
///   ever tell is asked for less and less often (`an_older_call_is_leased_for_longer`).
/// - MUST hand out calls that have ended, of which an account says that there is a recording and none is attached, likewise
///   (`an_unrecorded_call_is_leased_to_one_worker`), and no others (`only_unrecorded_calls_are_leased`).
/// - MUST hand out what was never asked for or longest ago before the rest, so that calls of which nobody will ever tell do
///   not keep back the others (`every_overdue_call_has_its_turn`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost (`lost_books_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CallBooks: Send + Sync {
    /// The organization's call with this id.
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &CallId,
    ) -> Result<Option<CallRecord>, PortUnavailable>;

    /// The organization's calls, newest first.
    async fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, PortUnavailable>;

    /// Which call an account speaks of.
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable>;

    /// Merges an account into a call; a call that is not in the books is left at that.
    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable>;

    /// Says where the recording of a call lies; a call that is not in the books is left at that.
    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable>;

    /// Takes some calls of which news is overdue, for `lease` from now.
    async fn lease_overdue(&self, lease: &OverdueLease) -> Result<Vec<ProviderLookup>, PortUnavailable>;

    /// Takes some calls whose recording is overdue, for `lease` from now. A call is either unended or unrecorded: one lease
    /// serves both.
    async fn lease_unrecorded(
        &self,
        lease: &UnrecordedLease,
    ) -> Result<Vec<(CallId, ConversationId)>, PortUnavailable>;
}

/// Which calls to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Calls to this contact alone.
    pub contact_id: Option<ContactId>,
    /// Calls by this user alone.
    pub user_id: Option<UserId>,
    /// Calls that stand so alone.
    pub status: Option<CallStatus>,
    /// Calls booked before this one alone: the last of the page before.
    pub before: Option<(Timestamp, CallId)>,
    /// How many at most.
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

/// A page of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The calls, newest first, without their transcripts.
    pub calls: Vec<CallRecord>,
    /// How many match in all, whatever the page.
    pub total: u64,
}

/// What an account says of the call that it speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallLookup {
    /// Our id, where the provider gave it back.
    pub call_id: Option<CallId>,
    /// The provider's conversation.
    pub conversation_id: Option<ConversationId>,
    /// The two numbers and the agent.
    pub parties: Option<PartiesLookup>,
}

/// The two numbers and the agent of a call. Which of the numbers is whose is what providers disagree on: both ways are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartiesLookup {
    /// One number.
    pub one: PhoneNumber,
    /// The other.
    pub other: PhoneNumber,
    /// The agent at the provider.
    pub provider_agent_id: ProviderAgentId,
    /// Only calls booked since.
    pub booked_since: Timestamp,
    /// Only calls booked until then: of a later one nothing can have been told yet.
    pub booked_until: Timestamp,
}

/// Which calls are overdue, and for how long they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverdueLease {
    /// Now, by our clock: what calls have their age from.
    pub now: Timestamp,
    /// Initiated, ringing or unknown, and booked before this.
    pub undecided_before: Timestamp,
    /// In progress, and booked before this.
    pub unended_before: Timestamp,
    /// Not those booked before this: they were given up.
    pub given_up_before: Timestamp,
    /// How many at most.
    pub limit: u32,
    /// For how long at least nobody else gets them.
    pub lease_for: Duration,
}

/// Of which calls the recording is overdue, and for how long they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnrecordedLease {
    /// Now, by our clock: what calls have their age from.
    pub now: Timestamp,
    /// Only those booked before this.
    pub booked_before: Timestamp,
    /// Not those booked before this: they were given up.
    pub given_up_before: Timestamp,
    /// How many at most.
    pub limit: u32,
    /// For how long at least nobody else gets them.
    pub lease_for: Duration,
}

/// A call of which news is overdue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLookup {
    /// Our id.
    pub call_id: CallId,
    /// The provider's conversation, where it is known.
    pub conversation_id: Option<ConversationId>,
    /// The agent at the provider.
    pub provider_agent_id: Option<ProviderAgentId>,
    /// When it was booked.
    pub booked_at: Timestamp,
}
