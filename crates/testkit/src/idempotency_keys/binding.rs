//! Keys of requests that an earlier call answers.

use domain::ports::{HoldResult, KeyBinding, KeyedDial};
use domain::{Booking, KeyedRequest};

use super::{LONG, find, found, intent, keyed};
use crate::call_ledger::booking::{book, results, settle, tenant};
use crate::fixtures::{Tenant, keyed_request};
use crate::harness::IdempotencyKeysHarness;

/// A free key is bound to a call that has no key, or another one. A key that has a call keeps it, and
/// the result is that call. A key is not bound to the call of another user.
pub async fn a_key_is_bound_to_an_earlier_call(harness: &impl IdempotencyKeysHarness) {
    let (tenant, other) = (self::tenant(harness).await, self::tenant(harness).await);
    let (first, own) = keyed(tenant.booking(LONG));
    let second = tenant.booking(LONG);
    for booking in [&first, &second] {
        book(harness, booking).await;
        settle(harness, booking, &results()[0], LONG).await;
    }
    let request = keyed_request();
    let keys = harness.keys();
    assert_eq!(keys.bind(&binding(&first, &request)).await, Ok(None));
    let call = find(harness, &tenant.user.id, &request).await.expect("the key is bound");
    assert_eq!((&call.reference.call_id, call.dial), (&first.identity.call_id, KeyedDial::Placed));
    assert_eq!(call.digest, request.digest);
    assert_eq!(found(harness, &first).await.digest, own.digest, "the call has both keys");

    let again = KeyedRequest { key: request.key.clone(), ..keyed_request() };
    assert_eq!(keys.bind(&binding(&second, &again)).await, Ok(Some(call.clone())));
    assert_eq!(find(harness, &tenant.user.id, &request).await, Some(call), "the key keeps its call");
    let booking = Booking { keyed: Some(request), ..tenant.booking(LONG) };
    assert_eq!(book(harness, &booking).await, HoldResult::KeyTaken);

    let foreign = keyed_request();
    let theirs = KeyBinding { user: &other.user.id, ..binding(&first, &foreign) };
    let bound = keys.bind(&theirs).await;
    assert!(bound.is_err(), "a key was bound to the call of another user: {bound:?}");
    for user in [&other.user.id, &tenant.user.id, &Tenant::new().user.id] {
        assert_eq!(find(harness, user, &foreign).await, None);
    }
}

pub(super) fn binding<'a>(booking: &'a Booking, request: &'a KeyedRequest) -> KeyBinding<'a> {
    KeyBinding {
        user: &booking.identity.user_id,
        request,
        call_id: &booking.identity.call_id,
        intent: intent(booking),
    }
}
