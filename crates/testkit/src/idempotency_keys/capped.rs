//! Keys of bookings that count attempts.

use domain::ports::HoldResult;
use domain::{Booking, BookingConditions};

use super::{find, found, keyed};
use crate::call_ledger::booking::{book, calls, duplicate, tenant};
use crate::call_ledger::conditions::{BEYOND_THE_CAP, counted, within_a_day};
use crate::expect::{CROWD, all_at_once};
use crate::fixtures::{keyed_request, phone_number};
use crate::harness::IdempotencyKeysHarness;

/// A booking whose attempt is beyond a cap leaves its key free, and neither a call nor a reservation nor
/// an attempt. A booking whose key is taken counts no attempt, and is refused for its key although it is
/// beyond the cap too.
pub async fn keys_and_attempts_are_written_together(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    let callee = phone_number();
    let booking = |attempts| keyed(counted(&tenant, &callee, None, within_a_day(attempts)));
    let (first, taken) = booking(1);
    assert_eq!(book(harness, &first).await, HoldResult::Granted);
    assert_eq!(found(harness, &first).await.reference.call_id, first.identity.call_id);
    let (refused, request) = booking(1);
    for _ in 0..3 {
        assert_eq!(book(harness, &refused).await, BEYOND_THE_CAP);
        assert_eq!(find(harness, &tenant.user.id, &request).await, None);
    }
    for attempts in [9, 9, 1] {
        let other = Booking { keyed: Some(taken.clone()), ..booking(attempts).0 };
        assert_eq!(book(harness, &other).await, HoldResult::KeyTaken);
    }
    assert_eq!(calls(harness, &tenant).await.len(), 1, "a refused call was written");
    let unlimited = Booking { conditions: BookingConditions::default(), ..duplicate(&refused) };
    assert_eq!(book(harness, &unlimited).await, HoldResult::Granted, "its key or its intent was written");
    let (second, _) = booking(2);
    assert_eq!(book(harness, &second).await, HoldResult::Granted, "an attempt without a call counts");
    assert_eq!(book(harness, &booking(2).0).await, BEYOND_THE_CAP);
}

/// Of many concurrent bookings of one callee with one key and different intents exactly one is recorded,
/// although the cap allows two, and it counts one attempt. The others are refused for their key, also if
/// the recorded one has reached their cap. As many of other callees in between, each with its own key,
/// are not affected.
pub async fn one_of_many_capped_bookings_with_one_key_counts(harness: &impl IdempotencyKeysHarness) {
    let tenant = tenant(harness).await;
    for attempts in [1, 2] {
        let (callee, request) = (phone_number(), keyed_request());
        let crowd = (0..CROWD).flat_map(|_| {
            let own = counted(&tenant, &callee, None, within_a_day(attempts));
            let (free, _) = keyed(counted(&tenant, &phone_number(), None, within_a_day(attempts)));
            [Booking { keyed: Some(request.clone()), ..own }, free]
        });
        let crowd = crowd.map(|booking| {
            let ledger = harness.ledger();
            async move { (booking.identity.to.clone(), ledger.book(&booking).await.expect("store is up")) }
        });
        let (mut granted, mut refused) = (0, 0);
        for (to, answer) in all_at_once(crowd).await {
            match answer {
                answer if to != callee => assert_eq!(answer, HoldResult::Granted, "another callee"),
                HoldResult::Granted => granted += 1,
                answer => {
                    assert_eq!(answer, HoldResult::KeyTaken);
                    refused += 1;
                }
            }
        }
        assert_eq!((granted, refused), (1, CROWD - 1), "granted and refused with one key");
        let (next, _) = keyed(counted(&tenant, &callee, None, within_a_day(2)));
        assert_eq!(book(harness, &next).await, HoldResult::Granted, "a refused attempt counts");
        assert_eq!(
            book(harness, &keyed(counted(&tenant, &callee, None, within_a_day(2))).0).await,
            BEYOND_THE_CAP
        );
    }
}
