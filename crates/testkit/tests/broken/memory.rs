//! An adapter of every storage port in memory. It is honest, but for the one flaw that it is given.

mod call_books;
mod contexts;
mod directory;
mod inbox;
mod ledger;
mod lock;
mod recordings;
mod repositories;
mod rows;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::DirectoryRecord;
use domain::ports::{
    AgentRepo, CallBooks, CallLedger, ContactRepo, ContextCache, Directory, EventInbox, IdempotencyLock,
    NumberPool, PortUnavailable, UserRepo,
};
use testkit::harness::{
    AgentRepoHarness, BookedCall, CallBooksHarness, CallLedgerHarness, ContactRepoHarness,
    ContextCacheHarness, DirectoryHarness, EventInboxHarness, IdempotencyLockHarness, LosesStore,
    NumberPoolHarness, PassesTime, StoresRecords, UserRepoHarness,
};
use tokio::time::Instant;

use self::contexts::Contexts;
use self::inbox::Events;
use self::ledger::Books;
use self::lock::Locks;
use self::recordings::Recordings;
use self::rows::Rows;
use crate::flaw::Flaw;

/// The adapter and its harness in one; clones share the store.
#[derive(Clone)]
pub(crate) struct Memory {
    flaw: Option<Flaw>,
    has_contexts: bool,
    store: Arc<Store>,
}

struct Store {
    rows: Mutex<Rows>,
    locks: Mutex<Locks>,
    contexts: Mutex<Contexts>,
    books: Mutex<Books>,
    events: Mutex<Events>,
    recordings: Mutex<Recordings>,
    lost: AtomicBool,
    started: Instant,
    passed: Mutex<Duration>,
}

impl Memory {
    /// The adapter that keeps every promise.
    pub(crate) fn honest() -> Self {
        Self::new(None)
    }

    /// The same, with a lock whose store is no context cache.
    pub(crate) fn without_contexts() -> Self {
        Self { has_contexts: false, ..Self::new(None) }
    }

    /// The adapter with this one flaw.
    pub(crate) fn with(flaw: Flaw) -> Self {
        Self::new(Some(flaw))
    }

    fn new(flaw: Option<Flaw>) -> Self {
        let store = Store {
            rows: Mutex::default(),
            locks: Mutex::default(),
            contexts: Mutex::default(),
            books: Mutex::default(),
            events: Mutex::default(),
            recordings: Mutex::default(),
            lost: AtomicBool::new(false),
            started: Instant::now(),
            passed: Mutex::default(),
        };
        Self { flaw, has_contexts: true, store: Arc::new(store) }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The store's clock.
    fn now(&self) -> Duration {
        self.store.started.elapsed() + *lock(&self.store.passed)
    }

    /// Goes to the store; `asked` is what must not be told when it is away.
    async fn reach(&self, asked: &str) -> Result<(), PortUnavailable> {
        if !self.store.lost.load(Ordering::SeqCst) {
            return Ok(());
        }
        match self.flaw {
            Some(Flaw::AnswersWhenLost) => Ok(()),
            Some(Flaw::HangsWhenLost) => std::future::pending().await,
            Some(Flaw::QuotesWhatItWasAskedWhenLost) => {
                Err(PortUnavailable::new("memory", format!("no answer for {asked}")))
            }
            _ => Err(PortUnavailable::new("memory", "the store is lost")),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        lock(&self.store.rows)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding it")
}

#[async_trait]
impl LosesStore for Memory {
    async fn lose(&self) {
        self.store.lost.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl StoresRecords for Memory {
    async fn store(&self, records: &[DirectoryRecord]) {
        for record in records {
            self.rows().upsert(record, self.flaw).expect("the suites arrange what can be stored");
        }
    }
}

#[async_trait]
impl PassesTime for Memory {
    async fn pass(&self, time: Duration) {
        *lock(&self.store.passed) += time;
    }
}

impl ContactRepoHarness for Memory {
    fn contacts(&self) -> Arc<dyn ContactRepo> {
        Arc::new(self.clone())
    }
}

impl AgentRepoHarness for Memory {
    fn agents(&self) -> Arc<dyn AgentRepo> {
        Arc::new(self.clone())
    }
}

impl NumberPoolHarness for Memory {
    fn numbers(&self) -> Arc<dyn NumberPool> {
        Arc::new(self.clone())
    }
}

impl UserRepoHarness for Memory {
    fn users(&self) -> Arc<dyn UserRepo> {
        Arc::new(self.clone())
    }
}

impl DirectoryHarness for Memory {
    fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(self.clone())
    }
}

impl IdempotencyLockHarness for Memory {
    fn lock(&self) -> Arc<dyn IdempotencyLock> {
        Arc::new(self.clone())
    }

    fn same_store_contexts(&self) -> Option<Arc<dyn ContextCache>> {
        let contexts: Arc<dyn ContextCache> = Arc::new(self.clone());
        self.has_contexts.then_some(contexts)
    }
}

impl ContextCacheHarness for Memory {
    fn contexts(&self) -> Arc<dyn ContextCache> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl CallLedgerHarness for Memory {
    fn ledger(&self) -> Arc<dyn CallLedger> {
        Arc::new(self.clone())
    }

    async fn crash(&self) {
        if self.has(Flaw::ForgetsInACrash) {
            *lock(&self.store.books) = Books::default();
        }
    }

    async fn calls_in_books(&self) -> Vec<BookedCall> {
        lock(&self.store.books).calls()
    }
}

impl CallBooksHarness for Memory {
    fn books(&self) -> Arc<dyn CallBooks> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl EventInboxHarness for Memory {
    fn inbox(&self) -> Arc<dyn EventInbox> {
        Arc::new(self.clone())
    }

    async fn crash(&self) {
        if self.has(Flaw::ForgetsInACrash) {
            lock(&self.store.events).clear();
        }
    }
}
