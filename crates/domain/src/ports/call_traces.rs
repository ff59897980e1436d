use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallId, TraceParent};

/// Finds the trace of a call, to which later work on the call is linked.
///
/// - MUST return what the booking gave, and not that of another call
///   (`the_trace_of_a_booking_is_found`).
/// - MUST return `None` for a call that was booked without a trace, and for an unknown call
///   (`a_call_without_a_trace_has_none`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_store_of_traces_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CallTraces: Send + Sync {
    /// The place in a trace that the call was booked with.
    async fn trace_of(&self, call_id: &CallId) -> Result<Option<TraceParent>, PortUnavailable>;
}
