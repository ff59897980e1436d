//! Gateways that share a store in memory, and a client that sends idempotency keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    DialRequest, IdempotencyKeys, KeyBinding, KeyedCall, MockIdentifiers, PortUnavailable, VoiceProvider,
};
use domain::{
    AnswerTime, CallPolicy, CallingPolicy, Carrier, Country, DestinationRules, DialOutcome, IdempotencyKey,
    PlaceCall, PlaceCallCommand, PlaceCallError, PlaceCallPorts, PlacedCall, RawPlaceCall, UserId,
    VersionedPolicy,
};
use testkit::clock::ManualClock;
use testkit::fixtures::{self, Tenant, provider_reference};
use testkit::memory::{Memory, Provider};

pub(super) type Answer = Result<PlacedCall, PlaceCallError>;

/// A store, a provider and a user.
pub(super) struct Office {
    pub(super) clock: Arc<ManualClock>,
    pub(super) memory: Memory,
    pub(super) provider: Provider,
    pub(super) tenant: Tenant,
}

impl Office {
    pub(super) fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let memory = Memory::new(clock.clone());
        let tenant = Tenant::new();
        memory.import(&tenant.records());
        let provider = Provider::new(DialOutcome::Placed(provider_reference()));
        Self { clock, memory, provider, tenant }
    }

    /// A new process.
    pub(super) fn gateway(&self) -> PlaceCall {
        self.gateway_with(Arc::new(self.provider.clone()), Arc::new(self.memory.clone()))
    }

    /// A new process that reaches the keys through this port.
    pub(super) fn gateway_with(
        &self,
        provider: Arc<dyn VoiceProvider>,
        keys: Arc<dyn IdempotencyKeys>,
    ) -> PlaceCall {
        let mut identifiers = MockIdentifiers::new();
        identifiers.expect_call_id().returning(fixtures::call_id);
        identifiers.expect_contact_id().returning(fixtures::contact_id);
        identifiers.expect_owner_token().returning(fixtures::token);
        let store = Arc::new(self.memory.clone());
        let ports = PlaceCallPorts {
            directory: store.clone(),
            contacts: store.clone(),
            lock: store.clone(),
            ledger: store.clone(),
            keys,
            provider,
            contexts: store,
            clock: self.clock.clone(),
            identifiers: Arc::new(identifiers),
            rules: Arc::new(testkit::rules::ScriptedRules::default()),
        };
        PlaceCall::new(ports, CallPolicy::default(), DestinationRules::default())
    }

    /// A request of the user for a call to the contact.
    pub(super) fn request(&self, key: &str) -> PlaceCallCommand {
        let contact = self.tenant.contact_id();
        self.request_for(key, RawPlaceCall { contact_id: Some(contact.as_str()), ..RawPlaceCall::default() })
    }

    pub(super) fn request_for(&self, key: &str, raw: RawPlaceCall<'_>) -> PlaceCallCommand {
        command(self.tenant.user.id.clone(), key, raw)
    }

    /// Stores a policy of the organization with this default country.
    pub(super) fn set_default_country(&self, country: Option<&str>) {
        let default_country = country.map(|code| Country::parse(code).expect("a country"));
        let policy = CallingPolicy { default_country, ..CallingPolicy::default() };
        let stored = VersionedPolicy { policy, revision: 1, changed: None };
        self.memory.tables().policies.insert(self.tenant.organization.id.clone(), stored);
    }

    /// Sends a request to a new process.
    pub(super) async fn send(&self, request: PlaceCallCommand) -> Answer {
        self.gateway().execute(request).await
    }

    pub(super) fn dials(&self) -> usize {
        self.provider.dials().len()
    }
}

pub(super) fn command(user: UserId, key: &str, raw: RawPlaceCall<'_>) -> PlaceCallCommand {
    let key = (!key.is_empty()).then(|| IdempotencyKey::parse(key.as_bytes()).expect("a valid key"));
    PlaceCallCommand::parse(user, &raw).expect("a command").with_idempotency_key(key)
}

/// A provider that counts its dials and never responds.
#[derive(Default)]
pub(super) struct Silent(pub(super) AtomicUsize);

#[async_trait]
impl VoiceProvider for Silent {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AfterRinging
    }

    fn carriers(&self) -> &[Carrier] {
        fixtures::SERVED_CARRIERS
    }

    async fn dial(&self, _: &DialRequest) -> DialOutcome {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
}

/// Keys that are not found at first, as by a request that looks before another one has booked.
pub(super) struct FoundLate {
    pub(super) keys: Memory,
    pub(super) looks: AtomicUsize,
    pub(super) not_found: usize,
}

#[async_trait]
impl IdempotencyKeys for FoundLate {
    async fn find(&self, user: &UserId, key: &IdempotencyKey) -> Result<Option<KeyedCall>, PortUnavailable> {
        if self.looks.fetch_add(1, Ordering::SeqCst) < self.not_found {
            return Ok(None);
        }
        self.keys.find(user, key).await
    }

    async fn bind<'a>(&self, binding: &KeyBinding<'a>) -> Result<Option<KeyedCall>, PortUnavailable> {
        self.keys.bind(binding).await
    }

    async fn remove_ended(&self, ended_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.keys.remove_ended(ended_for, limit).await
    }
}
