//! The slots in which calls may start.
//!
//! A store measures a wait at some time between the request and its answer. So a slot lies between two
//! times of the test, and the cases compare only what must be true of every time between them: a slow
//! machine fails none.

use std::slice;
use std::time::{Duration, Instant};

use domain::ports::{DayLimit, HoldResult, LockRequest};
use domain::{Pace, PaceScope, ProviderNumberId, RefusalCode, Slot};

use super::day_limits::of_user;
use super::{LONG, in_flight};
use crate::expect::{CROWD, all_at_once};
use crate::fixtures::{key, provider_number_id, token, trunk_id};
use crate::harness::IdempotencyLockHarness;

/// So long that no machine is as slow.
const INTERVAL: Duration = Duration::from_secs(8);
/// How much the clocks of a test and of its store may disagree.
const TOLERANCE: Duration = Duration::from_secs(1);
/// Longer than any wait of a test, and no longer than one may be.
const PATIENT: Duration = Slot::FARTHEST;

/// Each slot is at least the interval after the one before, also if the scope was idle for long.
pub async fn slots_keep_their_interval(harness: &impl IdempotencyLockHarness) {
    let (mut clock, paces) = (TestClock::start(), [of_trunk(INTERVAL)]);
    let mut slots = Vec::new();
    for _ in 0..3 {
        slots.push(clock.acquire(harness, &paces).await);
    }
    slots.push(clock.ask(harness, &paces).await);
    clock.pass(harness, INTERVAL * 5).await;
    for _ in 0..2 {
        slots.push(clock.acquire(harness, &paces).await);
        slots.push(clock.ask(harness, &paces).await);
    }
    for pair in slots.windows(2) {
        let most = pair[1].latest.saturating_sub(pair[0].earliest) + TOLERANCE;
        assert!(most >= INTERVAL, "two slots are at most {most:?} apart: {slots:?}");
    }
}

/// Many requests at the same time get slots that follow each other.
pub async fn slots_keep_their_interval_for_many_acquirers(harness: &impl IdempotencyLockHarness) {
    let interval = Duration::from_secs(1);
    let (clock, paces) = (TestClock::start(), [of_trunk(interval)]);
    let acquirers = (0..CROWD).map(|n| {
        let (lock, paces) = (harness.lock(), paces.clone());
        async move {
            let (key, token) = (key(), token());
            let request =
                LockRequest { paces: &paces, longest_wait: PATIENT, ..LockRequest::new(&key, &token, LONG) };
            match n % 5 {
                0 => match lock.next_slot(&paces, PATIENT).await.expect("store is up") {
                    Slot::In(wait) => wait,
                    Slot::Beyond(wait) => panic!("{wait:?} is no longer than the longest wait"),
                },
                _ => wait(lock.acquire(&request).await.expect("store is up")),
            }
        }
    });
    let mut waits = all_at_once(acquirers).await;
    waits.sort_unstable();
    let elapsed = clock.started.elapsed() + TOLERANCE;
    for (before, wait) in (0..).zip(&waits) {
        assert!(*wait + elapsed >= interval * before, "{before} slots before {wait:?}: {waits:?}");
    }
}

/// A call with two paces gets a slot that keeps the interval of both.
pub async fn a_slot_keeps_every_interval(harness: &impl IdempotencyLockHarness) {
    let clock = TestClock::start();
    let (trunk, slow) = (of_trunk(INTERVAL / 4), of_number(INTERVAL));
    let both = [trunk.clone(), slow.clone()];
    let first = clock.acquire(harness, &both).await;
    let second = clock.acquire(harness, &both).await;
    second.is_at_least(INTERVAL, first);
    let of_number = clock.ask(harness, slice::from_ref(&slow)).await;
    of_number.is_at_least(INTERVAL, second);
    // The trunk has a slot before and one behind that of the number.
    let others = [of_number_and(&trunk), of_number_and(&trunk), of_number_and(&trunk), of_number_and(&trunk)];
    let mut slots = vec![first, second];
    for paces in others {
        slots.push(clock.acquire(harness, &paces).await);
    }
    are_apart(INTERVAL / 4, slots);
}

/// Whatever calls of many numbers wait for: neither a number nor the trunk has two slots that are closer
/// than the interval.
pub async fn slots_of_many_numbers_keep_every_interval(harness: &impl IdempotencyLockHarness) {
    let clock = TestClock::start();
    let trunk = of_trunk(INTERVAL / 2);
    let numbers = [of_number(INTERVAL * 2), of_number(INTERVAL), of_number(INTERVAL * 3)];
    let mut slots = Vec::new();
    for n in [0, 0, 1, 2, 1, 0, 1, 2, 1] {
        let paces = [trunk.clone(), numbers[n].clone()];
        slots.push((n, clock.acquire(harness, &paces).await));
    }
    are_apart(INTERVAL / 2, slots.iter().map(|(_, slot)| *slot).collect());
    for (n, number) in numbers.iter().enumerate() {
        let of_number = slots.iter().filter(|(of, _)| *of == n).map(|(_, slot)| *slot);
        are_apart(number.interval, of_number.collect());
    }
}

/// The next call of a caller number has a slot far ahead. A call from another number starts before it, as
/// soon as the trunk lets it, and takes nothing from it.
pub async fn a_call_that_waits_for_its_number_delays_no_other_one(harness: &impl IdempotencyLockHarness) {
    let clock = TestClock::start();
    let (trunk, slow) = (of_trunk(INTERVAL), of_number(INTERVAL * 4));
    let with_slow = [trunk.clone(), slow];
    let first = clock.acquire(harness, &with_slow).await;
    let waiting = clock.acquire(harness, &with_slow).await;
    waiting.is_at_least(INTERVAL * 4, first);
    let other = wait(acquire(harness, &of_number_and(&trunk), PATIENT).await);
    assert!(other <= INTERVAL, "{other:?}: the call waits for another number");
    let asked = harness.lock().next_slot(slice::from_ref(&trunk), INTERVAL * 2).await;
    assert!(matches!(asked, Ok(Slot::In(_))), "{asked:?}: the call waits for another number");
}

/// The first call of a scope does not wait, and each other one until the interval is over.
pub async fn a_slot_is_no_later_than_its_interval(harness: &impl IdempotencyLockHarness) {
    let mut clock = TestClock::start();
    let paces = [of_trunk(INTERVAL), of_number(INTERVAL)];
    assert_eq!(acquire(harness, &paces, PATIENT).await, IMMEDIATELY);
    for n in 1..4 {
        let wait = wait(acquire(harness, &paces, PATIENT).await);
        assert!(wait <= INTERVAL * n, "{wait:?} after {n} calls");
    }
    clock.pass(harness, INTERVAL * 4).await;
    assert_eq!(acquire(harness, &paces, Duration::ZERO).await, IMMEDIATELY, "the scopes are idle");
    let asked = harness.lock().next_slot(&[of_trunk(INTERVAL)], Duration::ZERO).await;
    assert_eq!(asked, Ok(Slot::In(Duration::ZERO)));
}

/// Neither a duplicate nor a request that a limit refuses delays the next call.
pub async fn requests_that_are_not_granted_take_no_slot(harness: &impl IdempotencyLockHarness) {
    let (paces, key, owner) = ([of_trunk(INTERVAL), of_number(INTERVAL)], key(), token());
    let first = LockRequest { paces: &paces, longest_wait: PATIENT, ..LockRequest::new(&key, &owner, LONG) };
    let lock = harness.lock();
    assert_eq!(lock.acquire(&first).await, Ok(IMMEDIATELY));
    for comer in [token(), owner.clone(), token()] {
        let duplicate = LockRequest { token: &comer, ..first };
        in_flight(lock.acquire(&duplicate).await.expect("store is up"));
    }
    let limits = [of_user(0)];
    for _ in 0..2 {
        let refused = acquire_within(harness, &limits, &paces, PATIENT).await;
        assert_eq!(refused, HoldResult::Refused(RefusalCode::UserCallLimit));
    }
    let uncounted = [DayLimit { counted: None, ..of_user(1) }];
    let uncounted = acquire_within(harness, &uncounted, &paces, PATIENT).await;
    assert!(matches!(uncounted, HoldResult::Uncounted(_)), "{uncounted:?}");
    let wait = wait(acquire(harness, &paces, PATIENT).await);
    assert!(wait <= INTERVAL, "{wait:?} for the second call");
}

/// A request that would wait for too long gets the time of the next slot, and takes neither the slot
/// nor the key nor a call of the day.
pub async fn a_refused_wait_takes_nothing(harness: &impl IdempotencyLockHarness) {
    let clock = TestClock::start();
    let (paces, key, limits) = ([of_trunk(INTERVAL * 2), of_number(INTERVAL)], key(), [of_user(1)]);
    assert_eq!(acquire(harness, &paces, Duration::ZERO).await, IMMEDIATELY);
    for longest_wait in [Duration::ZERO, INTERVAL / 2] {
        let owner = token();
        let within = LockRequest {
            limits: &limits,
            paces: &paces,
            longest_wait,
            ..LockRequest::new(&key, &owner, LONG)
        };
        let refused = harness.lock().acquire(&within).await.expect("store is up");
        let HoldResult::TooFast { retry_after } = refused else { panic!("{refused:?} is too near") };
        assert!(retry_after <= INTERVAL * 2, "{retry_after:?} until the next slot");
        assert!(
            retry_after + clock.started.elapsed() + TOLERANCE >= INTERVAL * 2,
            "{retry_after:?} is too early"
        );
        let refused = harness.lock().next_slot(&paces, longest_wait).await.expect("store is up");
        assert!(matches!(refused, Slot::Beyond(_)), "{refused:?}");
    }
    let owner = token();
    let without = LockRequest { limits: &limits, ..LockRequest::new(&key, &owner, LONG) };
    assert_eq!(harness.lock().acquire(&without).await, Ok(HoldResult::Granted), "key and count are free");
    let wait = wait(acquire(harness, &paces, PATIENT).await);
    assert!(wait <= INTERVAL * 2, "{wait:?}: a refused request took a slot");
}

/// Two trunks, two numbers, and a trunk and a number with the same id have slots of their own.
pub async fn slots_do_not_affect_each_other(harness: &impl IdempotencyLockHarness) {
    let trunk = of_trunk(INTERVAL);
    let PaceScope::Trunk(id) = &trunk.scope else { unreachable!("it is a trunk") };
    let same_id = ProviderNumberId::parse(id.as_str()).expect("ids have one form");
    let same_id = Pace { scope: PaceScope::Number(same_id), interval: INTERVAL };
    for pace in [trunk, of_trunk(INTERVAL), same_id, of_number(INTERVAL), of_number(INTERVAL)] {
        assert_eq!(acquire(harness, slice::from_ref(&pace), Duration::ZERO).await, IMMEDIATELY, "{pace:?}");
    }
}

const IMMEDIATELY: HoldResult = HoldResult::GrantedAfter { wait: Duration::ZERO };

/// The pace of a new trunk.
pub(super) fn of_trunk(interval: Duration) -> Pace {
    Pace { scope: PaceScope::Trunk(trunk_id()), interval }
}

/// The same of a new number.
fn of_number(interval: Duration) -> Pace {
    Pace { scope: PaceScope::Number(provider_number_id()), interval }
}

/// The paces of a trunk and of a new number that is as fast.
fn of_number_and(trunk: &Pace) -> [Pace; 2] {
    [trunk.clone(), of_number(trunk.interval)]
}

/// Whichever order they were taken in.
fn are_apart(interval: Duration, mut slots: Vec<Bounds>) {
    slots.sort_by_key(|slot| slot.earliest);
    for pair in slots.windows(2) {
        pair[1].is_at_least(interval, pair[0]);
    }
}

fn wait(result: HoldResult) -> Duration {
    match result {
        HoldResult::GrantedAfter { wait } => wait,
        other => panic!("a call that may wait gets a slot, not {other:?}"),
    }
}

/// A request for a new key.
async fn acquire(
    harness: &impl IdempotencyLockHarness,
    paces: &[Pace],
    longest_wait: Duration,
) -> HoldResult {
    acquire_within(harness, &[], paces, longest_wait).await
}

async fn acquire_within(
    harness: &impl IdempotencyLockHarness,
    limits: &[DayLimit],
    paces: &[Pace],
    longest_wait: Duration,
) -> HoldResult {
    let (key, token) = (key(), token());
    let request = LockRequest { limits, paces, longest_wait, ..LockRequest::new(&key, &token, LONG) };
    harness.lock().acquire(&request).await.expect("store is up")
}

/// The time of a test, with what its harness let pass.
struct TestClock {
    started: Instant,
    passed: Duration,
}

/// Between which times of the test a slot begins.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    earliest: Duration,
    latest: Duration,
}

impl Bounds {
    fn is_at_least(self, interval: Duration, before: Self) {
        let most = self.latest.saturating_sub(before.earliest) + TOLERANCE;
        assert!(most >= interval, "{self:?} is at most {most:?} after {before:?}");
    }
}

impl TestClock {
    fn start() -> Self {
        Self { started: Instant::now(), passed: Duration::ZERO }
    }

    fn now(&self) -> Duration {
        self.started.elapsed() + self.passed
    }

    async fn pass(&mut self, harness: &impl IdempotencyLockHarness, time: Duration) {
        harness.pass(time).await;
        self.passed += time;
    }

    async fn acquire(&self, harness: &impl IdempotencyLockHarness, paces: &[Pace]) -> Bounds {
        let asked_at = self.now();
        let wait = wait(acquire(harness, paces, PATIENT).await);
        Bounds { earliest: asked_at + wait, latest: self.now() + wait }
    }

    async fn ask(&self, harness: &impl IdempotencyLockHarness, paces: &[Pace]) -> Bounds {
        let asked_at = self.now();
        match harness.lock().next_slot(paces, PATIENT).await.expect("store is up") {
            Slot::In(wait) => Bounds { earliest: asked_at + wait, latest: self.now() + wait },
            Slot::Beyond(wait) => panic!("{wait:?} is no longer than the longest wait"),
        }
    }
}
