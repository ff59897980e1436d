use std::time::Duration;

use async_trait::async_trait;

use super::{PortUnavailable, ProviderLookup};
use crate::{CallId, ConversationId, Timestamp};

/// Leases the calls that need a question to the provider: how did the call end, or where is its
/// recording?
///
/// A lease keeps other workers from the same call until it expires. A call needs one of the two
/// questions at a time, so one lease serves both.
///
/// - MUST lease each overdue call to one worker at a time, until the lease expires
///   (`an_overdue_call_is_leased_to_one_worker`), and no call that is not overdue or was given up
///   (`only_overdue_calls_are_leased`). A call that is overdue and was not given up is leased
///   however old it is: otherwise it would never get an end.
/// - MUST lease an older call for longer: for a tenth of its age if that exceeds `lease_for`, so
///   that the provider is asked less and less often about a call that it does not report
///   (`an_older_call_is_leased_for_longer`). Such a lease ends when the call is to be given up, if
///   that is earlier and not before `lease_for` (`a_long_lease_ends_when_the_call_is_given_up`).
/// - MUST in the same way lease calls that have ended, have a recording at the provider and none
///   attached (`an_unrecorded_call_is_leased_to_one_worker`), and no others
///   (`only_unrecorded_calls_are_leased`). The provider has one if its record of the conversation
///   or a [`RecordingReport`](crate::RecordingReport) says so, unless the report says that it is
///   too large (`a_reported_recording_is_leased_unless_it_is_too_large`).
/// - MUST lease first the calls whose last lease is the oldest, those without any lease before all
///   others, so that calls without an answer do not delay the rest
///   (`every_overdue_call_has_its_turn`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`lost_unfinished_calls_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait UnfinishedCalls: Send + Sync {
    /// Leases some calls whose end is overdue.
    async fn lease_overdue(&self, lease: &OverdueLease) -> Result<Vec<ProviderLookup>, PortUnavailable>;

    /// Leases some calls whose recording is overdue.
    async fn lease_unrecorded(
        &self,
        lease: &UnrecordedLease,
    ) -> Result<Vec<(CallId, ConversationId)>, PortUnavailable>;
}

/// Which calls are overdue, and for how long to lease them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverdueLease {
    /// The current time by our clock; the age of a call is measured from it.
    pub now: Timestamp,
    /// Lease calls that are initiated, ringing or unknown and were booked before this time.
    pub undecided_before: Timestamp,
    /// Lease calls that are in progress and were booked before this time.
    pub unended_before: Timestamp,
    /// A call booked before this time is to be given up now: it is not leased for longer than
    /// `lease_for`.
    pub given_up_before: Timestamp,
    /// The maximum number of calls to lease.
    pub limit: u32,
    /// The shortest lease.
    pub lease_for: Duration,
}

/// Which calls lack their recording, and for how long to lease them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnrecordedLease {
    /// The current time by our clock; the age of a call is measured from it.
    pub now: Timestamp,
    /// Lease calls booked before this time.
    pub booked_before: Timestamp,
    /// Skip calls booked before this time: reconciliation has given up on them.
    pub given_up_before: Timestamp,
    /// The maximum number of calls to lease.
    pub limit: u32,
    /// The shortest lease.
    pub lease_for: Duration,
}
