//! The harness of every storage port, for adapters on a `testkit::memory::Memory`.

mod calls;
mod directory;
mod locks;
mod retention;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use domain::DirectoryRecord;
use domain::ports::{RecordingAccess, RecordingStore};
use testkit::clock::ManualClock;
use testkit::harness::{
    LedgerHolds, LockHolds, LosesStore, PassesTime, RecordingStoreHarness, StoresRecords,
};
use testkit::memory::Memory;
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
        let clock = Arc::new(ManualClock::starting_at(SystemTime::now().into()));
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
impl<P: Send + Sync> PassesTime for Harness<P> {
    async fn pass(&self, time: Duration) {
        self.clock.advance(time).await;
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
