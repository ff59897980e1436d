//! How fast calls start, and how many there are at the same time, on stores in memory.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallUpdater as _, Clock as _, DialRequest, HoldResult, IdempotencyLock, LockSettlement,
    MockIdempotencyLock, MockIdentifiers, Ownership, PortUnavailable, ProvisionedTrunk, SettleResult,
    VoiceProvider,
};
use domain::{
    AnswerTime, CallPolicy, CallStatus, CallUpdate, Carrier, ConversationRecord, DestinationRules,
    DialOutcome, NotDialledReason, PacingLimits, PlaceCall, PlaceCallCommand, PlaceCallError, PlaceCallPorts,
    PlacedCall, RateLimit, RawPlaceCall, Slot, UpdateContent,
};
use testkit::clock::ManualClock;
use testkit::fixtures::{self, SERVED_CARRIERS, Tenant, provider_reference};
use testkit::memory::Memory;
use testkit::rules::ScriptedRules;
use tokio::task::JoinHandle;

type Answer = Result<PlacedCall, PlaceCallError>;

const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Of a trunk with one call per second.
const INTERVAL: Duration = Duration::from_millis(1112);

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
    assert_eq!(withdrawn, Some(DialOutcome::NotDialled(NotDialledReason::Unavailable)));
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
        let world = World::with_lock(Arc::new(lock));
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
    let world = World::with_lock(Arc::new(lock));
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
    let world = World::on(clock, PacingLimits::default(), Some(Arc::new(lock)));
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

#[tokio::test]
async fn an_organization_has_so_many_calls_at_the_same_time() {
    let world = World::new(limits(None, Some(2), None)).without_trunk();
    let first = world.place(0).await.expect("the first call");
    world.place(1).await.expect("the second call");
    let refused = PlaceCallError::RateLimited {
        limit: RateLimit::OrganizationCalls,
        retry_after: Duration::from_secs(10),
    };
    for _ in 0..2 {
        assert_eq!(world.place(2).await, Err(refused.clone()));
    }
    assert_eq!(world.memory.tables().calls.len(), 2, "nothing was booked");
    assert!(world.place(1).await.expect("a duplicate").deduplicated, "a duplicate is answered first");

    let ended = ConversationRecord::new(CallStatus::Completed);
    let ended = CallUpdate { content: UpdateContent::Conversation(ended), ..CallUpdate::unresolved() };
    world.memory.merge(&first.reference.call_id, &ended).await.expect("the call is stored");
    world.place(2).await.expect("one of the calls has ended");
    assert_eq!(world.place(3).await, Err(refused));
}

#[tokio::test]
async fn a_call_without_a_report_of_its_end_counts_for_two_hours() {
    let world = World::new(limits(None, Some(1), None)).without_trunk();
    world.place(0).await.expect("the first call");
    world.clock.advance(Duration::from_hours(2)).await;
    world.place(1).await.expect_err("it may have not ended");
    world.clock.advance(Duration::from_millis(1)).await;
    world.place(1).await.expect("it must have ended");
}

#[tokio::test]
async fn a_trunk_has_so_many_calls_at_the_same_time() {
    let world = World::new(limits(None, None, Some(1)));
    world.place(0).await.expect("the first call");
    let refused =
        PlaceCallError::RateLimited { limit: RateLimit::TrunkCalls, retry_after: Duration::from_secs(10) };
    assert_eq!(world.place(1).await, Err(refused));
    let world = world.without_trunk();
    world.place(1).await.expect("it is over no trunk");
}

fn too_fast(retry_after: Duration) -> PlaceCallError {
    PlaceCallError::RateLimited { limit: RateLimit::Pace, retry_after }
}

fn limits(number: Option<u32>, organization: Option<u32>, trunk: Option<u32>) -> PacingLimits {
    PacingLimits {
        number_calls_per_minute: number.and_then(NonZeroU32::new),
        organization_calls: organization.and_then(NonZeroU32::new),
        trunk_calls: trunk.and_then(NonZeroU32::new),
    }
}

fn lock_that_grants(result: HoldResult) -> MockIdempotencyLock {
    let mut lock = MockIdempotencyLock::new();
    lock.expect_acquire().times(1).return_const(Ok(result));
    lock.expect_renew().return_const(Ok(Ownership::Held));
    lock.expect_settle().returning(|_: &LockSettlement<'_>| {
        Ok(SettleResult { ownership: Ownership::Held, context_stored: true })
    });
    lock
}

struct World {
    clock: Arc<ManualClock>,
    memory: Memory,
    dials: Arc<Mutex<Vec<Duration>>>,
    tenant: Tenant,
    place_call: PlaceCall,
}

impl World {
    /// The trunk of the tenant's number starts one call in a second.
    fn new(limits: PacingLimits) -> Self {
        Self::on(Arc::new(ManualClock::new()), limits, None)
    }

    fn with_lock(lock: Arc<MockIdempotencyLock>) -> Self {
        Self::on(Arc::new(ManualClock::new()), PacingLimits::default(), Some(lock))
    }

    fn on(clock: Arc<ManualClock>, limits: PacingLimits, lock: Option<Arc<dyn IdempotencyLock>>) -> Self {
        let (memory, tenant) = (Memory::new(clock.clone()), Tenant::new());
        memory.import(&tenant.records());
        let carrier = tenant.number.number.carrier.clone();
        let trunk = ProvisionedTrunk { id: fixtures::trunk_id(), carrier, calls_per_second: 1 };
        memory.tables().trunks.push(trunk);
        let dials = Arc::default();
        let provider = TimedProvider { clock: clock.clone(), dials: Arc::clone(&dials) };
        let mut identifiers = MockIdentifiers::new();
        identifiers.expect_call_id().returning(fixtures::call_id);
        identifiers.expect_contact_id().returning(fixtures::contact_id);
        identifiers.expect_owner_token().returning(fixtures::token);
        let port = Arc::new(memory.clone());
        let ports = PlaceCallPorts {
            directory: port.clone(),
            contacts: port.clone(),
            lock: lock.unwrap_or_else(|| port.clone()),
            ledger: port.clone(),
            provider: Arc::new(provider),
            contexts: port.clone(),
            keys: port.clone(),
            clock: clock.clone(),
            identifiers: Arc::new(identifiers),
            rules: Arc::new(ScriptedRules::default()),
        };
        let policy = CallPolicy::default().with_longest_wait(LONGEST_WAIT);
        let place_call = PlaceCall::new(ports, policy, DestinationRules::default())
            .with_holds(vec![port])
            .with_pacing(limits);
        Self { clock, memory, dials, tenant, place_call }
    }

    fn without_trunk(self) -> Self {
        self.memory.tables().trunks.clear();
        self
    }

    /// A call of the tenant's user to one of many numbers.
    async fn place(&self, number: u32) -> Answer {
        self.start(number).await.expect("no panic")
    }

    fn start(&self, number: u32) -> JoinHandle<Answer> {
        let to = format!("+1416555{:04}", 1000 + number);
        let raw = RawPlaceCall { phone_number: Some(&to), ..RawPlaceCall::default() };
        let command = PlaceCallCommand::parse(self.tenant.user.id.clone(), &raw).expect("a command");
        let place_call = self.place_call.clone();
        tokio::spawn(async move { place_call.execute(command).await })
    }

    /// When each dial began, from the first moment of the test on.
    fn dialled_after(&self) -> Vec<Duration> {
        self.dials.lock().expect("no panic").clone()
    }
}

/// Answers every dial immediately.
struct TimedProvider {
    clock: Arc<ManualClock>,
    dials: Arc<Mutex<Vec<Duration>>>,
}

#[async_trait]
impl VoiceProvider for TimedProvider {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AfterRinging
    }

    fn carriers(&self) -> &[Carrier] {
        SERVED_CARRIERS
    }

    async fn dial(&self, _: &DialRequest) -> DialOutcome {
        self.dials.lock().expect("no panic").push(self.clock.monotonic());
        DialOutcome::Placed(provider_reference())
    }
}
