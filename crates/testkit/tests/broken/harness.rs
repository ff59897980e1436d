//! The harness of every storage port, for adapters on a `testkit::memory::Memory`.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use domain::ports::{
    AgentRepo, AuditLog, CallLedger, CallReader, CallTraces, CallUpdater, CallingPolicies, Consents,
    ContactRepo, ContextCache, DayLimit, DeliveryQueue, Directory, DirectoryReader, EventFeed, EventInbox,
    HoldResult, IdempotencyKeys, IdempotencyLock, InboundDirectory, LedgerMeter, LockRequest, LockSettlement,
    NumberPool, OutboundDirectory, Ownership, PortUnavailable, Provisioning, RecordingAccess, RecordingStore,
    RefusalCounts, SettleResult, Suppressions, UnfinishedCalls, UserRepo, WebhookEndpoints,
};
use domain::{DialOutcome, DirectoryRecord, IntentKey, OwnerToken, ProviderReference, Timestamp};
use testkit::clock::ManualClock;
use testkit::harness::{
    AgentRepoHarness, BookedCall, CallEventsHarness, CallLedgerHarness, CallTracesHarness,
    CalleeRecordsHarness, CallingPoliciesHarness, CallsHarness, ContactRepoHarness, ContextCacheHarness,
    DirectoryHarness, DirectoryReaderHarness, EventInboxHarness, IdempotencyKeysHarness,
    IdempotencyLockHarness, InboundDirectoryHarness, LedgerHolds, LedgerMeterHarness, LockHolds, LosesStore,
    NumberPoolHarness, OutboundDirectoryHarness, PassesTime, ProvisioningHarness, RecordingStoreHarness,
    RefusalCountsHarness, StoredFact, StoresCallingFacts, StoresRecords, UserRepoHarness,
};
use testkit::memory::{LedgerCall, Memory};
use tokio::task::AbortHandle;

use crate::flaw::Flaw;
use crate::store::BrokenStore;

/// The adapters `P`, which keep their data in `memory`.
pub(crate) struct Harness<P> {
    ports: P,
    memory: Memory,
    clock: Arc<ManualClock>,
    lock_stores_contexts: bool,
    running: AbortHandle,
}

impl Harness<Memory> {
    /// `Memory` itself.
    pub(crate) fn honest() -> Self {
        Self::new(|memory, _| memory)
    }

    /// What it shows of its locks.
    pub(crate) fn of_locks() -> LockHolds<Self> {
        let harness = Self::honest();
        LockHolds { holds: Arc::new(harness.memory.clone()), harness }
    }

    /// What it shows of its ledger.
    pub(crate) fn of_ledgers() -> LedgerHolds<Self> {
        let harness = Self::honest();
        LedgerHolds { holds: Arc::new(harness.memory.clone()), harness }
    }

    /// The same with a lock that stores no contexts.
    pub(crate) fn without_contexts() -> Self {
        let mut harness = Self::honest();
        harness.lock_stores_contexts = false;
        harness
    }
}

/// The harness of a broken adapter.
pub(crate) type Store = Harness<BrokenStore>;

impl Store {
    pub(crate) fn with(flaw: Flaw) -> Self {
        Self::new(|memory, clock| BrokenStore::new(flaw, memory, clock))
    }
}

/// The locks of a broken adapter.
pub(crate) struct Holds;

impl Holds {
    pub(crate) fn with(flaw: Flaw) -> LockHolds<Store> {
        let harness = Store::with(flaw);
        LockHolds { holds: Arc::new(harness.ports.clone()), harness }
    }
}

/// What the harness must know of the adapters.
pub(crate) trait Adapters: Clone + Send + Sync + 'static {
    /// Before records are put into the store without a port.
    fn before_storing(&self, _records: &[DirectoryRecord]) {}

    /// When the store crashes.
    fn crash(&self) {}

    /// The same adapters in a new process.
    fn reopened(&self) -> Self {
        self.clone()
    }

    /// The same adapters in a second process at the same time.
    fn of_other_process(&self) -> Self {
        self.clone()
    }
}

impl Adapters for Memory {}

impl<P> Harness<P> {
    fn new(ports: impl FnOnce(Memory, Arc<ManualClock>) -> P) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        let millis = i64::try_from(since_epoch.as_millis()).expect("a time of this age");
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_unix_millis(millis)));
        let memory = Memory::new(clock.clone());
        let running = tokio::spawn(run(clock.clone())).abort_handle();
        Self {
            ports: ports(memory.clone(), clock.clone()),
            memory,
            clock,
            lock_stores_contexts: true,
            running,
        }
    }
}

/// The suites expect that a wait ends. The clock runs a little slow, so that none ends early.
async fn run(clock: Arc<ManualClock>) {
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        clock.advance(Duration::from_millis(9)).await;
    }
}

impl<P> Drop for Harness<P> {
    fn drop(&mut self) {
        self.running.abort();
    }
}

#[async_trait]
impl<P: Send + Sync> LosesStore for Harness<P> {
    async fn lose(&self) {
        self.memory.lose();
    }
}

#[async_trait]
impl<P: Adapters> StoresRecords for Harness<P> {
    async fn store(&self, records: &[DirectoryRecord]) {
        self.ports.before_storing(records);
        self.memory.import(records);
    }
}

#[async_trait]
impl<P: Send + Sync> StoresCallingFacts for Harness<P> {
    async fn store_fact(&self, fact: &StoredFact) {
        self.memory.store_fact(fact);
    }
}

#[async_trait]
impl<P: Send + Sync> PassesTime for Harness<P> {
    async fn pass(&self, time: Duration) {
        self.clock.advance(time).await;
    }
}

impl<P: ContactRepo + Adapters> ContactRepoHarness for Harness<P> {
    fn contacts(&self) -> Arc<dyn ContactRepo> {
        Arc::new(self.ports.clone())
    }
}

impl<P: AgentRepo + Adapters> AgentRepoHarness for Harness<P> {
    fn agents(&self) -> Arc<dyn AgentRepo> {
        Arc::new(self.ports.clone())
    }
}

impl<P: NumberPool + Adapters> NumberPoolHarness for Harness<P> {
    fn numbers(&self) -> Arc<dyn NumberPool> {
        Arc::new(self.ports.clone())
    }
}

impl<P: UserRepo + Adapters> UserRepoHarness for Harness<P> {
    fn users(&self) -> Arc<dyn UserRepo> {
        Arc::new(self.ports.clone())
    }
}

impl<P: CallingPolicies + AuditLog + Adapters> CallingPoliciesHarness for Harness<P> {
    fn policies(&self) -> Arc<dyn CallingPolicies> {
        Arc::new(self.ports.clone())
    }

    fn audit(&self) -> Arc<dyn AuditLog> {
        Arc::new(self.ports.clone())
    }
}

impl<P: Suppressions + Consents + Adapters> CalleeRecordsHarness for Harness<P>
where
    Self: OutboundDirectoryHarness + CallingPoliciesHarness,
{
    fn suppressions(&self) -> Arc<dyn Suppressions> {
        Arc::new(self.ports.clone())
    }

    fn consents(&self) -> Arc<dyn Consents> {
        Arc::new(self.ports.clone())
    }
}

impl<P: Directory + Adapters> DirectoryHarness for Harness<P>
where
    Self: CalleeRecordsHarness,
{
    fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(self.ports.clone())
    }
}

impl<P: DirectoryReader + Adapters> DirectoryReaderHarness for Harness<P> {
    fn directory_reader(&self) -> Arc<dyn DirectoryReader> {
        Arc::new(self.ports.clone())
    }
}

impl<P: CallLedger + CallTraces + Adapters> CallTracesHarness for Harness<P> {
    fn traces(&self) -> Arc<dyn CallTraces> {
        Arc::new(self.ports.clone())
    }
}

impl<P> LedgerMeterHarness for Harness<P>
where
    P: CallLedger + CallReader + CallUpdater + UnfinishedCalls,
    P: EventFeed + WebhookEndpoints + DeliveryQueue + EventInbox + LedgerMeter + Adapters,
{
    fn meter(&self) -> Arc<dyn LedgerMeter> {
        Arc::new(self.ports.clone())
    }

    fn inbox(&self) -> Arc<dyn EventInbox> {
        Arc::new(self.ports.clone())
    }
}

impl<P: Provisioning + Adapters> ProvisioningHarness for Harness<P> {
    fn provisioning(&self) -> Arc<dyn Provisioning> {
        Arc::new(self.ports.clone())
    }
}

impl<P: InboundDirectory + ContactRepo + Adapters> InboundDirectoryHarness for Harness<P> {
    fn inbound(&self) -> Arc<dyn InboundDirectory> {
        Arc::new(self.ports.clone())
    }
}

impl<P> OutboundDirectoryHarness for Harness<P>
where
    P: OutboundDirectory + ContactRepo + AgentRepo + NumberPool + UserRepo + Adapters,
    P: CallLedger + CallReader + CallUpdater + UnfinishedCalls,
{
    fn outbound(&self) -> Arc<dyn OutboundDirectory> {
        Arc::new(self.ports.clone())
    }
}

impl<P: IdempotencyLock + ContextCache + Adapters> IdempotencyLockHarness for Harness<P> {
    fn lock(&self) -> Arc<dyn IdempotencyLock> {
        match self.lock_stores_contexts {
            true => Arc::new(self.ports.clone()),
            false => Arc::new(LockWithoutContexts(self.ports.clone())),
        }
    }

    fn same_store_contexts(&self) -> Option<Arc<dyn ContextCache>> {
        let contexts: Arc<dyn ContextCache> = Arc::new(self.ports.clone());
        self.lock_stores_contexts.then_some(contexts)
    }
}

impl<P: RefusalCounts + Adapters> RefusalCountsHarness for Harness<P> {
    fn refusals(&self) -> Arc<dyn RefusalCounts> {
        Arc::new(self.ports.clone())
    }
}

struct LockWithoutContexts<L>(L);

#[async_trait]
impl<L: IdempotencyLock> IdempotencyLock for LockWithoutContexts<L> {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        self.0.acquire(request).await
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        self.0.renew(key, token, hold_for).await
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        self.0.settle(&LockSettlement { context: None, ..*settlement }).await
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        self.0.release(key, token, limits).await
    }
}

impl<P: ContextCache + Adapters> ContextCacheHarness for Harness<P> {
    fn contexts(&self) -> Arc<dyn ContextCache> {
        Arc::new(self.ports.clone())
    }
}

#[async_trait]
impl<P: CallLedger + Adapters> CallLedgerHarness for Harness<P> {
    fn ledger(&self) -> Arc<dyn CallLedger> {
        Arc::new(self.ports.clone())
    }

    async fn crash(&self) {
        self.ports.crash();
    }

    async fn calls_in_ledger(&self) -> Vec<BookedCall> {
        self.memory.tables().calls.iter().map(booked_call).collect()
    }
}

fn booked_call(call: &LedgerCall) -> BookedCall {
    let outcome = call.dial.as_ref().map(|(outcome, _)| outcome);
    let reference = match outcome {
        Some(DialOutcome::Placed(reference) | DialOutcome::NotConnected { reference, .. }) => {
            reference.clone()
        }
        Some(DialOutcome::NotDialled(_) | DialOutcome::Unknown(_)) | None => ProviderReference::default(),
    };
    let identity = call.booking.identity.clone();
    BookedCall {
        call_id: identity.call_id,
        organization_id: identity.organization_id,
        user_id: identity.user_id,
        contact_id: identity.contact_id,
        agent_id: identity.agent_id,
        from: identity.from,
        to: identity.to,
        reason: call.booking.reason.clone(),
        variables: call.booking.variables.clone(),
        metadata: call.booking.metadata.clone(),
        purpose: Some(call.booking.conditions.purpose),
        subject: call.booking.conditions.subject.clone(),
        decision: call.booking.conditions.decision.as_deref().cloned(),
        booked_at: call.booking.booked_at,
        state: outcome.map_or("dialling", DialOutcome::as_str).to_owned(),
        conversation_id: reference.conversation_id,
        carrier_call_id: reference.carrier_call_id,
    }
}

impl<P: CallLedger + CallReader + CallUpdater + UnfinishedCalls + Adapters> CallsHarness for Harness<P> {
    fn reader(&self) -> Arc<dyn CallReader> {
        Arc::new(self.ports.clone())
    }

    fn updater(&self) -> Arc<dyn CallUpdater> {
        Arc::new(self.ports.clone())
    }

    fn unfinished(&self) -> Arc<dyn UnfinishedCalls> {
        Arc::new(self.ports.clone())
    }
}

impl<P> IdempotencyKeysHarness for Harness<P>
where
    P: IdempotencyKeys + CallLedger + CallReader + CallUpdater + UnfinishedCalls + Adapters,
{
    fn keys(&self) -> Arc<dyn IdempotencyKeys> {
        Arc::new(self.ports.clone())
    }
}

#[async_trait]
impl<P: EventInbox + Adapters> EventInboxHarness for Harness<P> {
    fn inbox(&self) -> Arc<dyn EventInbox> {
        Arc::new(self.ports.clone())
    }

    async fn crash(&self) {
        self.ports.crash();
    }
}

#[async_trait]
impl<P> CallEventsHarness for Harness<P>
where
    P: CallLedger + CallReader + CallUpdater + UnfinishedCalls,
    P: EventFeed + WebhookEndpoints + DeliveryQueue + Adapters,
{
    fn feed(&self) -> Arc<dyn EventFeed> {
        Arc::new(self.ports.clone())
    }

    async fn other_feed(&self) -> Arc<dyn EventFeed> {
        Arc::new(self.ports.of_other_process())
    }

    fn endpoints(&self) -> Arc<dyn WebhookEndpoints> {
        Arc::new(self.ports.clone())
    }

    fn queue(&self) -> Arc<dyn DeliveryQueue> {
        Arc::new(self.ports.clone())
    }
}

#[async_trait]
impl<P: RecordingStore + Adapters> RecordingStoreHarness for Harness<P> {
    fn recordings(&self) -> Arc<dyn RecordingStore> {
        Arc::new(self.ports.reopened())
    }

    async fn read(&self, access: RecordingAccess) -> Vec<u8> {
        match access {
            RecordingAccess::Stream(audio) => audio.read_to_end().await.expect("memory does not fail"),
            RecordingAccess::Link { .. } => panic!("memory has no links"),
        }
    }
}
