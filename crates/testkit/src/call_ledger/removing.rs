//! Removing reservations that have no use any more.

use std::time::Duration;

use domain::ports::HoldResult;
use domain::{Booking, DialOutcome, TakeOver, UnknownCause};

use super::booking::{book, duplicate, in_flight, only_call, results, settle, tenant};
use super::undecided::undecided;
use super::{A_SECOND, HOLD, LONG};
use crate::harness::CallLedgerHarness;

/// A reservation that expired long enough ago is removed, in batches of at most the limit. A younger
/// one stays, and so does the one of an undecided call. The calls stay.
pub async fn old_reservations_are_removed(harness: &impl CallLedgerHarness) {
    let tenant = tenant(harness).await;
    let placed = [tenant.booking(HOLD), tenant.booking(HOLD), tenant.booking(HOLD)];
    let (running, dialling, unknown) = (tenant.booking(LONG), tenant.booking(HOLD), tenant.booking(HOLD));
    for booking in placed.iter().chain([&running, &dialling, &unknown]) {
        book(harness, booking).await;
    }
    for booking in &placed {
        settle(harness, booking, &results()[0], HOLD).await;
    }
    settle(harness, &unknown, &DialOutcome::Unknown(UnknownCause::TimedOut), HOLD).await;
    harness.pass(HOLD + A_SECOND).await;

    assert_eq!(remove(harness, LONG, 100).await, 0, "they have not expired for so long");
    assert_eq!(remove(harness, A_SECOND / 2, 2).await, 2, "two are the limit");
    assert_eq!(remove(harness, A_SECOND / 2, 100).await, 1, "that is the rest");
    assert_eq!(remove(harness, A_SECOND / 2, 100).await, 0, "that were all");

    in_flight(book(harness, &duplicate(&running)).await);
    for earlier in [dialling, unknown] {
        assert!(undecided(harness, &earlier.key).await.is_some(), "its call is undecided");
    }
    for earlier in placed {
        assert_eq!(only_call(harness, &earlier).await.state, "placed");
        let next = Booking { take_over: TakeOver::Decided, ..duplicate(&earlier) };
        assert_eq!(book(harness, &next).await, HoldResult::Granted, "its key is free");
    }
}

async fn remove(harness: &impl CallLedgerHarness, expired_for: Duration, limit: u32) -> u64 {
    harness.ledger().remove_expired(expired_for, limit).await.expect("store is up")
}
