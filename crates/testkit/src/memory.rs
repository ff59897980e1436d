//! An in-memory implementation of the ports, for tests.
//!
//! [`Memory`] implements every port of a store. It passes the conformance suites, so a test that
//! uses it sees what the Postgres, SQLite and Redis adapters do too. Clones share one store:
//!
//! ```
//! use std::sync::Arc;
//! use domain::ports::{CallLedger, CallReader};
//! use testkit::clock::ManualClock;
//! use testkit::fixtures::Tenant;
//! use testkit::memory::Memory;
//!
//! let clock = Arc::new(ManualClock::new());
//! let memory = Memory::new(clock.clone());
//! memory.import(&Tenant::new().records());
//! let ledger: Arc<dyn CallLedger> = Arc::new(memory.clone());
//! let reader: Arc<dyn CallReader> = Arc::new(memory.clone());
//! assert_eq!(memory.tables().calls.len(), 0);
//! ```
//!
//! [`Provider`] is a voice provider with scripted responses.

mod ai_numbers;
mod call_ledger;
mod call_reader;
mod call_traces;
mod call_updater;
mod callee_records;
mod calling_facts;
mod calling_policies;
mod context_cache;
mod credential_store;
mod delivery_queue;
mod directory;
mod directory_reader;
mod event_feed;
mod event_inbox;
mod idempotency_keys;
mod idempotency_lock;
mod inbound_directory;
mod intent_holds;
mod job_leases;
mod ledger_meter;
mod outbound_directory;
mod pacing;
mod provider;
mod provisioning;
mod recording_store;
mod refusal_counts;
mod repositories;
mod retention;
mod tables;
mod unfinished_calls;
mod vendor_accounts;
mod webhook_endpoints;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use domain::ports::{Clock, PortUnavailable};
use domain::{DirectoryRecord, Timestamp};
use tokio::sync::watch;

pub use self::outbound_directory::resolve_with_four_ports;
pub use self::provider::Provider;
pub use self::tables::{
    AttemptKey, CountedAttempts, DayCount, DayCountKey, DirectoryTables, InboxEvent, KeyEntry, LedgerCall,
    LockEntry, QueuedDelivery, Reservation, StoredContext, Tables,
};
pub use self::vendor_accounts::{OwnWebhooks, PlainCipher};

/// Every port of a store, in memory.
///
/// Implements `AgentRepo`, `AiNumbers`, `AuditLog`, `CallLedger`, `CallReader`, `CallTraces`, `CallUpdater`, `CallingPolicies`,
/// `ContactRepo`, `ContextCache`, `CredentialStore`, `DeliveryQueue`, `Directory`, `DirectoryReader`, `EventFeed`, `EventInbox`,
/// `IdempotencyKeys`, `IdempotencyLock`, `InboundDirectory`, `IntentHolds`, `JobLeases`, `LedgerMeter`, `NumberPool`,
/// `OutboundDirectory`, `Provisioning`, `RecordingStore`, `RefusalCounts`, `Retention`, `Suppressions`, `UnfinishedCalls`, `UserRepo` and `WebhookEndpoints`. Clones share the store, so give each port a clone.
///
/// All times come from the clock, also the time for which
/// [`EventFeed::read`](domain::ports::EventFeed::read) waits: with a
/// [`ManualClock`](crate::clock::ManualClock), leases, locks and waits end when the test advances
/// it.
#[derive(Clone)]
pub struct Memory {
    clock: Arc<dyn Clock>,
    store: Arc<Store>,
}

struct Store {
    tables: Mutex<Tables>,
    /// Changes whenever call events are published.
    published: watch::Sender<()>,
    is_lost: AtomicBool,
}

impl Memory {
    /// An empty store on this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let store = Store {
            tables: Mutex::default(),
            published: watch::Sender::new(()),
            is_lost: AtomicBool::new(false),
        };
        Self { clock, store: Arc::new(store) }
    }

    /// Stores these records, in this order.
    ///
    /// # Panics
    /// If a record is refused, for example because its organization is not stored.
    pub fn import(&self, records: &[DirectoryRecord]) {
        let now = self.now();
        let mut tables = self.tables();
        for record in records {
            tables.upsert(record, now).expect("the records of a test can be stored");
        }
    }

    /// From now on every port of this store returns `PortUnavailable`.
    pub fn lose(&self) {
        self.store.is_lost.store(true, Ordering::SeqCst);
    }

    /// Whether the store is lost.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.store.is_lost.load(Ordering::SeqCst)
    }

    /// Undoes [`Memory::lose`]. The data is still there.
    pub fn restore(&self) {
        self.store.is_lost.store(false, Ordering::SeqCst);
    }

    /// All data, for tests that check or prepare what no port shows. Drop the returned lock before
    /// the next `await`: the ports need it.
    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        self.store.tables.lock().expect("no panic while the tables are locked")
    }

    /// The tables, unless the store is lost.
    fn open(&self) -> Result<MutexGuard<'_, Tables>, PortUnavailable> {
        if self.is_lost() {
            return Err(PortUnavailable::new("memory", "the store is lost"));
        }
        Ok(self.tables())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
