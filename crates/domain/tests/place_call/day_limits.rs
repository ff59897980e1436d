//! The calls of a day, on stores in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    Clock as _, DayLimit, HoldResult, IdempotencyLock, LockRequest, LockSettlement, MockIdentifiers,
    OutboundDirectory, OutboundParties, OutboundQuery, Ownership, PortUnavailable, RefusalCount,
    RefusalCounts as _, RefusalQuery, SettleResult,
};
use domain::{
    CallPolicy, CallingFacts, CallingPolicy, DestinationRules, DialOutcome, DirectoryRecord, IntentKey, Mode,
    Modes, NotDialledReason, OwnerToken, Pace, PlaceCall, PlaceCallCommand, PlaceCallError, PlaceCallPorts,
    PlacedCall, RawPlaceCall, RefusalCode, RefusalLog, RuleGroup, Slot, Timestamp, UserId, UserRecord,
    VersionedPolicy, ZoneName,
};
use testkit::clock::ManualClock;
use testkit::fixtures::{self, Tenant, provider_reference};
use testkit::memory::{Memory, Provider};
use testkit::rules::ScriptedRules;

const HOUR: Duration = Duration::from_hours(1);
/// 22:00 in a zone that is an hour ahead of UTC.
const TEN_IN_THE_EVENING: Timestamp = Timestamp::from_unix_millis(1_764_018_000_000);

#[tokio::test]
async fn a_user_may_make_so_many_calls_in_a_day() {
    let world = World::new(CallingPolicy { user_calls_per_day: Some(2), ..enforced() });
    world.place(0).await.expect("the first call");
    world.place(1).await.expect("the second call");
    assert_refused(&world.place(2).await, RefusalCode::UserCallLimit);
    assert_eq!(world.dials(), 2);
    assert!(world.place(1).await.expect("a duplicate").deduplicated, "a duplicate is answered first");

    let colleague = world.colleague();
    world.place_as(&colleague, 2).await.expect("the colleague's first call");
    // Two hours later, it is the next day in the policy's zone.
    world.clock.advance(HOUR * 2).await;
    world.place(2).await.expect("the first call of the next day");
}

#[tokio::test]
async fn an_organization_may_make_so_many_calls_in_a_day() {
    let world = World::new(CallingPolicy { organization_calls_per_day: Some(2), ..enforced() });
    let colleague = world.colleague();
    world.place(0).await.expect("the first call");
    world.place_as(&colleague, 1).await.expect("the second call");
    for user in [&world.tenant.user.id, &colleague] {
        assert_refused(&world.place_as(user, 2).await, RefusalCode::OrganizationCallLimit);
    }
    assert_eq!(world.memory.tables().calls.len(), 2, "nothing was booked");
}

#[tokio::test]
async fn a_call_that_is_not_dialled_is_given_back() {
    let world = World::new(CallingPolicy {
        user_calls_per_day: Some(1),
        organization_calls_per_day: Some(1),
        ..enforced()
    });
    world.provider.set_outcome(DialOutcome::NotDialled(NotDialledReason::Unavailable));
    for _ in 0..3 {
        let result = world.place(0).await;
        assert!(matches!(result, Err(PlaceCallError::ProviderUnavailable { .. })), "{result:?}");
    }
    world.provider.set_outcome(DialOutcome::Placed(provider_reference()));
    world.place(0).await.expect("the only call");
    assert_refused(&world.place(1).await, RefusalCode::UserCallLimit);
}

#[tokio::test]
async fn counts_that_were_lost_come_from_the_ledger() {
    let world = World::new(CallingPolicy {
        user_calls_per_day: Some(3),
        organization_calls_per_day: Some(4),
        ..enforced()
    });
    let colleague = world.colleague();
    world.place(0).await.expect("the first call");
    world.place_as(&colleague, 1).await.expect("the second call");
    world.provider.set_outcome(DialOutcome::NotDialled(NotDialledReason::Unavailable));
    world.place(2).await.expect_err("it is not dialled");
    world.provider.set_outcome(DialOutcome::Placed(provider_reference()));
    for number in [3, 4] {
        world.lose_counts();
        world.place(number).await.expect("a call within the limits");
    }
    world.lose_counts();
    assert_refused(&world.place(5).await, RefusalCode::UserCallLimit);
    assert_refused(&world.place_as(&colleague, 5).await, RefusalCode::OrganizationCallLimit);
}

#[tokio::test]
async fn calls_from_before_a_change_of_the_policy_count() {
    let world = World::new(enforced());
    world.place(0).await.expect("a call without a limit");
    world.set_policy(CallingPolicy { user_calls_per_day: Some(2), ..enforced() });
    world.place(1).await.expect("the second call");
    world.set_policy(enforced());
    for number in 2..5 {
        world.place(number).await.expect("a call without a limit");
    }
    world.set_policy(CallingPolicy { user_calls_per_day: Some(4), ..enforced() });
    assert_refused(&world.place(5).await, RefusalCode::UserCallLimit);
}

#[tokio::test]
async fn a_limit_that_is_not_enforced_refuses_nothing() {
    for mode in [Mode::Warn, Mode::Off] {
        let world = World::new(CallingPolicy {
            modes: Modes::default().with(RuleGroup::Caps, mode),
            user_calls_per_day: Some(1),
            organization_calls_per_day: Some(2),
            ..CallingPolicy::default()
        });
        for number in 0..4 {
            world.place(number).await.expect("no limit is enforced");
        }
        assert_eq!(world.memory.tables().day_counts.is_empty(), mode == Mode::Off);
    }
}

/// The first request for the lock is refused by the user's limit, and the second one is granted without it.
/// Its reply is lost, so that the call gives back what may have been counted.
#[tokio::test]
async fn a_lost_reply_gives_back_only_what_was_counted() {
    let world = World::new(CallingPolicy {
        modes: Modes::default().with(RuleGroup::Caps, Mode::Warn),
        user_calls_per_day: Some(1),
        organization_calls_per_day: Some(9),
        ..enforced()
    });
    world.place(0).await.expect("the first call");
    world.lock.loses_grants.store(true, Ordering::SeqCst);
    let result = world.place(1).await;
    assert!(matches!(result, Err(PlaceCallError::ServiceUnavailable(_))), "{result:?}");
    let counts: Vec<u32> = world.memory.tables().day_counts.values().map(|count| count.calls).collect();
    assert_eq!(counts, [1, 1], "the counts of the first call");
}

#[tokio::test]
async fn a_day_in_no_zone_is_a_failure() {
    let zone = ZoneName::parse("Atlantis/Capital").expect("the form of a name");
    let world = World::new(CallingPolicy { user_calls_per_day: Some(9), time_zone: zone, ..enforced() });
    let result = world.place(0).await;
    assert!(matches!(result, Err(PlaceCallError::ServiceUnavailable(_))), "{result:?}");
    assert_eq!(world.dials(), 0);
}

#[tokio::test]
async fn a_refused_request_is_counted_by_the_hour() {
    let world = World::new(CallingPolicy { user_calls_per_day: Some(1), ..enforced() });
    world.place(0).await.expect("the only call");
    for _ in 0..2 {
        assert_refused(&world.place(1).await, RefusalCode::UserCallLimit);
    }
    world.clock.advance(HOUR / 2).await;
    world.clock.advance(HOUR / 2 + Duration::from_secs(1)).await;
    assert_refused(&world.place(1).await, RefusalCode::UserCallLimit);
    assert_eq!(world.refusals().await, [], "nothing is written before the response");
    assert_eq!(world.log.write().await, Ok(2));
    assert_eq!(world.log.write().await, Ok(0));
    let hours: Vec<_> = world.refusals().await.iter().map(|count| (count.hour, count.refusals)).collect();
    assert_eq!(hours, [(TEN_IN_THE_EVENING, 2), (TEN_IN_THE_EVENING.after(HOUR), 1)]);
}

#[tokio::test]
async fn refusals_that_could_not_be_written_are_written_later() {
    let world = World::new(CallingPolicy { user_calls_per_day: Some(0), ..enforced() });
    assert_refused(&world.place(0).await, RefusalCode::UserCallLimit);
    world.memory.lose();
    world.log.write().await.expect_err("the store is lost");
    world.memory.restore();
    assert_refused(&world.place(0).await, RefusalCode::UserCallLimit);
    assert_eq!(world.log.write().await, Ok(1));
    assert_eq!(world.refusals().await.iter().map(|count| count.refusals).sum::<u64>(), 2);
}

/// Enforces caps, in a zone that is an hour ahead of UTC.
fn enforced() -> CallingPolicy {
    CallingPolicy {
        modes: Modes::default().with(RuleGroup::Caps, Mode::Enforce),
        time_zone: ZoneName::parse("Etc/GMT-1").expect("a name"),
        ..CallingPolicy::default()
    }
}

fn assert_refused(answer: &Result<PlacedCall, PlaceCallError>, code: RefusalCode) {
    let Err(PlaceCallError::Refused(decision)) = answer else { panic!("not refused: {answer:?}") };
    assert_eq!(decision.refusals.iter().map(|refusal| refusal.code).collect::<Vec<_>>(), [code]);
}

struct World {
    clock: Arc<ManualClock>,
    memory: Memory,
    lock: Arc<LosesGrants>,
    provider: Provider,
    tenant: Tenant,
    policy: Arc<Mutex<VersionedPolicy>>,
    log: Arc<RefusalLog>,
    place_call: PlaceCall,
}

impl World {
    fn new(policy: CallingPolicy) -> Self {
        let clock = Arc::new(ManualClock::starting_at(TEN_IN_THE_EVENING));
        let (memory, tenant) = (Memory::new(clock.clone()), Tenant::new());
        memory.import(&tenant.records());
        let provider = Provider::new(DialOutcome::Placed(provider_reference()));
        let policy = Arc::new(Mutex::new(VersionedPolicy { policy, revision: 1, changed: None }));
        let mut identifiers = MockIdentifiers::new();
        identifiers.expect_call_id().returning(fixtures::call_id);
        identifiers.expect_contact_id().returning(fixtures::contact_id);
        identifiers.expect_owner_token().returning(fixtures::token);
        let port = Arc::new(memory.clone());
        let lock = Arc::new(LosesGrants { lock: memory.clone(), loses_grants: AtomicBool::new(false) });
        let log = Arc::new(RefusalLog::new(port.clone(), port.clone(), clock.clone()));
        let ports = PlaceCallPorts {
            directory: Arc::new(WithPolicy { memory: memory.clone(), policy: policy.clone() }),
            contacts: port.clone(),
            lock: lock.clone(),
            ledger: port.clone(),
            provider: Arc::new(provider.clone()),
            contexts: port.clone(),
            keys: port,
            clock: clock.clone(),
            identifiers: Arc::new(identifiers),
            rules: Arc::new(ScriptedRules {
                no_zone: Some("Atlantis/Capital"),
                days_begin_before: HOUR,
                ..ScriptedRules::default()
            }),
        };
        let place_call = PlaceCall::new(ports, CallPolicy::default(), DestinationRules::default())
            .with_refusal_log(log.clone());
        Self { clock, memory, lock, provider, tenant, policy, log, place_call }
    }

    /// A call of the tenant's user to one of many numbers.
    async fn place(&self, number: u32) -> Result<PlacedCall, PlaceCallError> {
        self.place_as(&self.tenant.user.id, number).await
    }

    async fn place_as(&self, user: &UserId, number: u32) -> Result<PlacedCall, PlaceCallError> {
        let to = format!("+1416555{:04}", 1000 + number);
        let raw = RawPlaceCall { phone_number: Some(&to), ..RawPlaceCall::default() };
        let command = PlaceCallCommand::parse(user.clone(), &raw).expect("a command");
        self.place_call.execute(command).await
    }

    /// Another user of the organization, with a number.
    fn colleague(&self) -> UserId {
        let user: UserRecord = fixtures::user(&self.tenant.organization.id);
        let number = fixtures::number(&user, 0);
        self.memory.import(&[DirectoryRecord::User(user.clone()), DirectoryRecord::Number(number)]);
        user.id
    }

    fn set_policy(&self, policy: CallingPolicy) {
        let mut stored = self.policy.lock().expect("no panic");
        *stored = VersionedPolicy { policy, revision: stored.revision + 1, changed: None };
    }

    fn lose_counts(&self) {
        self.memory.tables().day_counts.clear();
    }

    fn dials(&self) -> usize {
        self.provider.dials().len()
    }

    async fn refusals(&self) -> Vec<RefusalCount> {
        let (from, until) = (TEN_IN_THE_EVENING.before(HOUR), self.clock.now().after(HOUR));
        let organization_id = self.tenant.organization.id.clone();
        self.memory.list(&RefusalQuery { organization_id, from, until }).await.expect("the store is up")
    }
}

/// A lock whose replies are lost if they grant a request.
struct LosesGrants {
    lock: Memory,
    loses_grants: AtomicBool,
}

#[async_trait]
impl IdempotencyLock for LosesGrants {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        let result = self.lock.acquire(request).await?;
        if result == HoldResult::Granted && self.loses_grants.load(Ordering::SeqCst) {
            return Err(PortUnavailable::new("lock", "the reply was lost"));
        }
        Ok(result)
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        self.lock.renew(key, token, hold_for).await
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        self.lock.settle(settlement).await
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        self.lock.release(key, token, limits).await
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        self.lock.next_slot(paces, longest_wait).await
    }
}

/// The parties of a store, with a policy.
struct WithPolicy {
    memory: Memory,
    policy: Arc<Mutex<VersionedPolicy>>,
}

#[async_trait]
impl OutboundDirectory for WithPolicy {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        let policy = Some(self.policy.lock().expect("no panic").clone());
        let found = self.memory.resolve(query).await?;
        Ok(found.map(|parties| OutboundParties {
            calling: CallingFacts { policy, ..parties.calling.clone() },
            ..parties
        }))
    }
}
