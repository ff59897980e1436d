use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallEvent, EventSequence, OrganizationId};

/// The events of calls, in one order for every reader. An event is written by the ledger and the books in the very step that
/// it tells of, with no place in the order yet; publishing gives it one, and queues it for the endpoints that asked for it.
///
/// - MUST tell that a call was booked (`a_booked_call_writes_an_event`), answered (`an_answered_call_writes_an_event`) and has ended, by its
///   dial (`a_call_that_was_not_connected_writes_an_event`) or by an account (`an_ended_call_writes_an_event`), and that its recording is ready
///   (`a_recording_writes_an_event`), each event whole (`an_event_has_every_field`).
/// - MUST tell the end again where a later account says more (`a_later_end_writes_another_event`), no other step of a call again
///   (`an_answer_writes_one_event`), and nothing twice, however often it is settled or absorbed
///   (`no_event_is_written_twice`).
/// - MUST read nothing that is not published, and all that is (`what_is_published_is_read`), behind any place, in order, by
///   pages (`events_are_read_after_any_sequence`), of the organization alone (`events_are_the_tenants_own`).
/// - MUST never let an event appear before a place that was read, however many write, publish and read at once
///   (`no_event_is_passed_over`).
/// - MUST answer a reader who waits as soon as something is there, whichever process published it
///   (`a_waiting_reader_is_answered`), and with nothing when the wait is over (`a_wait_ends`).
/// - MUST say which place is the newest of the organization (`the_newest_sequence_is_known`).
/// - MUST have every event still when the store comes back from a crash, published or not (`events_survive_a_crash`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost (`a_lost_feed_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait EventFeed: Send + Sync {
    /// Publishes up to `limit` written events, oldest first; says how many. To be called over and over, by any number of
    /// processes: they take turns.
    async fn publish(&self, limit: u32) -> Result<usize, PortUnavailable>;

    /// Published events of an organization.
    async fn read(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable>;

    /// The place of the organization's newest event: what is read behind it is new.
    async fn newest(&self, organization_id: &OrganizationId) -> Result<EventSequence, PortUnavailable>;
}

/// Which events to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedQuery {
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Only behind this place.
    pub after: EventSequence,
    /// How many at most.
    pub limit: u32,
    /// For how long to wait where there is none yet.
    pub wait: Duration,
}
