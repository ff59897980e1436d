use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallEvent, EventSequence, OrganizationId};

/// Publishes and reads the call events, in one order for every reader.
///
/// [`CallLedger`](super::CallLedger) and [`CallUpdater`](super::CallUpdater) write an event in the
/// same step as the change that it reports, without a sequence number. Publishing assigns the
/// number and queues the event for the endpoints that asked for it.
///
/// - MUST write an event when a call is booked (`a_booked_call_writes_an_event`), answered
///   (`an_answered_call_writes_an_event`) and ended, by its dial
///   (`a_call_that_was_not_connected_writes_an_event`) or by an update
///   (`an_ended_call_writes_an_event`), and when its recording is stored
///   (`a_recording_writes_an_event`), with every field (`an_event_has_every_field`).
/// - MUST write another event of the end when a later update reports a greater status
///   (`a_later_end_writes_another_event`), one event of each other kind
///   (`an_answer_writes_one_event`), and no event twice, however often a call is settled or merged
///   (`no_event_is_written_twice`).
/// - MUST write the end of a call that is given up, with the status that clients see
///   (`a_given_up_call_writes_its_end`).
/// - MUST write the end with its reason, as far as it is known, and every other event without one
///   (`the_end_of_a_call_has_its_reason`).
/// - MUST read all published events and no others (`what_is_published_is_read`), after any sequence
///   number, in order, by pages (`events_are_read_after_any_sequence`), for one organization only
///   (`events_are_the_tenants_own`).
/// - MUST NOT publish an event with a smaller sequence number than one that was read, however many
///   processes write, publish and read at the same time (`no_event_is_passed_over`).
/// - MUST wake a waiting reader when an event is published by any process
///   (`a_waiting_reader_is_answered`), and return no events when the wait ends (`a_wait_ends`).
/// - MUST know the newest sequence number of the organization (`the_newest_sequence_is_known`).
/// - MUST leave out numbers when it is asked to: an event that is written later gets a greater number
///   than all that were left out, in every process (`skipped_numbers_are_not_given`).
/// - MUST still have every event, published or not, after a crash of the store
///   (`events_survive_a_crash`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_feed_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait EventFeed: Send + Sync {
    /// Publishes at most `limit` written events, oldest first, and returns how many. Any number of
    /// processes may call it repeatedly; they take turns.
    async fn publish(&self, limit: u32) -> Result<usize, PortUnavailable>;

    /// Reads published events of an organization.
    async fn read(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable>;

    /// The sequence number of the organization's newest event: all later events are new.
    async fn newest(&self, organization_id: &OrganizationId) -> Result<EventSequence, PortUnavailable>;

    /// Leaves out the next `count` sequence numbers. A store that was restored from a backup would give
    /// numbers again that clients have seen: they would miss the events that get them.
    async fn skip(&self, count: u32) -> Result<(), PortUnavailable>;
}

/// Which events to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedQuery {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Only events after this sequence number.
    pub after: EventSequence,
    /// The maximum number of events.
    pub limit: u32,
    /// How long to wait if there is no event yet.
    pub wait: Duration,
}
