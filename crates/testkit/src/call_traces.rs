//! The suite of [`CallTraces`](domain::ports::CallTraces).

use std::time::Duration;

use domain::{Booking, TraceParent};

use crate::call_ledger::booking::{book, tenant};
use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::call_id;
use crate::harness::CallTracesHarness;

suite! {
    $ call_traces_suite of call_traces:
    the_trace_of_a_booking_is_found,
    a_call_without_a_trace_has_none,
    a_lost_store_of_traces_is_unavailable,
}

const LONG: Duration = Duration::from_secs(120);

/// Each call has its own.
pub async fn the_trace_of_a_booking_is_found(harness: &impl CallTracesHarness) {
    let tenant = tenant(harness).await;
    let mut booked = Vec::new();
    for span in ["00f067aa0ba902b7", "00f067aa0ba902b8"] {
        let trace = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{span}-01");
        let trace = TraceParent::parse(&trace).expect("a place in a trace");
        let booking = Booking { trace: Some(trace), ..tenant.booking(LONG) };
        book(harness, &booking).await;
        booked.push(booking);
    }
    for Booking { identity, trace, .. } in booked {
        assert_eq!(harness.traces().trace_of(&identity.call_id).await, Ok(trace));
    }
}

/// Also if another call has one.
pub async fn a_call_without_a_trace_has_none(harness: &impl CallTracesHarness) {
    let tenant = tenant(harness).await;
    let trace = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    let traced = Booking { trace: Some(trace.expect("a place in a trace")), ..tenant.booking(LONG) };
    let untraced = Booking { trace: None, ..tenant.booking(LONG) };
    book(harness, &traced).await;
    book(harness, &untraced).await;
    for call in [untraced.identity.call_id, call_id()] {
        assert_eq!(harness.traces().trace_of(&call).await, Ok(None));
    }
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting data.
pub async fn a_lost_store_of_traces_is_unavailable(harness: &impl CallTracesHarness) {
    let (port, call) = (harness.traces(), call_id());
    harness.lose().await;
    unavailable_within(LOST_DATABASE_BOUND, port.trace_of(&call), &[call.as_str()]).await;
}
