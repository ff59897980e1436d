//! How fast calls start, on stores in memory.

mod counting;
mod world;

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    Clock as _, HoldResult, IdempotencyLock, MockCallLedger, Ownership, PortUnavailable, Settlement,
};
use domain::{CallPolicy, DialOutcome, Interval, NotDialledReason, PacingLimits, PlaceCallError, Slot};
use testkit::clock::ManualClock;

use self::world::{LONGEST_WAIT, Parts, World, limits, lock_that_asks, lock_that_grants, too_fast};

/// Of a trunk with one call per second.
const INTERVAL: Duration = Duration::from_millis(1112);
const NOW: domain::Timestamp = ManualClock::START;

#[tokio::test]
async fn calls_over_a_trunk_start_one_after_the_other() {
    let world = World::new(PacingLimits::default());
    let first = world.place(0).await.expect("the first call does not wait");
    assert!(!first.deduplicated);
    let waiting: Vec<_> = (1..4).map(|number| world.start(number)).collect();
    world.clock.advance(LONGEST_WAIT).await;
    for call in waiting {
        call.await.expect("no panic").expect("it waits, and is dialled");
    }
    assert_eq!(world.dialled_after(), [Duration::ZERO, INTERVAL, INTERVAL * 2, INTERVAL * 3]);
}

#[tokio::test]
async fn the_slowest_of_trunk_and_number_decides() {
    let world = World::new(limits(Some(20), None, None));
    world.place(0).await.expect("the first call does not wait");
    let second = world.start(1);
    world.clock.advance(LONGEST_WAIT).await;
    second.await.expect("no panic").expect("it waits");
    assert_eq!(world.dialled_after(), [Duration::ZERO, Duration::from_secs(3)]);
}

/// The second call waits for its number, and leaves the trunk to another number of the user.
#[tokio::test]
async fn a_call_that_waits_for_its_number_delays_no_other_one() {
    let world = World::new(limits(Some(15), None, None));
    let other = world.add_number();
    world.place(0).await.expect("the first call does not wait");
    let waiting = world.start(1);
    world.clock.advance(Duration::from_millis(1)).await;
    let from_other = world.start_from(&other, 2);
    world.clock.advance(LONGEST_WAIT).await;
    waiting.await.expect("no panic").expect("it waits");
    from_other.await.expect("no panic").expect("it waits");
    assert_eq!(world.dialled_after(), [Duration::ZERO, INTERVAL, Duration::from_secs(4)]);
}

/// The lock may have been lost while the call waited, and its renewal has the answer.
#[tokio::test]
async fn a_call_that_has_waited_is_dialled_only_if_it_still_holds_its_lock() {
    for renewed in [Ok(Ownership::Held), Ok(Ownership::Lost), Err(PortUnavailable::new("lock", "lost"))] {
        let wait = Duration::from_secs(4);
        let mut lock = lock_that_asks(HoldResult::GrantedAfter { wait });
        let clock = Arc::new(ManualClock::new());
        let (is_held, renewed_at) = (renewed == Ok(Ownership::Held), clock.clone());
        lock.expect_renew().times(1).returning(move |_, _, _| {
            let early = wait.saturating_sub(renewed_at.monotonic());
            assert!(
                !early.is_zero() && early <= Duration::from_millis(250),
                "renewed {early:?} before its slot"
            );
            renewed.clone()
        });
        if !is_held {
            lock.expect_release().times(1).return_const(Ok(Ownership::Lost));
        }
        let world = World::of(Parts { clock, lock: Some(Arc::new(lock)), ..Parts::default() });
        let call = world.start(0);
        world.clock.advance(LONGEST_WAIT).await;
        let answer = call.await.expect("no panic");
        if is_held {
            assert_eq!((answer.is_ok(), world.dialled_after()), (true, vec![wait]));
            continue;
        }
        assert!(matches!(answer, Err(PlaceCallError::ServiceUnavailable(_))), "{answer:?}");
        assert_eq!(world.dialled_after(), []);
        assert_eq!(world.outcomes(), [Some(DialOutcome::NotDialled(NotDialledReason::Withdrawn))]);
    }
}

/// The lock of a call that has waited begins again with the renewal.
#[tokio::test]
async fn a_call_that_need_not_wait_renews_no_lock() {
    let mut lock = lock_that_asks(HoldResult::GrantedAfter { wait: Duration::ZERO });
    lock.expect_renew().never();
    let world = World::with_lock(lock);
    world.place(0).await.expect("it does not wait");
}

/// The hours of the callee end five seconds later than the longest ring, and the call may wait for so long.
#[tokio::test]
async fn the_calling_hours_hold_to_the_end_of_a_ring_after_the_longest_wait() {
    let ring = CallPolicy::default().ringing_timeout();
    for (has_trunk, is_allowed) in [(false, true), (true, false)] {
        let open = Interval { from: NOW, until: NOW.after(ring + LONGEST_WAIT) };
        let world = World::of(Parts { open: Some(open), ..Parts::default() });
        let world = if has_trunk { world } else { world.without_trunk() };
        let answer = world.place(0).await;
        assert_eq!(answer.is_ok(), is_allowed, "{answer:?}");
    }
}

#[tokio::test]
async fn a_withdrawal_that_fails_is_tried_once_more() {
    let mut lock = lock_that_grants(HoldResult::Granted);
    lock.expect_next_slot().times(1).return_const(Ok(Slot::Beyond(Duration::from_secs(7))));
    lock.expect_release().times(1).return_const(Ok(Ownership::Held));
    let mut ledger = MockCallLedger::new();
    ledger.expect_book().times(1).return_const(Ok(HoldResult::Granted));
    let is_withdrawn =
        |it: &Settlement<'_>| *it.outcome == DialOutcome::NotDialled(NotDialledReason::Withdrawn);
    let lost = PortUnavailable::new("ledger", "the connection was lost");
    let mut answers = vec![Ok(()), Err(lost)];
    let answer = move |_: &Settlement<'_>| answers.pop().expect("two attempts");
    ledger.expect_settle().times(2).withf(is_withdrawn).returning(answer);
    let (lock, ledger) = (Some(Arc::new(lock) as Arc<dyn IdempotencyLock>), Some(Arc::new(ledger) as _));
    let world = World::of(Parts { lock, ledger, ..Parts::default() });
    assert_eq!(world.place(0).await, Err(too_fast(Duration::from_secs(7))));
}

/// A host that is so slow takes slots from other calls.
#[tokio::test]
async fn a_call_asks_for_four_slots_at_most() {
    let clock = Arc::new(ManualClock::new());
    let mut lock = lock_that_grants(HoldResult::Granted);
    let slow = clock.clone();
    lock.expect_next_slot().times(4).returning(move |_, _| {
        slow.jump(Duration::from_millis(251));
        Ok(Slot::In(Duration::ZERO))
    });
    lock.expect_release().times(1).return_const(Ok(Ownership::Held));
    let world = World::of(Parts { clock, lock: Some(Arc::new(lock)), ..Parts::default() });
    assert_eq!(world.place(0).await, Err(too_fast(Duration::from_secs(1))));
}

#[tokio::test]
async fn a_call_that_would_wait_too_long_is_refused_and_takes_nothing() {
    let world = World::new(PacingLimits::default());
    world.place(0).await.expect("the first call does not wait");
    let waiting: Vec<_> = (1..5).map(|number| world.start(number)).collect();
    world.clock.advance(Duration::from_millis(1)).await;
    for _ in 0..3 {
        let refused = world.place(9).await;
        assert_eq!(refused, Err(too_fast(INTERVAL * 5 - Duration::from_millis(1))));
    }
    assert_eq!(world.memory.tables().calls.len(), 5, "nothing was booked for it");
    assert_eq!(world.memory.tables().locks.len(), 5, "no lock was taken for it");
    world.clock.advance(LONGEST_WAIT).await;
    for call in waiting {
        call.await.expect("no panic").expect("it waits");
    }
    world.clock.advance(INTERVAL).await;
    world.place(9).await.expect("the same request, later");
}

#[tokio::test]
async fn a_waiting_call_is_in_the_ledger_and_answers_its_duplicates() {
    let world = World::new(PacingLimits::default());
    world.place(0).await.expect("the first call does not wait");
    let second = world.start(1);
    world.clock.advance(Duration::from_millis(1)).await;
    assert_eq!(world.memory.tables().calls.len(), 2, "it is booked");
    assert_eq!(world.dialled_after().len(), 1, "it is not dialled");
    for _ in 0..2 {
        let duplicate = world.place(1).await;
        assert!(matches!(duplicate, Err(PlaceCallError::InFlight { .. })), "{duplicate:?}");
    }
    let third = world.start(2);
    world.clock.advance(LONGEST_WAIT).await;
    second.await.expect("no panic").expect("it waits");
    third.await.expect("no panic").expect("it waits");
    assert_eq!(world.dialled_after(), [Duration::ZERO, INTERVAL, INTERVAL * 2], "a duplicate took a slot");
    assert!(world.place(1).await.expect("a duplicate").deduplicated);
}

/// While the process is paused, the slot passes. The call asks for another one: with the slot that it
/// had, it would come too close to the next call.
#[tokio::test]
async fn a_call_that_misses_its_slot_asks_for_another_one() {
    let world = World::new(PacingLimits::default());
    world.place(0).await.expect("the first call does not wait");
    let late = world.start(1);
    world.clock.advance(Duration::from_millis(1)).await;
    world.clock.jump(INTERVAL + Duration::from_millis(250));
    let next = world.start(2);
    world.clock.advance(LONGEST_WAIT).await;
    late.await.expect("no panic").expect("it is dialled");
    next.await.expect("no panic").expect("it is dialled");
    let starts = world.dialled_after();
    assert_eq!(starts.len(), 3);
    for pair in starts.windows(2) {
        assert!(pair[1] - pair[0] >= INTERVAL, "{starts:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_late_by_less_than_a_quarter_of_a_second_starts() {
    let world = World::new(PacingLimits::default());
    world.place(0).await.expect("the first call does not wait");
    let late = world.start(1);
    world.clock.advance(Duration::from_millis(1)).await;
    world.clock.jump(INTERVAL + Duration::from_millis(248));
    world.clock.advance(Duration::ZERO).await;
    late.await.expect("no panic").expect("it is dialled");
    assert_eq!(world.dialled_after(), [Duration::ZERO, INTERVAL + Duration::from_millis(249)]);
}

/// Longer than its lock: the dial of another process may have begun.
#[tokio::test]
async fn a_call_that_was_paused_for_longer_than_its_lock_does_not_dial() {
    let world = World::new(PacingLimits::default());
    world.place(0).await.expect("the first call does not wait");
    let paused = world.start(1);
    world.clock.advance(Duration::from_millis(1)).await;
    world.clock.jump(Duration::from_secs(31));
    world.clock.advance(Duration::from_millis(1)).await;
    let answer = paused.await.expect("no panic");
    assert!(matches!(answer, Err(PlaceCallError::ServiceUnavailable(_))), "{answer:?}");
    assert_eq!(world.dialled_after().len(), 1);
    let tables = world.memory.tables();
    let withdrawn = tables.calls.last().and_then(|call| call.dial.clone()).map(|(outcome, _)| outcome);
    assert_eq!(withdrawn, Some(DialOutcome::NotDialled(NotDialledReason::Withdrawn)));
}

/// Until the last moment nothing was sent, so a lock without an answer costs the client a request.
#[tokio::test]
async fn a_call_without_a_slot_is_withdrawn() {
    for (asked, expected) in [
        (Err(PortUnavailable::new("lock", "lost")), None),
        (Ok(Slot::Beyond(Duration::from_secs(7))), Some(too_fast(Duration::from_secs(7)))),
    ] {
        let mut lock = lock_that_grants(HoldResult::Granted);
        lock.expect_next_slot().times(1).return_const(asked);
        lock.expect_release().times(1).return_const(Ok(Ownership::Held));
        let world = World::with_lock(lock);
        let answer = world.place(0).await.expect_err("it has no slot");
        match expected {
            Some(expected) => assert_eq!(answer, expected),
            None => assert!(matches!(answer, PlaceCallError::ServiceUnavailable(_)), "{answer:?}"),
        }
        assert_eq!(world.dialled_after(), []);
        let tables = world.memory.tables();
        assert!(
            matches!(tables.calls[0].dial, Some((DialOutcome::NotDialled(_), _))),
            "{:?}",
            tables.calls[0].dial
        );
        let now = world.clock.now();
        assert!(tables.reservations.values().all(|it| it.until <= now), "the intent is free");
    }
}

/// The answer to the lock was lost and the request found its own lock: which slot it got is not known.
#[tokio::test]
async fn a_lock_without_a_slot_asks_for_one() {
    let mut lock = lock_that_grants(HoldResult::Granted);
    lock.expect_next_slot().times(1).return_const(Ok(Slot::In(Duration::from_secs(2))));
    let world = World::with_lock(lock);
    let call = world.start(0);
    world.clock.advance(LONGEST_WAIT).await;
    call.await.expect("no panic").expect("it waits");
    assert_eq!(world.dialled_after(), [Duration::from_secs(2)]);
}

/// The answers take longer than a slot lasts. The call does not ask for ever.
#[tokio::test]
async fn a_call_that_misses_every_slot_is_refused() {
    let clock = Arc::new(ManualClock::new());
    let mut lock = lock_that_grants(HoldResult::Granted);
    let slow = clock.clone();
    lock.expect_next_slot().returning(move |_, _| {
        slow.jump(Duration::from_secs(1));
        Ok(Slot::In(Duration::ZERO))
    });
    lock.expect_release().times(1).return_const(Ok(Ownership::Held));
    let world = World::of(Parts { clock, lock: Some(Arc::new(lock)), ..Parts::default() });
    assert_eq!(world.place(0).await, Err(too_fast(Duration::from_secs(1))));
    assert_eq!(world.dialled_after(), []);
    assert!(world.clock.monotonic() <= LONGEST_WAIT + Duration::from_secs(1));
}

/// The wait is part of the time in which the phone may ring.
#[tokio::test]
async fn the_reservation_includes_the_longest_wait() {
    let world = World::new(PacingLimits::default());
    world.place(0).await.expect("the first call does not wait");
    let booking = world.memory.tables().calls[0].booking.clone();
    assert_eq!(booking.reserve_for, CallPolicy::default().reserve_for() + LONGEST_WAIT);
    let short = CallPolicy::default().with_longest_wait(Duration::from_secs(60));
    assert_eq!(short.longest_wait(), Duration::from_secs(15), "the lock lasts for 30 s");
}
