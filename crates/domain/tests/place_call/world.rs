mod journal;
mod provider;
mod records;

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    CallerNumberChoice, Clock, DialRequest, FoundBy, HoldResult, MockCallLedger, MockCallUpdater,
    MockContactRepo, MockContextCache, MockIdempotencyKeys, MockIdempotencyLock, MockIdentifiers,
    MockOutboundDirectory, OutboundParties, Ownership, PortUnavailable, Recipient, SettleResult,
    UndecidedCall,
};
use domain::{
    Agent, AnswerTime, Booking, CallPolicy, CallUpdate, CallingFacts, Contact, ContactId, DestinationRules,
    DialOutcome, IntentKey, Organization, OrganizationId, OwnerToken, PacingFacts, PlaceCall,
    PlaceCallCommand, PlaceCallError, PlaceCallPorts, PlacedCall, RawPlaceCall, Shares, TakeOver, User,
    UserId,
};
use testkit::clock::ManualClock;
use testkit::rules::ScriptedRules;

use self::journal::{Entries, Journal};
use self::provider::{Records, RingingProvider};
pub(crate) use self::records::{
    agent, call_id, caller_number, choice, contact, earlier, name, new_contact, number,
    number_without_contact, organization_id, provider_reference, reference, unavailable,
};

pub(crate) type Answer<T> = Result<T, PortUnavailable>;

/// What every port returns. A test changes it before it places a call.
#[derive(Clone)]
pub(crate) struct World {
    /// Whether the directory answers.
    pub directory: Answer<()>,
    // What the directory has.
    pub user: Option<User>,
    pub contact: Option<Contact>,
    pub agent: Option<Agent>,
    pub numbers: CallerNumberChoice,
    pub created_contact: Answer<Contact>,
    pub acquired: Answer<HoldResult>,
    pub renewed: Answer<Ownership>,
    pub lock_settled: Answer<SettleResult>,
    pub released: Answer<Ownership>,
    pub booked: Answer<HoldResult>,
    /// The undecided call of the intent.
    pub undecided: Answer<Option<UndecidedCall>>,
    /// What the provider has recorded of that call. `None` for a provider without records.
    pub record: Option<Answer<Option<CallUpdate>>>,
    /// How long the provider takes to answer about it.
    pub record_takes: Duration,
    /// What the booking after that question gets.
    pub booked_after_asking: Answer<HoldResult>,
    pub merged: Answer<()>,
    pub ledger_settled: Answer<()>,
    pub context_stored: Answer<()>,
    pub outcome: DialOutcome,
    /// When the provider answers.
    pub answers: AnswerTime,
    /// How long the provider takes to answer.
    pub rings_for: Duration,
    /// How long the process is paused while it books.
    pub pauses_for: Duration,
    /// The numbers that may be called.
    pub destinations: DestinationRules,
    /// The permits of organizations.
    pub shares: Arc<Shares<OrganizationId>>,
    /// What the store knows for the decision.
    pub calling: CallingFacts,
    pub rules: ScriptedRules,
}

/// The result of a call.
pub(crate) struct Run {
    pub answer: Result<PlacedCall, PlaceCallError>,
    /// Every write and every dial, in order.
    pub steps: Vec<String>,
    /// The intent keys that were locked.
    pub keys: Vec<IntentKey>,
    /// The dials that the provider got.
    pub dialled: Vec<DialRequest>,
    /// How long each store holds the result.
    pub holds: Vec<(&'static str, Duration)>,
    /// The recipients that the directory was asked for.
    pub looked_up: Vec<String>,
    /// The bookings.
    pub booked: Vec<Booking>,
    /// Where the earlier call of each duplicate was found.
    pub found_by: Vec<FoundBy>,
}

impl Run {
    pub(crate) fn steps(&self) -> Vec<&str> {
        self.steps.iter().map(String::as_str).collect()
    }

    pub(crate) fn dials(&self) -> usize {
        self.dialled.len()
    }
}

impl World {
    /// A world in which no port fails and the callee answers immediately.
    pub(crate) fn working() -> Self {
        let organization = Organization { id: organization_id(), name: name("Analytical Engines") };
        let user = User {
            id: UserId::parse("user-1").expect("an id"),
            organization,
            full_name: name("Charles Babbage"),
            access_role: None,
        };
        Self {
            directory: Ok(()),
            user: Some(user),
            contact: Some(contact()),
            agent: Some(agent()),
            numbers: choice(Some(caller_number())),
            created_contact: Ok(new_contact()),
            acquired: Ok(HoldResult::Granted),
            renewed: Ok(Ownership::Held),
            lock_settled: Ok(SettleResult { ownership: Ownership::Held, context_stored: true }),
            released: Ok(Ownership::Held),
            booked: Ok(HoldResult::Granted),
            undecided: Ok(None),
            record: None,
            record_takes: Duration::ZERO,
            booked_after_asking: Ok(HoldResult::Granted),
            merged: Ok(()),
            ledger_settled: Ok(()),
            context_stored: Ok(()),
            outcome: DialOutcome::Placed(provider_reference()),
            answers: AnswerTime::AfterRinging,
            rings_for: Duration::ZERO,
            pauses_for: Duration::ZERO,
            destinations: DestinationRules::default(),
            shares: Arc::new(Shares::new(8, 8)),
            calling: CallingFacts::default(),
            rules: ScriptedRules::default(),
        }
    }

    /// Places a call to the contact.
    pub(crate) async fn call_the_contact(self) -> Run {
        self.call(RawPlaceCall { contact_id: Some("contact-1"), ..RawPlaceCall::default() }).await
    }

    /// Places a call and lets three minutes pass, which is more than any call takes.
    pub(crate) async fn call(self, raw: RawPlaceCall<'_>) -> Run {
        let mut runs = self.call_each_after(&[Duration::ZERO], raw).await;
        let (answer, entries) = (runs.0.remove(0), runs.1);
        let Entries { steps, keys, dialled, holds, looked_up, booked, found_by } = entries;
        Run { answer, steps, keys, dialled, holds, looked_up, booked, found_by }
    }

    /// Sends the same request to one process after each of these times, and returns what each one
    /// got, and how many dials there were.
    pub(crate) async fn call_the_contact_after(
        self,
        times: &[Duration],
    ) -> (Vec<Result<PlacedCall, PlaceCallError>>, usize) {
        let raw = RawPlaceCall { contact_id: Some("contact-1"), ..RawPlaceCall::default() };
        let (answers, entries) = self.call_each_after(times, raw).await;
        (answers, entries.dialled.len())
    }

    /// The same, and returns where the earlier call of each duplicate was found.
    pub(crate) async fn duplicates_after(self, times: &[Duration]) -> Vec<FoundBy> {
        let raw = RawPlaceCall { contact_id: Some("contact-1"), ..RawPlaceCall::default() };
        self.call_each_after(times, raw).await.1.found_by
    }

    async fn call_each_after(
        self,
        times: &[Duration],
        raw: RawPlaceCall<'_>,
    ) -> (Vec<Result<PlacedCall, PlaceCallError>>, Entries) {
        let command =
            PlaceCallCommand::parse(UserId::parse("user-1").expect("an id"), &raw).expect("a command");
        let journal = Journal::default();
        let clock = Arc::new(ManualClock::new());
        let place_call = self.place_call(&journal, &clock);
        let mut placing = Vec::new();
        for time in times {
            clock.advance(*time - clock.monotonic()).await;
            let (place_call, command) = (place_call.clone(), command.clone());
            placing.push(tokio::spawn(async move { place_call.execute(command).await }));
        }
        clock.advance(Duration::from_secs(180)).await;
        let mut answers = Vec::new();
        for placing in placing {
            assert!(placing.is_finished(), "a call ends within three minutes");
            answers.push(placing.await.expect("no panic"));
        }
        let entries = std::mem::take(&mut *journal.0.lock().expect("no panic"));
        (answers, entries)
    }

    fn place_call(self, journal: &Journal, clock: &Arc<ManualClock>) -> PlaceCall {
        let records = self.record.clone().map(|record| {
            Arc::new(Records {
                journal: journal.clone(),
                clock: clock.clone(),
                record,
                takes: self.record_takes,
            })
        });
        let mut updater = MockCallUpdater::new();
        let (j, merged) = (journal.clone(), self.merged.clone());
        updater.expect_merge().returning(move |_, _| j.note("update: merge", merged.clone()));
        let (destinations, shares) = (self.destinations.clone(), self.shares.clone());
        let place_call = PlaceCall::new(self.ports(journal, clock), CallPolicy::default(), destinations);
        let place_call = place_call.with_shares(shares).with_watch(Arc::new(journal.clone()));
        match records {
            Some(records) => place_call.with_records(records, Arc::new(updater)),
            None => place_call,
        }
    }

    fn ports(self, journal: &Journal, clock: &Arc<ManualClock>) -> PlaceCallPorts {
        let (contact, agent, numbers) = (self.contact, self.agent, self.numbers);
        let calling = self.calling;
        let parties = self.user.map(|user| OutboundParties {
            user,
            contact,
            agent,
            numbers,
            calling,
            pacing: PacingFacts::default(),
        });
        let mut directory = MockOutboundDirectory::new();
        let (j, found) = (journal.clone(), self.directory.map(|()| parties));
        directory.expect_resolve().returning(move |query| {
            let recipient = match query.recipient {
                Recipient::Contact(id) => id.to_string(),
                Recipient::Number(number) => number.as_e164().to_owned(),
            };
            j.0.lock().expect("no panic").looked_up.push(recipient);
            found.clone()
        });
        let mut contacts = MockContactRepo::new();
        let (j, created) = (journal.clone(), self.created_contact);
        contacts.expect_find_or_create().returning(move |_, number, new_id| {
            let offered = (number.clone(), new_id.clone());
            assert_eq!(offered, (number_without_contact(), ContactId::mint(1, [2; 8])));
            j.note("contact: create", created.clone())
        });

        let mut lock = MockIdempotencyLock::new();
        let (acquired, renewed, lock_settled, released) =
            (self.acquired, self.renewed, self.lock_settled, self.released);
        let j = journal.clone();
        lock.expect_acquire().returning(move |request| {
            j.0.lock().expect("no panic").keys.push(request.key.clone());
            j.note("lock: acquire", acquired.clone())
        });
        let j = journal.clone();
        lock.expect_renew().returning(move |_, _, _| j.note("lock: renew", renewed.clone()));
        let j = journal.clone();
        lock.expect_settle().returning(move |settlement| {
            j.hold("lock", settlement.hold_for);
            j.note("lock: settle", lock_settled.clone())
        });
        let j = journal.clone();
        lock.expect_release().returning(move |_, _, _| j.note("lock: release", released.clone()));

        let mut ledger = MockCallLedger::new();
        let (j, booked, paused, pauses_for) = (journal.clone(), self.booked, clock.clone(), self.pauses_for);
        let (asks, booked_after_asking) = (self.record.is_some(), self.booked_after_asking);
        ledger.expect_book().returning(move |booking| {
            paused.jump(pauses_for);
            j.0.lock().expect("no panic").booked.push(booking.clone());
            let is_first = booking.take_over == TakeOver::Decided || !asks;
            j.note("ledger: book", if is_first { booked.clone() } else { booked_after_asking.clone() })
        });
        let (j, undecided) = (journal.clone(), self.undecided);
        ledger.expect_undecided().returning(move |_| j.note("ledger: undecided", undecided.clone()));
        let (j, ledger_settled) = (journal.clone(), self.ledger_settled);
        ledger.expect_settle().returning(move |settlement| {
            j.hold("ledger", settlement.hold_for);
            j.note(&format!("ledger: settle {}", settlement.outcome.as_str()), ledger_settled.clone())
        });

        let mut contexts = MockContextCache::new();
        let (j, stored) = (journal.clone(), self.context_stored);
        contexts.expect_store().returning(move |_, _| j.note("context: store", stored.clone()));

        let mut identifiers = MockIdentifiers::new();
        identifiers.expect_call_id().returning(call_id);
        identifiers.expect_contact_id().returning(|| ContactId::mint(1, [2; 8]));
        let mut tokens = 0;
        identifiers.expect_owner_token().returning(move || {
            tokens += 1;
            OwnerToken::mint([tokens; 16])
        });

        let provider = RingingProvider {
            journal: journal.clone(),
            clock: clock.clone(),
            rings_for: self.rings_for,
            outcome: self.outcome,
            answers: self.answers,
        };
        PlaceCallPorts {
            directory: Arc::new(directory),
            contacts: Arc::new(contacts),
            lock: Arc::new(lock),
            ledger: Arc::new(ledger),
            keys: Arc::new(MockIdempotencyKeys::new()),
            provider: Arc::new(provider),
            contexts: Arc::new(contexts),
            clock: clock.clone(),
            identifiers: Arc::new(identifiers),
            rules: Arc::new(self.rules),
        }
    }
}
