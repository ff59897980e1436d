//! Removing keys whose requests are not repeated any more.

use std::time::Duration;

use domain::{CallStatus, DialOutcome, NotConnectedReason, ProviderReference};

use super::{A_SECOND, LONG, RESERVATION, UNKNOWN, find, found, keyed};
use crate::call_ledger::booking::{book, only_call, results, settle, tenant};
use crate::call_updates::{conversation, given_up, merge};
use crate::harness::IdempotencyKeysHarness;

/// The key of a call that has ended long enough ago is removed, in batches of at most the limit. The time
/// counts from the last status of the call, or from giving it up, and not from the key. The keys of calls
/// without an end stay.
/// The calls stay.
pub async fn keys_of_ended_calls_are_removed(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    let [dialling, unknown, abandoned, placed, completed] =
        [(); 5].map(|()| keyed(tenant.booking(RESERVATION)).0);
    let ended = [(); 2].map(|()| keyed(tenant.booking(LONG)).0);
    for booking in [&dialling, &unknown, &abandoned, &placed, &completed].into_iter().chain(&ended) {
        book(harness, booking).await;
    }
    for booking in [&unknown, &abandoned] {
        settle(harness, booking, &UNKNOWN, LONG).await;
    }
    harness.pass(RESERVATION + A_SECOND).await;
    for booking in [&placed, &completed] {
        settle(harness, booking, &results()[0], LONG).await;
    }
    for booking in &ended {
        let (reference, reason) = (ProviderReference::default(), NotConnectedReason::Busy);
        settle(harness, booking, &DialOutcome::NotConnected { reference, reason, code: None }, LONG).await;
    }
    assert_eq!(remove(harness, RESERVATION, 100).await, 0, "the keys are so old, and no end is");
    assert_eq!(remove(harness, Duration::ZERO, 1).await, 1, "one is the limit");
    merge(harness, &completed, &conversation(CallStatus::Completed)).await;
    merge(harness, &abandoned, &given_up()).await;
    assert_eq!(remove(harness, Duration::ZERO, 100).await, 3, "that is the rest");
    assert_eq!(remove(harness, Duration::ZERO, 100).await, 0, "that were all");

    for booking in [&dialling, &unknown, &placed] {
        found(harness, booking).await;
    }
    for booking in ended.iter().chain([&abandoned, &completed]) {
        let request = booking.keyed.as_ref().expect("the booking has a key");
        assert_eq!(find(harness, &tenant.user.id, request).await, None);
        only_call(harness, booking).await;
    }
}

async fn remove(harness: &impl IdempotencyKeysHarness, ended_for: Duration, limit: u32) -> u64 {
    harness.keys().remove_ended(ended_for, limit).await.expect("store is up")
}
