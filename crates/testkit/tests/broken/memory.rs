//! An adapter of every storage port in memory. It is honest, but for the one flaw that it is given.

mod call_books;
mod contexts;
mod directory;
mod endpoints;
mod feed;
mod inbound;
mod inbox;
mod ledger;
mod lock;
mod queue;
mod recordings;
mod repositories;
mod rows;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use domain::ports::{
    AgentRepo, CallLedger, CallReader, CallUpdater, ContactRepo, ContextCache, DeliveryQueue, Directory,
    EventFeed, EventInbox, IdempotencyLock, InboundDirectory, NumberPool, PortUnavailable, UnfinishedCalls,
    UserRepo, WebhookEndpoints,
};
use domain::{DirectoryRecord, Timestamp};
use testkit::harness::{
    AgentRepoHarness, AnnouncementsHarness, BookedCall, CallLedgerHarness, CallsHarness, ContactRepoHarness,
    ContextCacheHarness, DirectoryHarness, EventInboxHarness, IdempotencyLockHarness,
    InboundDirectoryHarness, LosesStore, NumberPoolHarness, PassesTime, StoresRecords, UserRepoHarness,
};
use tokio::sync::watch;
use tokio::time::Instant;

use self::contexts::Contexts;
use self::feed::Announcements;
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
    process: usize,
    store: Arc<Store>,
}

struct Store {
    rows: Mutex<Rows>,
    locks: Mutex<Locks>,
    contexts: Mutex<Contexts>,
    books: Mutex<Books>,
    events: Mutex<Events>,
    announcements: Mutex<Announcements>,
    woken: [watch::Sender<()>; 2],
    recordings: Mutex<Recordings>,
    lost: AtomicBool,
    started: Instant,
    began: Timestamp,
    passed: Mutex<Duration>,
}

impl Memory {
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
            announcements: Mutex::default(),
            woken: [watch::Sender::new(()), watch::Sender::new(())],
            recordings: Mutex::default(),
            lost: AtomicBool::new(false),
            started: Instant::now(),
            began: wall_time(),
            passed: Mutex::default(),
        };
        Self { flaw, process: 0, store: Arc::new(store) }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The store's clock.
    fn now(&self) -> Duration {
        self.store.started.elapsed() + *lock(&self.store.passed)
    }

    /// What the store's clock tells at such a moment.
    fn time(&self, moment: Duration) -> Timestamp {
        self.store.began.after(moment)
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

fn wall_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).expect("a time of this age"))
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
        Some(contexts)
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
            *lock(&self.store.announcements) = Announcements::default();
        }
    }

    async fn calls_in_books(&self) -> Vec<BookedCall> {
        lock(&self.store.books).calls()
    }
}

impl CallsHarness for Memory {
    fn reader(&self) -> Arc<dyn CallReader> {
        Arc::new(self.clone())
    }

    fn updater(&self) -> Arc<dyn CallUpdater> {
        Arc::new(self.clone())
    }

    fn unfinished(&self) -> Arc<dyn UnfinishedCalls> {
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

#[async_trait]
impl AnnouncementsHarness for Memory {
    fn feed(&self) -> Arc<dyn EventFeed> {
        Arc::new(self.clone())
    }

    async fn other_feed(&self) -> Arc<dyn EventFeed> {
        Arc::new(Self { process: 1, ..self.clone() })
    }

    fn endpoints(&self) -> Arc<dyn WebhookEndpoints> {
        Arc::new(self.clone())
    }

    fn queue(&self) -> Arc<dyn DeliveryQueue> {
        Arc::new(self.clone())
    }
}

impl InboundDirectoryHarness for Memory {
    fn inbound(&self) -> Arc<dyn InboundDirectory> {
        Arc::new(self.clone())
    }
}
