//! The suite of [`LedgerMeter`](domain::ports::LedgerMeter).

use std::time::Duration;

use domain::ports::{AttemptConclusion, Backlog, ClosedBody, InboxLease, IncomingEvent, LedgerFigures};
use domain::{
    Booking, CallEventKind, CallStatus, DeliveryFailure, DialOutcome, NotConnectedReason, NotDialledReason,
    ProviderReference, Timestamp, UnknownCause,
};

use crate::call_events::{LONG, booked, endpoint, is_about_now, merge, publish};
use crate::call_ledger::booking::{book, settle, tenant};
use crate::call_updates::{bare_conversation, failure, given_up};
use crate::delivery_queue::{conclude, lease};
use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::{Tenant, moment, provider_reference};
use crate::harness::LedgerMeterHarness;

suite! {
    $ ledger_meter_suite of ledger_meter:
    unended_calls_are_counted_by_status,
    open_events_are_counted,
    postponed_events_are_counted_apart,
    unpublished_events_are_counted,
    deliveries_are_counted_by_state,
    counts_are_limited,
    a_lost_ledger_meter_is_unavailable,
}

/// More than any case has.
const MANY: u32 = 1000;
const A_SECOND: Duration = Duration::from_secs(1);

/// Each status is counted apart. Calls that have ended or were given up do not count.
pub async fn unended_calls_are_counted_by_status(harness: &impl LedgerMeterHarness) {
    assert_eq!(measure(harness, MANY).await, LedgerFigures::default(), "an empty ledger");
    let tenant = tenant(harness).await;
    for _ in 0..2 {
        booked(harness, &tenant).await;
    }
    let ringing = booked(harness, &tenant).await;
    merge(harness, &ringing, &bare_conversation(CallStatus::Ringing)).await;
    let placed = DialOutcome::Placed(provider_reference());
    for _ in 0..3 {
        settled(harness, &tenant, 0, &placed).await;
    }
    let unknown = DialOutcome::Unknown(UnknownCause::TimedOut);
    let mut unknown_calls = Vec::new();
    for age in [3, 9, 6] {
        unknown_calls.push(settled(harness, &tenant, age, &unknown).await);
    }
    // None of these is counted.
    let oldest = settled(harness, &tenant, 90, &unknown).await;
    merge(harness, &oldest, &given_up()).await;
    let ended = settled(harness, &tenant, 80, &unknown).await;
    merge(harness, &ended, &failure(NotConnectedReason::Busy)).await;
    let completed = settled(harness, &tenant, 70, &placed).await;
    merge(harness, &completed, &bare_conversation(CallStatus::Completed)).await;
    settled(harness, &tenant, 60, &DialOutcome::NotDialled(NotDialledReason::Unavailable)).await;
    let reference = ProviderReference::default();
    let reason = NotConnectedReason::NoAnswer;
    settled(harness, &tenant, 50, &DialOutcome::NotConnected { reference, reason, code: None }).await;

    let figures = measure(harness, MANY).await;
    assert_eq!((figures.dialling, figures.ringing, figures.in_progress), (2, 1, 3));
    let booked_at = unknown_calls[1].booked_at;
    assert_eq!(figures.unknown, Backlog { pending: 3, oldest: Some(booked_at) });
}

/// An event counts from its acceptance until it is closed. It is due from its acceptance on, whenever it
/// arrived.
pub async fn open_events_are_counted(harness: &impl LedgerMeterHarness) {
    accept_three(harness).await;
    let inbox = measure(harness, MANY).await.inbox;
    assert_eq!(inbox.pending, 3);
    assert!(inbox.oldest.is_some_and(is_about_now), "{inbox:?}");
    close(harness, "two").await;
    assert_eq!(measure(harness, MANY).await.inbox.pending, 2);
    close(harness, "one").await;
    close(harness, "three").await;
    let LedgerFigures { inbox, postponed, .. } = measure(harness, MANY).await;
    assert_eq!([inbox, postponed], [Backlog::default(); 2]);
}

/// An event that a worker has, or that waits for its call, is not one that no worker took. It has its age
/// from its arrival, and is due again after its time.
pub async fn postponed_events_are_counted_apart(harness: &impl LedgerMeterHarness) {
    accept_three(harness).await;
    harness.inbox().postpone("two", LONG).await.expect("store is up");
    let LedgerFigures { inbox, postponed, .. } = measure(harness, MANY).await;
    let oldest = Some(moment().before(A_SECOND * 5));
    assert_eq!((inbox.pending, postponed), (2, Backlog { pending: 1, oldest }));
    let lease = InboxLease { recent_since: moment().before(LONG), limit: 10, lease_for: LONG };
    assert_eq!(harness.inbox().lease(&lease).await.expect("store is up").len(), 2);
    let LedgerFigures { inbox, postponed, .. } = measure(harness, MANY).await;
    assert_eq!((inbox, postponed), (Backlog::default(), Backlog { pending: 3, oldest }));
    close(harness, "two").await;
    let oldest = Some(moment().before(A_SECOND * 2));
    assert_eq!(measure(harness, MANY).await.postponed, Backlog { pending: 2, oldest });
    harness.pass(LONG + A_SECOND).await;
    let LedgerFigures { inbox, postponed, .. } = measure(harness, MANY).await;
    assert_eq!((inbox.pending, postponed), (2, Backlog::default()));
}

/// An event counts until it is published.
pub async fn unpublished_events_are_counted(harness: &impl LedgerMeterHarness) {
    let tenant = tenant(harness).await;
    for _ in 0..3 {
        booked(harness, &tenant).await;
    }
    let outbox = measure(harness, MANY).await.outbox;
    assert_eq!(outbox.pending, 3);
    assert!(outbox.oldest.is_some_and(is_about_now), "{outbox:?}");
    publish(harness).await;
    booked(harness, &tenant).await;
    assert_eq!(measure(harness, MANY).await.outbox.pending, 1);
    publish(harness).await;
    assert_eq!(measure(harness, MANY).await.outbox, Backlog::default());
}

/// Pending and dead deliveries count, delivered ones do not.
pub async fn deliveries_are_counted_by_state(harness: &impl LedgerMeterHarness) {
    let tenant = tenant(harness).await;
    endpoint(harness, &tenant, &CallEventKind::ALL).await;
    for _ in 0..4 {
        booked(harness, &tenant).await;
    }
    publish(harness).await;
    let leased = lease(harness, 2, LONG).await;
    let figures = measure(harness, MANY).await;
    assert_eq!((figures.deliveries.pending, figures.dead), (4, 0));
    assert!(figures.deliveries.oldest.is_some_and(is_about_now), "{figures:?}");
    conclude(harness, &leased[0], AttemptConclusion::Delivered).await;
    let failure = DeliveryFailure::TimedOut;
    conclude(harness, &leased[1], AttemptConclusion::GivenUp { failure }).await;
    let figures = measure(harness, MANY).await;
    assert_eq!((figures.deliveries.pending, figures.dead), (2, 1));
}

/// No count is greater than the limit, and the oldest is found nevertheless.
pub async fn counts_are_limited(harness: &impl LedgerMeterHarness) {
    let tenant = tenant(harness).await;
    endpoint(harness, &tenant, &CallEventKind::ALL).await;
    let unknown = DialOutcome::Unknown(UnknownCause::TimedOut);
    for age in [1, 4, 2] {
        settled(harness, &tenant, age, &unknown).await;
        let key = age.to_string();
        let event = IncomingEvent {
            key: &key,
            kind: "a-kind",
            body: b"{}",
            received_at: moment(),
            organization_id: None,
        };
        harness.inbox().accept(&event).await.expect("store is up");
    }
    publish(harness).await;
    let delivery = lease(harness, 1, LONG).await.remove(0);
    let failure = DeliveryFailure::TimedOut;
    conclude(harness, &delivery, AttemptConclusion::GivenUp { failure }).await;
    booked(harness, &tenant).await;
    booked(harness, &tenant).await;
    for key in ["postponed", "later"] {
        let event =
            IncomingEvent { key, kind: "a-kind", body: b"{}", received_at: moment(), organization_id: None };
        harness.inbox().accept(&event).await.expect("store is up");
        harness.inbox().postpone(key, LONG).await.expect("store is up");
    }
    let LedgerFigures { unknown, inbox, postponed, outbox, deliveries, dead, .. } = measure(harness, 1).await;
    assert_eq!(unknown, Backlog { pending: 1, oldest: Some(moment().before(A_SECOND * 4)) });
    let pending = [inbox, postponed, outbox, deliveries].map(|backlog| backlog.pending);
    assert_eq!((pending, dead), ([1; 4], 1));
}

/// Without its store the port returns `PortUnavailable`, within 5 s.
pub async fn a_lost_ledger_meter_is_unavailable(harness: &impl LedgerMeterHarness) {
    let port = harness.meter();
    harness.lose().await;
    unavailable_within(LOST_DATABASE_BOUND, port.measure(MANY), &[]).await;
}

async fn accept_three(harness: &impl LedgerMeterHarness) {
    for (key, age) in [("one", 2), ("two", 5), ("three", 1)] {
        let received_at = moment().before(A_SECOND * age);
        let event = IncomingEvent { key, kind: "a-kind", body: b"{}", received_at, organization_id: None };
        harness.inbox().accept(&event).await.expect("store is up");
    }
}

async fn close(harness: &impl LedgerMeterHarness, key: &str) {
    harness.inbox().close(key, None, ClosedBody::Kept).await.expect("store is up");
}

async fn measure(harness: &impl LedgerMeterHarness, limit: u32) -> LedgerFigures {
    harness.meter().measure(limit).await.expect("store is up")
}

/// A call that was booked some seconds ago, with this outcome of its dial.
async fn settled(
    harness: &impl LedgerMeterHarness,
    tenant: &Tenant,
    age_secs: u32,
    outcome: &DialOutcome,
) -> Booking {
    let booked_at: Timestamp = moment().before(A_SECOND * age_secs);
    let booking = Booking { booked_at, ..tenant.booking(LONG) };
    book(harness, &booking).await;
    settle(harness, &booking, outcome, LONG).await;
    booking
}
