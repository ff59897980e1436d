//! The suite of [`IntentHolds`](domain::ports::IntentHolds).

use std::time::Duration;

use domain::ports::HoldResult;
use domain::{IntentKey, SettledCall};

use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::key;
use crate::harness::IntentHoldsHarness;

suite! {
    $ intent_holds_suite of intent_holds:
    a_held_key_is_seen_in_flight,
    a_settled_key_is_seen_with_its_result,
    a_free_key_is_seen_free,
    a_look_takes_nothing,
    a_lost_store_shows_no_holds,
}

/// A held key is in flight, with at most the time for which it is held.
pub async fn a_held_key_is_seen_in_flight(harness: &impl IntentHoldsHarness) {
    let held = harness.hold().await;
    let seen = look(harness, &held.key).await;
    let HoldResult::InFlight { remaining } = seen else { panic!("the key is in flight, and not {seen:?}") };
    assert!(remaining > Duration::ZERO && remaining <= Duration::from_secs(30), "{remaining:?}");
}

/// The result of a settled call is seen with its ids.
pub async fn a_settled_key_is_seen_with_its_result(harness: &impl IntentHoldsHarness) {
    let held = harness.hold().await;
    harness.settle(&held).await;
    let expected = HoldResult::Settled(SettledCall::Placed(held.call));
    assert_eq!(look(harness, &held.key).await, expected);
}

/// A key that no request holds is free, also if another one is held.
pub async fn a_free_key_is_seen_free(harness: &impl IntentHoldsHarness) {
    harness.hold().await;
    assert_eq!(look(harness, &key()).await, HoldResult::Granted);
}

/// A free key is still free after a look, and a held one can still be settled by its owner.
pub async fn a_look_takes_nothing(harness: &impl IntentHoldsHarness) {
    let free = key();
    for _ in 0..2 {
        assert_eq!(look(harness, &free).await, HoldResult::Granted);
    }
    assert_eq!(harness.request(&free).await, HoldResult::Granted);
    let held = harness.hold().await;
    look(harness, &held.key).await;
    assert!(matches!(harness.request(&held.key).await, HoldResult::InFlight { .. }), "still held");
    harness.settle(&held).await;
    assert!(matches!(look(harness, &held.key).await, HoldResult::Settled(_)), "settled by its owner");
}

/// A lost store is unavailable, and the error quotes nothing.
pub async fn a_lost_store_shows_no_holds(harness: &impl IntentHoldsHarness) {
    let (holds, key) = (harness.holds(), key());
    harness.lose().await;
    unavailable_within(LOST_DATABASE_BOUND, holds.look_at(&key), &[key.as_str()]).await;
}

async fn look(harness: &impl IntentHoldsHarness, key: &IntentKey) -> HoldResult {
    harness.holds().look_at(key).await.expect("store is up")
}
