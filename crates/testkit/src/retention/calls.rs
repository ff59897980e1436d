use std::time::Duration;

use domain::ports::OldRows;
use domain::{AudioFormat, Booking, CallEventKind, CallRecord, DialOutcome, UnknownCause};

use super::{DAY, LONG, booking, ended, now, older_than, placed, remove};
use crate::call_events::{endpoint, merge, publish, read};
use crate::call_ledger::booking::{book, settle, tenant};
use crate::call_updates::given_up;
use crate::fixtures::{keyed_request, recording};
use crate::harness::RetentionHarness;

/// Long enough that each reservation has expired and was removed.
const LATER: Duration = Duration::from_hours(5);

/// Old calls that have ended or were given up are removed, with their events, idempotency keys and delivered
/// events. A younger call stays, and the key of a removed one is new again.
pub async fn old_calls_are_removed(harness: &impl RetentionHarness) {
    let (tenant, other) = (tenant(harness).await, tenant(harness).await);
    let keyed = keyed_request();
    let [first, second, elsewhere, young] = [
        Booking { keyed: Some(keyed.clone()), ..booking(&tenant, 9) },
        booking(&tenant, 9),
        booking(&other, 9),
        booking(&tenant, 3),
    ];
    for booking in [&first, &elsewhere, &young] {
        ended(harness, booking).await;
    }
    book(harness, &second).await;
    settle(harness, &second, &DialOutcome::Unknown(UnknownCause::TimedOut), LONG).await;
    merge(harness, &second, &given_up()).await;
    publish(harness).await;
    forget_reservations(harness).await;
    assert_eq!(remove(harness, OldRows::Calls, older_than(20)).await, 0);
    assert_eq!(remove(harness, OldRows::Calls, older_than(9)).await, 3);
    for removed in [&first, &second, &elsewhere] {
        assert!(stored(harness, removed).await.is_none());
    }
    assert!(stored(harness, &young).await.is_some());
    let left = read(harness, &tenant).await;
    assert!(left.iter().all(|event| event.identity.call_id == young.identity.call_id), "events are left");
    assert!(read(harness, &other).await.is_empty());
    let again = Booking { keyed: Some(keyed), ..booking(&tenant, 0) };
    assert_eq!(book(harness, &again).await, domain::ports::HoldResult::Granted, "the key is left");
}

/// Nothing of a call is removed while a part of the gateway still works on it.
pub async fn calls_in_use_are_kept(harness: &impl RetentionHarness) {
    let (tenant, with_endpoint) = (tenant(harness).await, tenant(harness).await);
    endpoint(harness, &with_endpoint, &[CallEventKind::Ended]).await;
    let [dialling, running, unknown, recorded, unpublished, reserved] =
        [9; 6].map(|days| booking(&tenant, days));
    let undelivered = booking(&with_endpoint, 9);
    book(harness, &dialling).await;
    placed(harness, &running).await;
    book(harness, &unknown).await;
    settle(harness, &unknown, &DialOutcome::Unknown(UnknownCause::TimedOut), LONG).await;
    for booking in [&recorded, &undelivered] {
        ended(harness, booking).await;
    }
    let audio = recording(&recorded.identity.call_id, AudioFormat::Mp3);
    harness.updater().attach_recording(&recorded.identity.call_id, &audio).await.expect("store is up");
    publish(harness).await;
    forget_reservations(harness).await;
    ended(harness, &reserved).await;
    publish(harness).await;
    assert_eq!(remove(harness, OldRows::Calls, now()).await, 0);
    ended(harness, &unpublished).await;
    forget_reservations(harness).await;
    assert_eq!(remove(harness, OldRows::Calls, now()).await, 1, "its reservation has ended");
    for kept in [&dialling, &running, &unknown, &recorded, &unpublished, &undelivered] {
        assert!(stored(harness, kept).await.is_some());
    }
    publish(harness).await;
    assert_eq!(remove(harness, OldRows::Calls, now()).await, 1, "its events are published");
}

/// Removes the reservations of decided calls, as the gateway does an hour after they expired.
async fn forget_reservations(harness: &impl RetentionHarness) {
    harness.pass(LATER).await;
    harness.ledger().remove_expired(DAY / 24, 1000).await.expect("store is up");
}

async fn stored(harness: &impl RetentionHarness, booking: &Booking) -> Option<CallRecord> {
    let identity = &booking.identity;
    harness.reader().find(&identity.organization_id, &identity.call_id).await.expect("store is up")
}
