//! A booking that must ask about an earlier call first.

use domain::ports::{HoldResult, UndecidedCall};
use domain::{Booking, CallStatus, DialOutcome, IntentKey, TakeOver, UnknownCause};

use super::booking::{book, duplicate, in_flight, only_call, results, settle, tenant};
use super::{A_SECOND, HOLD, LONG};
use crate::call_updates::overdue;
use crate::fixtures::key;
use crate::harness::CallLedgerHarness;

/// The expired reservation of a call that is dialling or has an unknown outcome blocks a booking that
/// must ask first, and no other booking. A call with a result blocks neither.
pub async fn an_undecided_call_blocks_a_booking_that_must_ask_first(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let (dialling, unknown) = (tenant.booking(HOLD), tenant.booking(HOLD));
    let unknown_outcome = DialOutcome::Unknown(UnknownCause::TimedOut);
    let mut decided: Vec<Booking> = Vec::new();
    book(harness, &dialling).await;
    book(harness, &unknown).await;
    settle(harness, &unknown, &unknown_outcome, A_SECOND).await;
    for outcome in results() {
        let booking = tenant.booking(HOLD);
        book(harness, &booking).await;
        settle(harness, &booking, &outcome, HOLD).await;
        decided.push(booking);
    }
    harness.pass(HOLD + A_SECOND).await;
    for earlier in &decided {
        assert_eq!(book(harness, &asking(earlier)).await, HoldResult::Granted);
    }
    for earlier in [dialling, unknown] {
        let asking = asking(&earlier);
        in_flight(book(harness, &asking).await);
        let booking = Booking { take_over: TakeOver::Expired, ..asking.clone() };
        assert_eq!(book(harness, &booking).await, HoldResult::Granted, "the same call, after asking");
        assert_eq!(only_call(harness, &earlier).await.call_id, earlier.identity.call_id);
    }
    let fresh = Booking { take_over: TakeOver::Decided, ..tenant.booking(LONG) };
    assert_eq!(book(harness, &fresh).await, HoldResult::Granted, "no earlier call has this key");
}

/// The call that such a booking must ask about is found with everything that the provider needs: by
/// its key, only when its reservation has expired, and only while it is undecided.
pub async fn the_undecided_call_of_a_key_is_found(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let (earlier, running) = (tenant.booking(HOLD), tenant.booking(LONG));
    let (released, placed) = (tenant.booking(HOLD), tenant.booking(HOLD));
    for booking in [&earlier, &running, &released, &placed] {
        book(harness, booking).await;
    }
    let refused = DialOutcome::NotDialled(domain::NotDialledReason::Unavailable);
    settle(harness, &released, &refused, HOLD).await;
    settle(harness, &placed, &results()[0], HOLD).await;
    assert_eq!(undecided(harness, &earlier.key).await, None, "its reservation has not expired");
    harness.pass(HOLD + A_SECOND).await;
    let found = undecided(harness, &earlier.key).await.expect("it is dialling");
    assert_eq!(found.lookup, overdue(&tenant, &earlier, domain::ProviderReference::default()));
    assert_eq!((found.status, found.carrier_call_id), (CallStatus::Initiated, None));
    let expired_for = found.expired_for;
    assert!((A_SECOND / 2..LONG).contains(&expired_for), "its reservation expired {expired_for:?} ago");
    for key in [&running.key, &released.key, &placed.key, &key()] {
        assert_eq!(undecided(harness, key).await, None);
    }
}

fn asking(earlier: &Booking) -> Booking {
    Booking { take_over: TakeOver::Decided, ..duplicate(earlier) }
}

/// The undecided call of this key.
pub(crate) async fn undecided(harness: &impl CallLedgerHarness, key: &IntentKey) -> Option<UndecidedCall> {
    harness.ledger().undecided(key).await.expect("store is up")
}
