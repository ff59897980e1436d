//! The suite of [`IdempotencyKeys`](domain::ports::IdempotencyKeys).

mod binding;
mod capped;
mod removing;

use std::time::Duration;

use domain::ports::{HoldResult, KeyedCall, KeyedDial};
use domain::{
    Booking, CallReference, CallStatus, DialOutcome, IntentKey, KeyedRequest, NotConnectedReason,
    NotDialledReason, ProviderReference, UnknownCause, UserId,
};

pub use self::binding::a_key_is_bound_to_an_earlier_call;
pub use self::capped::{
    keys_and_attempts_are_written_together, one_of_many_capped_bookings_with_one_key_counts,
};
pub use self::removing::keys_of_ended_calls_are_removed;
use crate::call_ledger::booking::{book, calls, dialling, duplicate, in_flight, results, settle, tenant};
use crate::call_updates::{conversation, dialled, failure, merge};
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{Tenant, key, keyed_request};
use crate::harness::IdempotencyKeysHarness;

suite! {
    $ idempotency_keys_suite of idempotency_keys:
    a_key_is_booked_with_its_call,
    a_blocked_booking_writes_no_key,
    a_taken_key_refuses_the_booking,
    one_of_many_bookings_with_one_key_is_recorded,
    keys_and_attempts_are_written_together,
    one_of_many_capped_bookings_with_one_key_counts,
    a_key_belongs_to_its_user,
    the_call_of_a_key_is_found_as_it_is_now,
    a_call_that_was_not_dialled_frees_its_idempotency_key,
    only_calls_that_were_not_dialled_free_their_keys,
    a_key_is_bound_to_an_earlier_call,
    keys_of_ended_calls_are_removed,
    the_keys_survive_a_crash,
    lost_keys_are_unavailable,
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(120);
/// A reservation that expires during a test.
const RESERVATION: Duration = Duration::from_secs(12);
const A_SECOND: Duration = Duration::from_secs(1);
const NOT_DIALLED: DialOutcome = DialOutcome::NotDialled(NotDialledReason::Unavailable);
const UNKNOWN: DialOutcome = DialOutcome::Unknown(UnknownCause::TimedOut);

/// The key of a booking has the call, what the request said, and the rest of the reservation until it
/// expires. A booking without a key writes none.
pub async fn a_key_is_booked_with_its_call(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    let (booking, request) = keyed(tenant.booking(RESERVATION));
    let without = tenant.booking(LONG);
    for booking in [&booking, &without] {
        assert_eq!(book(harness, booking).await, HoldResult::Granted);
    }
    let call = found(harness, &booking).await;
    let KeyedDial::Dialling { reserved_for: Some(rest) } = call.dial else { panic!("{call:?}") };
    assert!((A_SECOND..=RESERVATION).contains(&rest), "the reservation holds for {rest:?}");
    let expected = KeyedCall {
        digest: request.digest,
        reference: reference(&booking, ProviderReference::default()),
        dial: call.dial,
        status: CallStatus::Initiated,
        failure: None,
    };
    assert_eq!(call, expected);
    harness.pass(RESERVATION + A_SECOND).await;
    let dial = found(harness, &booking).await.dial;
    assert_eq!(dial, KeyedDial::Dialling { reserved_for: None }, "the reservation has expired");
    assert_eq!(find(harness, &tenant.user.id, &keyed_request()).await, None, "no booking has this key");
}

/// A booking that another call of its intent blocks, or that names unknown records, leaves its key free.
pub async fn a_blocked_booking_writes_no_key(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    let first = tenant.booking(LONG);
    book(harness, &first).await;
    let (blocked, request) = keyed(duplicate(&first));
    in_flight(book(harness, &blocked).await);
    assert_eq!(find(harness, &tenant.user.id, &request).await, None);
    let (mut unknown, _) = keyed(tenant.booking(LONG));
    unknown.identity.agent_id = Tenant::new().agent.id;
    let answer = harness.ledger().book(&unknown).await;
    assert!(answer.is_err(), "a call with an unknown agent: {answer:?}");
    for earlier in [blocked, unknown] {
        let next = Booking { keyed: earlier.keyed, ..tenant.booking(LONG) };
        assert_eq!(book(harness, &next).await, HoldResult::Granted, "its key has no call");
    }
}

/// A key that has a call refuses a booking of another intent, and of the same one after its reservation
/// has expired. Neither a call nor a reservation is left.
pub async fn a_taken_key_refuses_the_booking(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    let (first, request) = keyed(tenant.booking(RESERVATION));
    book(harness, &first).await;
    let other =
        Booking { keyed: Some(KeyedRequest { key: request.key, ..keyed_request() }), ..tenant.booking(LONG) };
    assert_eq!(book(harness, &other).await, HoldResult::KeyTaken);
    harness.pass(RESERVATION + A_SECOND).await;
    assert_eq!(book(harness, &duplicate(&first)).await, HoldResult::KeyTaken);
    assert_eq!(calls(harness, &tenant).await, [dialling(&first)]);
    assert_eq!(found(harness, &first).await.reference.call_id, first.identity.call_id);
    for intent in [other, first] {
        let without = Booking { keyed: None, ..duplicate(&intent) };
        assert_eq!(book(harness, &without).await, HoldResult::Granted, "an intent was left reserved");
    }
}

/// Of fifty concurrent bookings with one key and different intents exactly one is recorded, in the
/// ledger and under the key. As many others at the same time, with keys and without, are not affected.
pub async fn one_of_many_bookings_with_one_key_is_recorded(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    let request = keyed_request();
    let bookings = (0..2 * CROWD).map(|n| Booking {
        keyed: match n % 4 {
            0 | 2 => Some(request.clone()),
            1 => Some(keyed_request()),
            _ => None,
        },
        ..tenant.booking(LONG)
    });
    let bookings: Vec<Booking> = bookings.collect();
    let crowd = bookings.iter().cloned().map(|booking| {
        let ledger = harness.ledger();
        async move { ledger.book(&booking).await.expect("store is up") }
    });
    let answers = all_at_once(crowd).await;
    let (mut recorded, mut refused) = (Vec::new(), 0);
    for (booking, answer) in bookings.iter().zip(answers) {
        match answer {
            HoldResult::Granted => recorded.push(dialling(booking)),
            HoldResult::KeyTaken if booking.keyed.as_ref() == Some(&request) => refused += 1,
            other => panic!("{other:?} for a booking that nothing blocks"),
        }
    }
    assert_eq!(refused, CROWD - 1, "bookings whose key is taken");
    let call = find(harness, &tenant.user.id, &request).await.expect("the key has a call");
    let holders = bookings.iter().filter(|booking| booking.identity.call_id == call.reference.call_id);
    assert_eq!(holders.count(), 1);
    let mut in_ledger = calls(harness, &tenant).await;
    in_ledger.sort_by(|one, other| one.call_id.as_str().cmp(other.call_id.as_str()));
    recorded.sort_by(|one, other| one.call_id.as_str().cmp(other.call_id.as_str()));
    assert_eq!(in_ledger, recorded);
}

/// Two users may have the same key, each for their own call. A third user has none.
pub async fn a_key_belongs_to_its_user(harness: &impl IdempotencyKeysHarness) {
    let (tenant, other) = (self::tenant(harness).await, self::tenant(harness).await);
    let (first, request) = keyed(tenant.booking(LONG));
    book(harness, &first).await;
    assert_eq!(find(harness, &other.user.id, &request).await, None);
    let second = Booking { keyed: Some(request.clone()), ..other.booking(LONG) };
    assert_eq!(book(harness, &second).await, HoldResult::Granted);
    for booking in [first, second] {
        assert_eq!(found(harness, &booking).await.reference.call_id, booking.identity.call_id);
    }
    assert_eq!(find(harness, &Tenant::new().user.id, &request).await, None);
}

/// The call of a key has every result of its dial with its ids and reason, and what reports say of a call
/// whose dial has none.
pub async fn the_call_of_a_key_is_found_as_it_is_now(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    for outcome in results() {
        let (booking, _) = keyed(tenant.booking(LONG));
        book(harness, &booking).await;
        settle(harness, &booking, &outcome, LONG).await;
        let (dial, ids, failure) = match &outcome {
            DialOutcome::Placed(ids) => (KeyedDial::Placed, ids, None),
            DialOutcome::NotConnected { reference, reason, .. } => {
                (KeyedDial::NotConnected, reference, Some(*reason))
            }
            other => panic!("{other:?} is no result"),
        };
        let call = found(harness, &booking).await;
        assert_eq!((call.dial, call.failure), (dial, failure));
        assert_eq!(call.reference, reference(&booking, ids.clone()));
        assert_eq!(Some(call.status), dialled(&outcome).status);
    }
    let (lapsed, _) = keyed(tenant.booking(RESERVATION));
    let (unknown, _) = keyed(tenant.booking(LONG));
    for booking in [&lapsed, &unknown] {
        book(harness, booking).await;
    }
    settle(harness, &unknown, &UNKNOWN, LONG).await;
    harness.pass(RESERVATION + A_SECOND).await;
    let call = found(harness, &unknown).await;
    assert_eq!((call.dial, call.status, call.failure), (KeyedDial::Unknown, CallStatus::Unknown, None));
    merge(harness, &unknown, &failure(NotConnectedReason::Busy)).await;
    let call = found(harness, &unknown).await;
    let expected = (KeyedDial::Unknown, CallStatus::Busy, Some(NotConnectedReason::Busy));
    assert_eq!((call.dial, call.status, call.failure), expected);
    let ended = conversation(CallStatus::Completed);
    merge(harness, &lapsed, &ended).await;
    let call = found(harness, &lapsed).await;
    assert_eq!(call.dial, KeyedDial::Dialling { reserved_for: None });
    assert_eq!((call.status, call.failure), (CallStatus::Completed, None));
    assert_eq!(call.reference.conversation_id, ended.conversation_id);
}

/// The key of a call that was not dialled can be used again immediately, for another request too.
pub async fn a_call_that_was_not_dialled_frees_its_idempotency_key(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    let (first, request) = keyed(tenant.booking(LONG));
    book(harness, &first).await;
    settle(harness, &first, &NOT_DIALLED, LONG).await;
    assert_eq!(find(harness, &tenant.user.id, &request).await, None);
    let next =
        Booking { keyed: Some(KeyedRequest { key: request.key, ..keyed_request() }), ..tenant.booking(LONG) };
    assert_eq!(book(harness, &next).await, HoldResult::Granted);
    assert_eq!(found(harness, &next).await.reference.call_id, next.identity.call_id);
}

/// Settling a call as not dialled frees no key of another call, and not its own if its outcome was
/// unknown before. Every other outcome keeps the key.
pub async fn only_calls_that_were_not_dialled_free_their_keys(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    let (other, _) = keyed(tenant.booking(LONG));
    let (unknown, _) = keyed(tenant.booking(LONG));
    let (undialled, request) = keyed(tenant.booking(LONG));
    for booking in [&other, &unknown, &undialled] {
        book(harness, booking).await;
    }
    settle(harness, &unknown, &UNKNOWN, LONG).await;
    settle(harness, &unknown, &NOT_DIALLED, LONG).await;
    settle(harness, &undialled, &NOT_DIALLED, LONG).await;
    assert_eq!(find(harness, &tenant.user.id, &request).await, None);
    for booking in [&other, &unknown] {
        assert_eq!(found(harness, booking).await.reference.call_id, booking.identity.call_id);
        assert_eq!(book(harness, &Booking { key: key(), ..duplicate(booking) }).await, HoldResult::KeyTaken);
    }
}

/// After a crash of the store the keys still have their calls.
pub async fn the_keys_survive_a_crash(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    let (booked, _) = keyed(tenant.booking(LONG));
    let (settled, _) = keyed(tenant.booking(LONG));
    for booking in [&booked, &settled] {
        book(harness, booking).await;
    }
    settle(harness, &settled, &results()[0], LONG).await;
    harness.crash().await;
    assert!(matches!(found(harness, &booked).await.dial, KeyedDial::Dialling { reserved_for: Some(_) }));
    assert_eq!(found(harness, &settled).await.dial, KeyedDial::Placed);
}

/// A lost store is noticed in time, and no error quotes the request.
pub async fn lost_keys_are_unavailable(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    let (booking, request) = keyed(tenant.booking(LONG));
    book(harness, &booking).await;
    let keys = harness.keys();
    harness.lose().await;
    let (user, private) = (&tenant.user.id, [request.key.as_hash(), tenant.user.id.as_str()]);
    unavailable_within(LOST_DATABASE_BOUND, keys.find(user, &request.key), &private).await;
    let binding = binding::binding(&booking, &request);
    unavailable_within(LOST_DATABASE_BOUND, keys.bind(&binding), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, keys.remove_ended(LONG, 1), &private).await;
}

/// This booking with a new key.
fn keyed(booking: Booking) -> (Booking, KeyedRequest) {
    let request = keyed_request();
    (Booking { keyed: Some(request.clone()), ..booking }, request)
}

fn reference(booking: &Booking, ids: ProviderReference) -> CallReference {
    CallReference::new(booking.identity.call_id.clone(), ids)
}

async fn find(
    harness: &impl IdempotencyKeysHarness,
    user: &UserId,
    request: &KeyedRequest,
) -> Option<KeyedCall> {
    harness.keys().find(user, &request.key).await.expect("store is up")
}

/// What the key of this booking has.
async fn found(harness: &impl IdempotencyKeysHarness, booking: &Booking) -> KeyedCall {
    let request = booking.keyed.as_ref().expect("the booking has a key");
    find(harness, &booking.identity.user_id, request).await.expect("the key has a call")
}

/// The intent of this booking.
fn intent(booking: &Booking) -> &IntentKey {
    &booking.key
}
