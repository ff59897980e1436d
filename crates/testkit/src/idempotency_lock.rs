//! The suite of [`IdempotencyLock`](domain::ports::IdempotencyLock).

mod day_limits;
mod slots;

use std::time::Duration;

use domain::ports::{ContextToStore, HoldResult, LockRequest, LockSettlement, Ownership, SettleResult};
use domain::{CallReference, ConversationContext, IntentKey, NotConnectedReason, OwnerToken, SettledCall};

pub use self::day_limits::{
    a_duplicate_is_answered_before_the_limits, a_limit_holds_for_many_acquirers,
    a_limit_without_a_count_asks_for_one, a_reached_limit_refuses_and_leaves_the_key_free,
    a_release_after_the_end_of_the_lock_gives_the_counts_back, a_release_gives_back_only_what_was_counted,
    a_release_gives_the_counts_back, counts_do_not_affect_each_other, granted_requests_are_counted,
    requests_that_are_not_granted_are_not_counted, the_greater_count_is_kept,
};
pub use self::slots::{
    a_call_that_waits_for_its_number_delays_no_other_one, a_refused_wait_takes_nothing,
    a_slot_is_no_later_than_its_interval, a_slot_keeps_every_interval,
    requests_that_are_not_granted_take_no_slot, slots_do_not_affect_each_other, slots_keep_their_interval,
    slots_keep_their_interval_for_many_acquirers, slots_of_many_numbers_keep_every_interval,
};
use crate::expect::{CROWD, LOST_CACHE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{call_reference, context, key, token};
use crate::harness::IdempotencyLockHarness;

suite! {
    $ idempotency_lock_suite of idempotency_lock:
    one_of_many_acquirers_is_granted,
    a_held_key_is_in_flight_with_its_remaining_time,
    an_expired_key_is_free_again,
    a_renewed_key_lives_on,
    only_the_owner_renews_the_lock,
    a_settled_key_answers_its_result,
    a_settled_key_is_free_after_its_time,
    only_the_owner_settles_the_lock,
    a_released_key_is_free,
    only_the_owner_releases_the_lock,
    keys_do_not_affect_each_other,
    a_context_reported_as_stored_is_found,
    granted_requests_are_counted,
    requests_that_are_not_granted_are_not_counted,
    a_duplicate_is_answered_before_the_limits,
    a_reached_limit_refuses_and_leaves_the_key_free,
    a_limit_holds_for_many_acquirers,
    a_limit_without_a_count_asks_for_one,
    the_greater_count_is_kept,
    a_release_gives_the_counts_back,
    a_release_gives_back_only_what_was_counted,
    a_release_after_the_end_of_the_lock_gives_the_counts_back,
    counts_do_not_affect_each_other,
    slots_keep_their_interval,
    slots_keep_their_interval_for_many_acquirers,
    a_slot_keeps_every_interval,
    slots_of_many_numbers_keep_every_interval,
    a_call_that_waits_for_its_number_delays_no_other_one,
    a_slot_is_no_later_than_its_interval,
    requests_that_are_not_granted_take_no_slot,
    a_refused_wait_takes_nothing,
    slots_do_not_affect_each_other,
    a_lost_lock_store_is_unavailable,
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(30);
/// A time that a harness can let pass twice.
const LEASE: Duration = Duration::from_secs(6);

/// Of fifty concurrent acquirers of one key exactly one gets it. For the others it is in flight.
pub async fn one_of_many_acquirers_is_granted(harness: &impl IdempotencyLockHarness) {
    let key = key();
    let acquirers = (0..CROWD).map(|_| {
        let (lock, key, token) = (harness.lock(), key.clone(), token());
        async move { lock.acquire(&LockRequest::new(&key, &token, LONG)).await.expect("store is up") }
    });
    let answers = all_at_once(acquirers).await;
    let granted = answers.iter().filter(|answer| **answer == HoldResult::Granted).count();
    let in_flight = answers.iter().filter(|answer| matches!(answer, HoldResult::InFlight { .. })).count();
    assert_eq!((granted, in_flight), (1, CROWD - 1));
}

/// A held key is in flight for every other request and for its owner, with the remaining time.
pub async fn a_held_key_is_in_flight_with_its_remaining_time(harness: &impl IdempotencyLockHarness) {
    let (key, owner) = (key(), token());
    assert_eq!(acquire(harness, &key, &owner, LONG).await, HoldResult::Granted);
    for comer in [token(), owner] {
        let remaining = in_flight(acquire(harness, &key, &comer, LONG * 9).await);
        assert!(remaining <= LONG, "{remaining:?} are left of {LONG:?}");
        assert!(remaining > LONG / 2, "{remaining:?} are left of {LONG:?} right after the grant");
    }
    harness.pass(LEASE).await;
    let remaining = in_flight(acquire(harness, &key, &token(), LONG).await);
    assert!(remaining <= LONG - LEASE, "{remaining:?} are left of {LONG:?} after {LEASE:?}");
}

/// A key whose time has passed is free, and no longer its old owner's.
pub async fn an_expired_key_is_free_again(harness: &impl IdempotencyLockHarness) {
    let (key, first, second) = (key(), token(), token());
    assert_eq!(acquire(harness, &key, &first, LEASE).await, HoldResult::Granted);
    harness.pass(LEASE + Duration::from_secs(1)).await;
    let late = harness.lock().renew(&key, &first, LONG).await.expect("store is up");
    assert_eq!(late, Ownership::Lost);
    assert_eq!(acquire(harness, &key, &second, LONG).await, HoldResult::Granted);
}

/// A renewal gives a held key its full time again, from the renewal.
pub async fn a_renewed_key_lives_on(harness: &impl IdempotencyLockHarness) {
    let (key, owner) = (key(), token());
    assert_eq!(acquire(harness, &key, &owner, LEASE).await, HoldResult::Granted);
    harness.pass(LEASE * 2 / 3).await;
    let renewed = harness.lock().renew(&key, &owner, LEASE).await.expect("store is up");
    assert_eq!(renewed, Ownership::Held);
    harness.pass(LEASE * 2 / 3).await;
    let remaining = in_flight(acquire(harness, &key, &token(), LEASE).await);
    assert!(remaining <= LEASE / 3, "a renewal adds to the remaining time: {remaining:?}");
    harness.pass(LEASE / 2).await;
    assert_eq!(acquire(harness, &key, &token(), LEASE).await, HoldResult::Granted);
}

/// A renewal with another token returns that the key is lost and does not extend its time.
pub async fn only_the_owner_renews_the_lock(harness: &impl IdempotencyLockHarness) {
    let (key, owner, stranger) = (key(), token(), token());
    assert_eq!(acquire(harness, &key, &owner, LEASE).await, HoldResult::Granted);
    let stolen = harness.lock().renew(&key, &stranger, LONG).await.expect("store is up");
    assert_eq!(stolen, Ownership::Lost);
    let remaining = in_flight(acquire(harness, &key, &token(), LEASE).await);
    assert!(remaining <= LEASE, "a stranger lengthened the time to {remaining:?}");
    let held = harness.lock().renew(&key, &owner, LEASE).await.expect("store is up");
    assert_eq!(held, Ownership::Held);
}

/// A settled key returns its result in full for every request: each kind of result, with and
/// without the provider's ids.
pub async fn a_settled_key_answers_its_result(harness: &impl IdempotencyLockHarness) {
    for call in results() {
        let (key, owner) = (key(), token());
        assert_eq!(acquire(harness, &key, &owner, LONG).await, HoldResult::Granted);
        let answer = settle(harness, &key, &owner, &call, LONG).await;
        assert_eq!(answer, SettleResult { ownership: Ownership::Held, context_stored: false });
        for comer in [token(), owner] {
            let answer = acquire(harness, &key, &comer, LONG).await;
            assert_eq!(answer, HoldResult::Settled(call.clone()));
        }
    }
}

/// A result is held for its own time, from the settlement. Then the key is free.
pub async fn a_settled_key_is_free_after_its_time(harness: &impl IdempotencyLockHarness) {
    let (brief, lasting) = (key(), key());
    let (owner, call) = (token(), SettledCall::Placed(call_reference()));
    acquire(harness, &brief, &owner, LONG).await;
    acquire(harness, &lasting, &owner, LEASE).await;
    settle(harness, &brief, &owner, &call, LEASE).await;
    settle(harness, &lasting, &owner, &call, LONG).await;
    harness.pass(LEASE + Duration::from_secs(1)).await;
    assert_eq!(acquire(harness, &brief, &token(), LONG).await, HoldResult::Granted);
    assert_eq!(acquire(harness, &lasting, &token(), LONG).await, HoldResult::Settled(call));
}

/// A settlement with another token returns that the key is lost and leaves it in flight. A
/// settlement of a free key does the same.
pub async fn only_the_owner_settles_the_lock(harness: &impl IdempotencyLockHarness) {
    let (key, owner, stranger) = (key(), token(), token());
    let (call, other) = (SettledCall::Placed(call_reference()), SettledCall::Placed(call_reference()));
    let lost = SettleResult { ownership: Ownership::Lost, context_stored: false };
    assert_eq!(settle(harness, &key, &stranger, &other, LONG).await, lost);
    assert_eq!(acquire(harness, &key, &owner, LONG).await, HoldResult::Granted);
    assert_eq!(settle(harness, &key, &stranger, &other, LONG).await, lost);
    in_flight(acquire(harness, &key, &token(), LONG).await);
    let held = SettleResult { ownership: Ownership::Held, context_stored: false };
    assert_eq!(settle(harness, &key, &owner, &call, LONG).await, held);
    assert_eq!(settle(harness, &key, &stranger, &other, LONG).await, lost);
    assert_eq!(acquire(harness, &key, &token(), LONG).await, HoldResult::Settled(call));
}

/// A released key is free immediately, and no longer its owner's.
pub async fn a_released_key_is_free(harness: &impl IdempotencyLockHarness) {
    let (key, owner) = (key(), token());
    assert_eq!(acquire(harness, &key, &owner, LONG).await, HoldResult::Granted);
    assert_eq!(release(harness, &key, &owner).await, Ownership::Held);
    assert_eq!(release(harness, &key, &owner).await, Ownership::Lost);
    assert_eq!(acquire(harness, &key, &token(), LONG).await, HoldResult::Granted);
}

/// A release with another token returns that the key is lost and leaves it in flight, or leaves its
/// result.
pub async fn only_the_owner_releases_the_lock(harness: &impl IdempotencyLockHarness) {
    let (key, owner, stranger) = (key(), token(), token());
    assert_eq!(acquire(harness, &key, &owner, LONG).await, HoldResult::Granted);
    assert_eq!(release(harness, &key, &stranger).await, Ownership::Lost);
    in_flight(acquire(harness, &key, &token(), LONG).await);
    let call = SettledCall::Placed(call_reference());
    settle(harness, &key, &owner, &call, LONG).await;
    assert_eq!(release(harness, &key, &stranger).await, Ownership::Lost);
    assert_eq!(acquire(harness, &key, &token(), LONG).await, HoldResult::Settled(call));
}

/// No operation on one key changes another key, also under the same token.
pub async fn keys_do_not_affect_each_other(harness: &impl IdempotencyLockHarness) {
    let (busy, idle, token) = (key(), key(), token());
    let call = SettledCall::Placed(call_reference());
    assert_eq!(acquire(harness, &idle, &token, LONG).await, HoldResult::Granted);
    assert_eq!(acquire(harness, &busy, &token, LEASE).await, HoldResult::Granted);
    harness.lock().renew(&busy, &token, LONG * 9).await.expect("store is up");
    let remaining = in_flight(acquire(harness, &idle, &token, LONG).await);
    assert!(remaining <= LONG, "renewing one key lengthened another to {remaining:?}");
    release(harness, &busy, &token).await;
    in_flight(acquire(harness, &idle, &token, LONG).await);
    assert_eq!(acquire(harness, &busy, &token, LONG).await, HoldResult::Granted);
    settle(harness, &busy, &token, &call, LONG).await;
    in_flight(acquire(harness, &idle, &token, LONG).await);
}

/// A context that `settle` reports as stored is found in the context cache of the same store, also
/// if the key is lost. A lock without such a cache reports none.
pub async fn a_context_reported_as_stored_is_found(harness: &impl IdempotencyLockHarness) {
    let contexts = harness.same_store_contexts();
    for owned in [true, false] {
        let (key, owner, context) = (key(), token(), context());
        assert_eq!(acquire(harness, &key, &owner, LONG).await, HoldResult::Granted);
        let settler = if owned { owner } else { token() };
        let settlement = LockSettlement {
            key: &key,
            token: &settler,
            call: &SettledCall::Placed(call_reference()),
            hold_for: LONG * 9,
            context: Some(ContextToStore { context: &context, ttl: LEASE }),
        };
        let answer = harness.lock().settle(&settlement).await.expect("store is up");
        assert_eq!(answer.ownership, if owned { Ownership::Held } else { Ownership::Lost });
        let Some(contexts) = &contexts else {
            assert!(!answer.context_stored, "there is no cache");
            continue;
        };
        assert!(answer.context_stored, "the lock does not write to the harness's cache");
        let id = &context.conversation_id;
        assert_eq!(
            contexts.find(id).await.expect("store is up"),
            Some(ConversationContext::Outbound(context.clone()))
        );
        harness.pass(LEASE + Duration::from_secs(1)).await;
        let late = contexts.find(id).await.expect("store is up");
        assert_eq!(late, None, "a context has its own time to live, not the key's");
    }
}

/// Without its store the port returns `PortUnavailable`, within 2 s and without quoting the key or
/// the token.
pub async fn a_lost_lock_store_is_unavailable(harness: &impl IdempotencyLockHarness) {
    let (lock, key, token) = (harness.lock(), key(), token());
    let call = SettledCall::Placed(call_reference());
    assert_eq!(acquire(harness, &key, &token, LONG).await, HoldResult::Granted);
    harness.lose().await;
    let private = [key.as_str(), token.as_str()];
    let settlement = LockSettlement { key: &key, token: &token, call: &call, hold_for: LONG, context: None };
    unavailable_within(LOST_CACHE_BOUND, lock.acquire(&LockRequest::new(&key, &token, LONG)), &private).await;
    unavailable_within(LOST_CACHE_BOUND, lock.renew(&key, &token, LONG), &private).await;
    unavailable_within(LOST_CACHE_BOUND, lock.settle(&settlement), &private).await;
    unavailable_within(LOST_CACHE_BOUND, lock.release(&key, &token, &[]), &private).await;
    let paces = [slots::of_trunk(LONG)];
    unavailable_within(LOST_CACHE_BOUND, lock.next_slot(&paces, LONG), &private).await;
}

/// Every kind of result, with as many ids as it can have and with as few.
fn results() -> Vec<SettledCall> {
    let whole = call_reference();
    let no_carrier = CallReference { carrier_call_id: None, ..call_reference() };
    let no_conversation = CallReference { conversation_id: None, ..call_reference() };
    let bare = CallReference { conversation_id: None, carrier_call_id: None, ..call_reference() };
    let placed = [whole, no_carrier, no_conversation, bare.clone()].map(SettledCall::Placed);
    let failed = NotConnectedReason::ALL
        .map(|reason| SettledCall::NotConnected { reference: call_reference(), reason });
    let unnamed = SettledCall::NotConnected { reference: bare, reason: NotConnectedReason::Busy };
    placed.into_iter().chain(failed).chain([unnamed]).collect()
}

async fn acquire(
    harness: &impl IdempotencyLockHarness,
    key: &IntentKey,
    token: &OwnerToken,
    hold_for: Duration,
) -> HoldResult {
    harness.lock().acquire(&LockRequest::new(key, token, hold_for)).await.expect("store is up")
}

async fn settle(
    harness: &impl IdempotencyLockHarness,
    key: &IntentKey,
    token: &OwnerToken,
    call: &SettledCall,
    hold_for: Duration,
) -> SettleResult {
    let settlement = LockSettlement { key, token, call, hold_for, context: None };
    harness.lock().settle(&settlement).await.expect("store is up")
}

async fn release(harness: &impl IdempotencyLockHarness, key: &IntentKey, token: &OwnerToken) -> Ownership {
    harness.lock().release(key, token, &[]).await.expect("store is up")
}

/// The remaining time of a result that must be *in flight*.
fn in_flight(answer: HoldResult) -> Duration {
    match answer {
        HoldResult::InFlight { remaining } => remaining,
        other => panic!("the key is held, and the result is {other:?}"),
    }
}
