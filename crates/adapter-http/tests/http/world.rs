//! A world in which every call succeeds, until a test changes one thing in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallerNumberChoice, Clock, DialRequest, HoldResult, MockAgentRepo, MockCallLedger, MockContactRepo,
    MockContextCache, MockIdempotencyLock, MockIdentifiers, MockNumberPool, MockUserRepo, Ownership,
    PortUnavailable, SettleResult, VoiceProvider,
};
use domain::{
    Agent, AgentId, AnswerTime, CallId, CallPolicy, CallerNumber, Carrier, CarrierCallId, Contact, ContactId,
    ConversationId, DialOutcome, NumberingPlan, Organization, OrganizationId, OwnerToken, PersonName,
    PhoneNumber, PlaceCall, PlaceCallPorts, ProviderAgentId, ProviderNumberId, ProviderReference, Timestamp,
    User, UserId,
};
use tokio::sync::Semaphore;

/// What the ports answer.
pub(crate) struct World {
    pub(crate) user: Result<Option<User>, PortUnavailable>,
    pub(crate) contact: Option<Contact>,
    pub(crate) agent: Option<Agent>,
    pub(crate) caller: Option<CallerNumber>,
    pub(crate) own_number: bool,
    pub(crate) lock: Result<HoldResult, PortUnavailable>,
    pub(crate) outcome: DialOutcome,
    /// How many phones may be picked up; the others ring.
    pub(crate) pick_ups: Arc<Semaphore>,
    pub(crate) dials: Arc<AtomicU64>,
    pub(crate) settled: Arc<AtomicU64>,
    /// Whether the user's record breaks the process's own rules, as a bug would.
    pub(crate) broken: bool,
}

pub(crate) const CALL_ID: &str = "64f0a1b2c3d4e5f6a7b8d111";

pub(crate) fn reference() -> ProviderReference {
    ProviderReference {
        conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
        carrier_call_id: Some(CarrierCallId::parse("sip_1").expect("an id")),
    }
}

pub(crate) fn call_id() -> CallId {
    CallId::parse(CALL_ID).expect("an id")
}

impl World {
    pub(crate) fn new() -> Self {
        let organization_id = OrganizationId::parse("o1").expect("an id");
        let name = || PersonName::parse("Somebody").expect("a name");
        let user_id = UserId::parse("u1").expect("an id");
        Self {
            user: Ok(Some(User {
                id: user_id.clone(),
                organization: Organization { id: organization_id.clone(), name: name() },
                full_name: name(),
            })),
            contact: Some(Contact {
                id: ContactId::parse("c1").expect("an id"),
                organization_id: organization_id.clone(),
                first_name: None,
                last_name: None,
                phone_number: Some(PhoneNumber::parse("+14165550110").expect("a number")),
            }),
            agent: Some(Agent {
                id: AgentId::parse("a1").expect("an id"),
                organization_id: organization_id.clone(),
                name: name(),
                voice_enabled: true,
                provider_agent_id: Some(ProviderAgentId::parse("agent_1").expect("an id")),
            }),
            caller: Some(CallerNumber {
                organization_id,
                user_id,
                phone_number: PhoneNumber::parse("+14165550100").expect("a number"),
                carrier: Carrier::Sinch,
                ai_enabled: true,
                on_trunk: true,
                provider_number_id: Some(ProviderNumberId::parse("phnum_1").expect("an id")),
            }),
            own_number: false,
            lock: Ok(HoldResult::Granted),
            outcome: DialOutcome::Placed(reference()),
            pick_ups: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            dials: Arc::default(),
            settled: Arc::default(),
            broken: false,
        }
    }

    /// A world in which phones ring until a permit is added to the semaphore.
    pub(crate) fn ringing() -> Self {
        Self { pick_ups: Arc::new(Semaphore::new(0)), ..Self::new() }
    }

    pub(crate) fn place_call(self) -> PlaceCall {
        let provider = Phones { pick_ups: self.pick_ups, dials: self.dials, outcome: self.outcome };
        let mut users = MockUserRepo::new();
        let (user, broken) = (self.user, self.broken);
        users.expect_find().returning(move |_| {
            assert!(!broken, "a bug");
            user.clone()
        });
        let mut contacts = MockContactRepo::new();
        let contact = self.contact;
        let known = contact.clone();
        contacts.expect_find().returning(move |_, _| Ok(contact.clone()));
        contacts
            .expect_find_or_create()
            .returning(move |_, _, _| Ok(known.clone().expect("a contact is made")));
        let mut agents = MockAgentRepo::new();
        let agent = self.agent;
        let default = agent.clone();
        agents.expect_find().returning(move |_, _| Ok(agent.clone()));
        agents.expect_default_for().returning(move |_| Ok(default.clone()));
        let mut numbers = MockNumberPool::new();
        let answer = CallerNumberChoice { caller: self.caller, recipient_is_own_number: self.own_number };
        numbers.expect_choose().returning(move |_| Ok(answer.clone()));
        let mut lock = MockIdempotencyLock::new();
        let granted = self.lock;
        let held = SettleResult { ownership: Ownership::Held, context_stored: true };
        lock.expect_acquire().returning(move |_, _, _| granted.clone());
        lock.expect_renew().returning(|_, _, _| Ok(Ownership::Held));
        lock.expect_release().returning(|_, _| Ok(Ownership::Held));
        lock.expect_settle().returning(move |_| Ok(held));
        let mut ledger = MockCallLedger::new();
        let settled = self.settled;
        ledger.expect_book().returning(|_| Ok(HoldResult::Granted));
        ledger.expect_settle().returning(move |_| {
            settled.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        let mut identifiers = MockIdentifiers::new();
        identifiers.expect_call_id().returning(call_id);
        identifiers.expect_contact_id().returning(|| ContactId::parse("c9").expect("an id"));
        identifiers.expect_owner_token().returning(|| OwnerToken::mint([7; 16]));
        let ports = PlaceCallPorts {
            users: Arc::new(users),
            contacts: Arc::new(contacts),
            agents: Arc::new(agents),
            numbers: Arc::new(numbers),
            lock: Arc::new(lock),
            ledger: Arc::new(ledger),
            provider: Arc::new(provider),
            contexts: Arc::new(MockContextCache::new()),
            clock: Arc::new(StillClock),
            identifiers: Arc::new(identifiers),
        };
        PlaceCall::new(ports, CallPolicy::default(), NumberingPlan::default())
    }
}

/// Rings until it may be picked up.
struct Phones {
    pick_ups: Arc<Semaphore>,
    dials: Arc<AtomicU64>,
    outcome: DialOutcome,
}

#[async_trait]
impl VoiceProvider for Phones {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AfterRinging
    }

    async fn dial(&self, _: &DialRequest) -> DialOutcome {
        self.dials.fetch_add(1, Ordering::SeqCst);
        let picked_up = self.pick_ups.acquire().await.expect("phones ring for ever");
        picked_up.forget();
        self.outcome.clone()
    }
}

/// Time that does not pass.
pub(crate) struct StillClock;

#[async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(1_700_000_000_000)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}
