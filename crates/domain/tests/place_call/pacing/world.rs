//! Stores in memory, a trunk, and a provider that writes down when it dials.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, CallWatch, Clock as _, DialRequest, HoldResult, IdempotencyLock, LockSettlement,
    MockIdempotencyLock, MockIdentifiers, Ownership, ProvisionedTrunk, SettleResult, VoiceProvider,
};
use domain::{
    AnswerTime, AppliedRule, AppliedRules, CallPolicy, CallingPolicy, Carrier, DestinationRules, DialOutcome,
    DirectoryRecord, Interval, Mode, Modes, OpenTimes, PacingLimits, PhoneNumber, Place, PlaceBasis,
    PlaceCall, PlaceCallCommand, PlaceCallError, PlaceCallPorts, PlacedCall, RateLimit, RawPlaceCall, RuleId,
    ZoneName,
};
use testkit::clock::ManualClock;
use testkit::fixtures::{self, SERVED_CARRIERS, Tenant, provider_reference};
use testkit::memory::Memory;
use testkit::rules::ScriptedRules;
use tokio::task::JoinHandle;

type Answer = Result<PlacedCall, PlaceCallError>;

pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5);

pub(super) fn too_fast(retry_after: Duration) -> PlaceCallError {
    PlaceCallError::RateLimited { limit: RateLimit::Pace, retry_after }
}

pub(super) fn limits(number: Option<u32>, organization: Option<u32>, trunk: Option<u32>) -> PacingLimits {
    PacingLimits {
        number_calls_per_minute: number.and_then(NonZeroU32::new),
        organization_calls: organization.and_then(NonZeroU32::new),
        trunk_calls: trunk.and_then(NonZeroU32::new),
    }
}

/// It also renews.
pub(super) fn lock_that_grants(result: HoldResult) -> MockIdempotencyLock {
    let mut lock = lock_that_asks(result);
    lock.expect_renew().return_const(Ok(Ownership::Held));
    lock
}

/// The test says what it does after the grant.
pub(super) fn lock_that_asks(result: HoldResult) -> MockIdempotencyLock {
    let mut lock = MockIdempotencyLock::new();
    lock.expect_acquire().times(1).return_const(Ok(result));
    lock.expect_settle().returning(|_: &LockSettlement<'_>| {
        Ok(SettleResult { ownership: Ownership::Held, context_stored: true })
    });
    lock
}

/// What a test replaces.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) clock: Arc<ManualClock>,
    pub(super) limits: PacingLimits,
    pub(super) lock: Option<Arc<dyn IdempotencyLock>>,
    pub(super) ledger: Option<Arc<dyn CallLedger>>,
    /// The only hours in which calls are allowed.
    pub(super) open: Option<Interval>,
}

pub(super) struct World {
    pub(super) clock: Arc<ManualClock>,
    pub(super) memory: Memory,
    dials: Arc<Mutex<Vec<Duration>>>,
    tenant: Tenant,
    place_call: PlaceCall,
}

impl World {
    /// The trunk of the tenant's number starts one call in a second.
    pub(super) fn new(limits: PacingLimits) -> Self {
        Self::of(Parts { limits, ..Parts::default() })
    }

    pub(super) fn with_lock(lock: MockIdempotencyLock) -> Self {
        Self::of(Parts { lock: Some(Arc::new(lock)), ..Parts::default() })
    }

    pub(super) fn of(parts: Parts) -> Self {
        let Parts { clock, limits, lock, ledger, open } = parts;
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
            ledger: ledger.unwrap_or_else(|| port.clone()),
            provider: Arc::new(provider),
            contexts: port.clone(),
            keys: port.clone(),
            clock: clock.clone(),
            identifiers: Arc::new(identifiers),
            rules: Arc::new(open.map_or_else(ScriptedRules::default, open_within)),
        };
        let policy = CallPolicy::default().with_longest_wait(LONGEST_WAIT);
        let place_call = PlaceCall::new(ports, policy, DestinationRules::default())
            .with_holds(vec![port])
            .with_default_policy(CallingPolicy {
                modes: Modes::all(Mode::Enforce),
                ..CallingPolicy::default()
            })
            .with_pacing(limits);
        Self { clock, memory, dials, tenant, place_call }
    }

    pub(super) fn watched_by(mut self, watch: Arc<dyn CallWatch>) -> Self {
        self.place_call = self.place_call.with_watch(watch);
        self
    }

    /// Another number of the user, on the same trunk.
    pub(super) fn add_number(&self) -> PhoneNumber {
        let record = fixtures::number(&self.tenant.user, 1);
        let phone_number = record.number.phone_number.clone();
        self.memory.import(&[DirectoryRecord::Number(record)]);
        phone_number
    }

    pub(super) fn without_trunk(self) -> Self {
        self.memory.tables().trunks.clear();
        self
    }

    /// A call of the tenant's user to one of many numbers.
    pub(super) async fn place(&self, number: u32) -> Answer {
        self.start(number).await.expect("no panic")
    }

    pub(super) fn start(&self, number: u32) -> JoinHandle<Answer> {
        self.start_from(&self.tenant.number.number.phone_number, number)
    }

    pub(super) fn start_from(&self, from: &PhoneNumber, number: u32) -> JoinHandle<Answer> {
        let to = format!("+1416555{:04}", 1000 + number);
        let from_number = Some(from.as_e164());
        let raw = RawPlaceCall { phone_number: Some(&to), from_number, ..RawPlaceCall::default() };
        let command = PlaceCallCommand::parse(self.tenant.user.id.clone(), &raw).expect("a command");
        let place_call = self.place_call.clone();
        tokio::spawn(async move { place_call.execute(command).await })
    }

    /// When each dial began, from the first moment of the test on.
    pub(super) fn dialled_after(&self) -> Vec<Duration> {
        self.dials.lock().expect("no panic").clone()
    }

    /// The outcome of each call.
    pub(super) fn outcomes(&self) -> Vec<Option<DialOutcome>> {
        let tables = self.memory.tables();
        tables.calls.iter().map(|call| call.dial.as_ref().map(|(outcome, _)| outcome.clone())).collect()
    }
}

/// A rule that allows calls in this time alone.
fn open_within(open: Interval) -> ScriptedRules {
    let rule = AppliedRule {
        id: RuleId("us-fl".into()),
        version: 2,
        source: "Fla. Stat. 501.616(6)".into(),
        place: 0,
        open: Some(OpenTimes { intervals: vec![open], closed: None }),
        caps: Vec::new(),
        cool_downs: Vec::new(),
        consent: None,
        do_not_call_list: None,
        least_ring: None,
        bars_local_number: false,
    };
    let place = Place { region: None, basis: PlaceBasis::Number, zones: vec![ZoneName::utc()] };
    ScriptedRules {
        applied: AppliedRules { places: vec![place], rules: vec![rule] },
        ..ScriptedRules::default()
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
