use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallerNumberChoice, DialRequest, HoldResult, MockAgentRepo, MockCallLedger, MockContactRepo,
    MockContextCache, MockIdempotencyLock, MockIdentifiers, MockNumberPool, MockUserRepo, Ownership,
    PortUnavailable, SettleResult, VoiceProvider,
};
use domain::{
    Agent, AgentId, AnswerTime, CallId, CallPolicy, CallReference, CallerNumber, Carrier, CarrierCallId,
    Contact, ContactId, ConversationId, DialOutcome, NumberingPlan, Organization, OrganizationId, OwnerToken,
    PersonName, PhoneNumber, PlaceCall, PlaceCallCommand, PlaceCallError, PlaceCallPorts, PlacedCall,
    ProviderAgentId, ProviderNumberId, ProviderReference, RawPlaceCall, User, UserId,
};

use crate::clock::HandClock;

pub(crate) type Answer<T> = Result<T, PortUnavailable>;

/// What every port answers, to be changed by a test before it places a call.
pub(crate) struct World {
    pub user: Answer<Option<User>>,
    pub contact: Answer<Option<Contact>>,
    pub agent: Answer<Option<Agent>>,
    pub numbers: Answer<CallerNumberChoice>,
    pub acquired: Answer<HoldResult>,
    pub renewed: Answer<Ownership>,
    pub lock_settled: Answer<SettleResult>,
    pub released: Answer<Ownership>,
    pub booked: Answer<HoldResult>,
    pub ledger_settled: Answer<()>,
    pub context_stored: Answer<()>,
    pub outcome: DialOutcome,
    /// When the provider answers.
    pub answers: AnswerTime,
    /// How long the provider takes to answer.
    pub rings_for: Duration,
    /// How long the process stands still while it books.
    pub stalls_for: Duration,
    /// The numbers that may be called.
    pub plan: NumberingPlan,
}

/// What came of a call.
pub(crate) struct Run {
    pub answer: Result<PlacedCall, PlaceCallError>,
    /// Every write and every dial, in order.
    pub steps: Vec<String>,
    /// What the provider was asked.
    pub dialled: Vec<DialRequest>,
    /// How long the results that were written are held, each with whoever holds it.
    pub holds: Vec<(&'static str, Duration)>,
}

impl Run {
    pub(crate) fn steps(&self) -> Vec<&str> {
        self.steps.iter().map(String::as_str).collect()
    }

    pub(crate) fn dials(&self) -> usize {
        self.dialled.len()
    }
}

pub(crate) fn away() -> PortUnavailable {
    PortUnavailable::new("store", "away")
}

pub(crate) fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a valid number")
}

pub(crate) fn name(text: &str) -> PersonName {
    PersonName::parse(text).expect("a name")
}

pub(crate) fn organization_id() -> OrganizationId {
    OrganizationId::parse("org-1").expect("an id")
}

pub(crate) fn provider_reference() -> ProviderReference {
    ProviderReference {
        conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
        carrier_call_id: Some(CarrierCallId::parse("otb_1").expect("an id")),
    }
}

pub(crate) fn call_id() -> CallId {
    CallId::mint(1, [1; 8])
}

/// The call of this request, as it is named to the client.
pub(crate) fn reference() -> CallReference {
    CallReference::new(call_id(), provider_reference())
}

/// A call of an earlier request.
pub(crate) fn earlier() -> CallReference {
    CallReference::new(CallId::mint(0, [9; 8]), ProviderReference::default())
}

pub(crate) fn caller_number() -> CallerNumber {
    CallerNumber {
        organization_id: organization_id(),
        user_id: UserId::parse("user-1").expect("an id"),
        phone_number: number("+14165550100"),
        carrier: Carrier::Sinch,
        ai_enabled: true,
        on_trunk: true,
        provider_number_id: Some(ProviderNumberId::parse("phnum_1").expect("an id")),
    }
}

pub(crate) fn agent() -> Agent {
    Agent {
        id: AgentId::parse("agent-1").expect("an id"),
        organization_id: organization_id(),
        name: name("Nora"),
        voice_enabled: true,
        provider_agent_id: Some(ProviderAgentId::parse("agent_1").expect("an id")),
    }
}

pub(crate) fn contact() -> Contact {
    Contact {
        id: ContactId::parse("contact-1").expect("an id"),
        organization_id: organization_id(),
        first_name: Some(name("Ada")),
        last_name: Some(name("Lovelace")),
        phone_number: Some(number("+14165550110")),
    }
}

impl World {
    /// A world in which every port does its work and the callee answers at once.
    pub(crate) fn working() -> Self {
        let organization = Organization { id: organization_id(), name: name("Analytical Engines") };
        let user = User {
            id: UserId::parse("user-1").expect("an id"),
            organization,
            full_name: name("Charles Babbage"),
        };
        Self {
            user: Ok(Some(user)),
            contact: Ok(Some(contact())),
            agent: Ok(Some(agent())),
            numbers: Ok(CallerNumberChoice { caller: Some(caller_number()), recipient_is_own_number: false }),
            acquired: Ok(HoldResult::Granted),
            renewed: Ok(Ownership::Held),
            lock_settled: Ok(SettleResult { ownership: Ownership::Held, context_stored: true }),
            released: Ok(Ownership::Held),
            booked: Ok(HoldResult::Granted),
            ledger_settled: Ok(()),
            context_stored: Ok(()),
            outcome: DialOutcome::Placed(provider_reference()),
            answers: AnswerTime::AfterRinging,
            rings_for: Duration::ZERO,
            stalls_for: Duration::ZERO,
            plan: NumberingPlan::default(),
        }
    }

    /// Places a call to the contact.
    pub(crate) async fn call_the_contact(self) -> Run {
        self.call(RawPlaceCall { contact_id: Some("contact-1"), ..RawPlaceCall::default() }).await
    }

    /// Places a call and lets three minutes pass, which is more than any call takes.
    pub(crate) async fn call(self, raw: RawPlaceCall<'_>) -> Run {
        let command =
            PlaceCallCommand::parse(UserId::parse("user-1").expect("an id"), &raw).expect("a command");
        let journal = Journal::default();
        let clock = Arc::new(HandClock::default());
        let plan = self.plan.clone();
        let place_call = PlaceCall::new(self.ports(&journal, &clock), CallPolicy::default(), plan);
        let placing = tokio::spawn(async move { place_call.execute(command).await });
        clock.pass(Duration::from_secs(180)).await;
        assert!(placing.is_finished(), "a call ends within three minutes");
        let answer = placing.await.expect("no panic");
        let Entries { steps, dialled, holds } = std::mem::take(&mut *journal.0.lock().expect("no panic"));
        Run { answer, steps, dialled, holds }
    }

    fn ports(self, journal: &Journal, clock: &Arc<HandClock>) -> PlaceCallPorts {
        let mut users = MockUserRepo::new();
        users.expect_find().return_const(self.user);
        let mut contacts = MockContactRepo::new();
        contacts.expect_find().return_const(self.contact.clone());
        if let Some(contact) = self.contact.transpose() {
            contacts.expect_find_or_create().return_const(contact);
        }
        let mut agents = MockAgentRepo::new();
        agents.expect_find().return_const(self.agent.clone());
        agents.expect_default_for().return_const(self.agent);
        let mut numbers = MockNumberPool::new();
        numbers.expect_choose().return_const(self.numbers);

        let mut lock = MockIdempotencyLock::new();
        let (acquired, renewed, lock_settled, released) =
            (self.acquired, self.renewed, self.lock_settled, self.released);
        let j = journal.clone();
        lock.expect_acquire().returning(move |_, _, _| j.note("lock: acquire", acquired.clone()));
        let j = journal.clone();
        lock.expect_renew().returning(move |_, _, _| j.note("lock: renew", renewed.clone()));
        let j = journal.clone();
        lock.expect_settle().returning(move |settlement| {
            j.hold("lock", settlement.hold_for);
            j.note("lock: settle", lock_settled.clone())
        });
        let j = journal.clone();
        lock.expect_release().returning(move |_, _| j.note("lock: release", released.clone()));

        let mut ledger = MockCallLedger::new();
        let (j, booked, standing, stalls_for) =
            (journal.clone(), self.booked, clock.clone(), self.stalls_for);
        ledger.expect_book().returning(move |_| {
            standing.stall(stalls_for);
            j.note("ledger: book", booked.clone())
        });
        let (j, ledger_settled) = (journal.clone(), self.ledger_settled);
        ledger.expect_settle().returning(move |settlement| {
            j.hold("ledger", settlement.hold_for);
            j.note(&format!("ledger: settle {}", settlement.outcome.as_str()), ledger_settled.clone())
        });

        let mut contexts = MockContextCache::new();
        let (j, kept) = (journal.clone(), self.context_stored);
        contexts.expect_store().returning(move |_, _| j.note("context: keep", kept.clone()));

        let mut identifiers = MockIdentifiers::new();
        identifiers.expect_call_id().returning(call_id);
        identifiers.expect_contact_id().returning(|| ContactId::mint(1, [2; 8]));
        identifiers.expect_owner_token().returning(|| OwnerToken::mint([3; 16]));

        let provider = RingingProvider {
            journal: journal.clone(),
            clock: clock.clone(),
            rings_for: self.rings_for,
            outcome: self.outcome,
            answers: self.answers,
        };
        PlaceCallPorts {
            users: Arc::new(users),
            contacts: Arc::new(contacts),
            agents: Arc::new(agents),
            numbers: Arc::new(numbers),
            lock: Arc::new(lock),
            ledger: Arc::new(ledger),
            provider: Arc::new(provider),
            contexts: Arc::new(contexts),
            clock: clock.clone(),
            identifiers: Arc::new(identifiers),
        }
    }
}

#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    steps: Vec<String>,
    dialled: Vec<DialRequest>,
    holds: Vec<(&'static str, Duration)>,
}

impl Journal {
    fn hold(&self, holder: &'static str, hold_for: Duration) {
        self.0.lock().expect("no panic").holds.push((holder, hold_for));
    }

    fn note<T>(&self, step: &str, answer: T) -> T {
        self.0.lock().expect("no panic").steps.push(step.to_owned());
        answer
    }
}

/// A provider that answers after a while by the hand-moved clock, which a mock cannot.
struct RingingProvider {
    journal: Journal,
    clock: Arc<HandClock>,
    rings_for: Duration,
    outcome: DialOutcome,
    answers: AnswerTime,
}

#[async_trait]
impl VoiceProvider for RingingProvider {
    fn answer_time(&self) -> AnswerTime {
        self.answers
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        self.journal.note("dial", ());
        self.journal.0.lock().expect("no panic").dialled.push(request.clone());
        if !self.rings_for.is_zero() {
            domain::ports::Clock::sleep(&*self.clock, self.rings_for).await;
        }
        self.outcome.clone()
    }
}
