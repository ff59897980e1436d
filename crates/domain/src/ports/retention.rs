use std::fmt;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallId, RecordingKey, Timestamp};

/// Removes rows that are old enough, in batches. A batch holds its locks for the time of one statement, and
/// skips rows that another statement has locked. The age of a call, and of what is stored with it, counts from
/// its booking.
///
/// - MUST remove provider events that were closed before the time, and no open ones
///   (`old_provider_events_are_removed`).
/// - MUST remove deliveries that were concluded before the time, and no pending ones
///   (`old_deliveries_are_removed`).
/// - MUST remove published call events that happened before the time and have no deliveries, and none of a
///   call that has not ended or that has an idempotency key (`old_call_events_are_removed`).
/// - MUST remove the transcript, the summary, the criteria and the collected values of ended calls, keep
///   everything else of them, and show since when the transcript is removed (`old_transcripts_are_removed`).
/// - MUST list the recordings of old calls (`old_recordings_are_listed`), and forget one whose audio was
///   removed: the call shows since when, and its recording is not fetched again
///   (`a_removed_recording_is_forgotten`).
/// - MUST remove the decisions of ended calls (`old_decisions_are_removed`), the counts of refused requests of
///   hours before the time (`old_refusal_counts_are_removed`), attempts before the time that no cap counts any
///   more (`attempts_that_no_cap_counts_are_removed`), and numbers that left a do-not-call list before the time
///   (`numbers_that_left_a_list_are_removed`).
/// - MUST remove ended calls with their events, deliveries and idempotency keys, and no others
///   (`old_calls_are_removed`). MUST keep a call that has not ended and was not given up, that has a
///   reservation, a recording, an unpublished event or a pending delivery (`calls_in_use_are_kept`).
/// - MUST remove at most the limit in a batch, and everything with the batches that follow each other
///   (`batches_remove_everything_in_the_end`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_retention_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Retention: Send + Sync {
    /// Removes some rows.
    async fn remove(&self, batch: &RetentionBatch) -> Result<RemovedRows, PortUnavailable>;

    /// Lists at most `limit` recordings of calls that were booked before this time, the oldest first.
    async fn old_recordings(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(CallId, RecordingKey)>, PortUnavailable>;

    /// Forgets recordings whose audio was removed. Pass what [`Retention::old_recordings`] returned.
    async fn forget_recordings(&self, removed: &[(CallId, RecordingKey)]) -> Result<(), PortUnavailable>;
}

/// What a batch removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionBatch {
    /// The kind of rows.
    pub rows: OldRows,
    /// Only rows that are older than this time.
    pub before: Timestamp,
    /// The most rows. A batch of a kind without an index of its age looks at no more rows than this.
    pub limit: u32,
    /// Where the batch before ended; `None` for the first one.
    pub after: Option<RetentionCursor>,
}

/// What a batch has removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedRows {
    /// How many rows, not counted what is removed with them.
    pub rows: u64,
    /// Where the next batch begins; `None` if nothing is left to look at.
    pub next: Option<RetentionCursor>,
}

/// A place in the order in which an adapter looks at rows. Only the adapter knows what it means. It may
/// contain a phone number.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RetentionCursor(pub String);

impl fmt::Debug for RetentionCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetentionCursor")
    }
}

/// Rows that are removed by their age. Recordings are not among them: their audio is in another store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OldRows {
    /// Provider events.
    ProviderEvents,
    /// Deliveries of call events.
    Deliveries,
    /// Call events.
    CallEvents,
    /// What was said in a call, and what the provider concluded from it.
    Transcripts,
    /// The decisions that calls were allowed by.
    Decisions,
    /// Counts of refused requests.
    RefusalCounts,
    /// Attempts to reach a callee.
    Attempts,
    /// Numbers that are no longer on their do-not-call list.
    ListedNumbers,
    /// Calls, with everything that belongs to them.
    Calls,
}

impl OldRows {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::ProviderEvents,
        Self::Deliveries,
        Self::CallEvents,
        Self::Transcripts,
        Self::Decisions,
        Self::RefusalCounts,
        Self::Attempts,
        Self::ListedNumbers,
        Self::Calls,
    ];

    /// The name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProviderEvents => "provider_events",
            Self::Deliveries => "deliveries",
            Self::CallEvents => "call_events",
            Self::Transcripts => "transcripts",
            Self::Decisions => "decisions",
            Self::RefusalCounts => "refusal_counts",
            Self::Attempts => "attempts",
            Self::ListedNumbers => "listed_numbers",
            Self::Calls => "calls",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_hidden_in_debug() {
        assert!(!format!("{:?}", RetentionCursor("+15550100".to_owned())).contains("555"));
    }
}
