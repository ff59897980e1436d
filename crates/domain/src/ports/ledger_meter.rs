use async_trait::async_trait;

use super::PortUnavailable;
use crate::Timestamp;

/// Measures what has not ended yet: the calls in the ledger, and what waits in the inbox, in the outbox
/// and in the queue of deliveries. For metrics: of all organizations, and only numbers.
///
/// - MUST count the calls that have not ended and were not given up by their status, and no others, and
///   return when the oldest unknown one was booked (`unended_calls_are_counted_by_status`).
/// - MUST count the open provider events that are due apart from those that are leased or postponed
///   (`open_events_are_counted`, `postponed_events_are_counted_apart`), the unpublished call events
///   (`unpublished_events_are_counted`), the pending deliveries and the dead letters
///   (`deliveries_are_counted_by_state`), and return the time of the oldest that waits.
/// - MUST count at most `limit` of each (`counts_are_limited`).
/// - MUST return `PortUnavailable`, within 5 s, when the store is lost
///   (`a_lost_ledger_meter_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait LedgerMeter: Send + Sync {
    /// Measures, in one statement, which reads only what it counts: what has ended costs nothing.
    async fn measure(&self, limit: u32) -> Result<LedgerFigures, PortUnavailable>;
}

/// What has not ended yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerFigures {
    /// Calls that are booked, and whose dial has no result.
    pub dialling: u64,
    /// Calls whose phone rings.
    pub ringing: u64,
    /// Calls that were placed and whose end was not reported.
    pub in_progress: u64,
    /// Calls whose outcome is unknown; `oldest` is the time of its booking.
    pub unknown: Backlog,
    /// Provider events that are not merged into the ledger although they are due; `oldest` is the time
    /// since which it has been due.
    pub inbox: Backlog,
    /// Provider events that a worker has, or that were postponed; `oldest` is the time at which it
    /// arrived. Beyond the limit, `oldest` is the oldest of those that are due next.
    pub postponed: Backlog,
    /// Call events that are not published.
    pub outbox: Backlog,
    /// Deliveries that are pending, those of suspended endpoints too.
    pub deliveries: Backlog,
    /// Dead letters.
    pub dead: u64,
}

/// What waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many.
    pub pending: u64,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
}
