//! The storage ports with one flaw each. Everything else is left to `testkit::memory::Memory`.

mod ai_numbers;
mod call_ledger;
mod callee_records;
mod calls;
mod contexts;
mod credentials;
mod day_limits;
mod directory;
mod endpoints;
mod events;
mod facts;
mod feed;
mod inbound;
mod inbox;
mod intent_holds;
mod jobs;
mod keys;
mod lists;
mod lock;
mod meter;
mod outbound;
mod pacing;
mod policies;
mod provisioned;
mod queue;
mod recordings;
mod refusals;
mod repositories;
mod retention;
mod slots;
mod traces;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::{Clock, OutboundParties, PortUnavailable};
use domain::{DirectoryRecord, EventSequence, Timestamp};
use testkit::clock::ManualClock;
use testkit::memory::{Memory, Tables};
use tokio::sync::watch;

use crate::flaw::Flaw;
use crate::harness::Adapters;

/// A time that never comes.
const NEVER: Timestamp = Timestamp::from_unix_millis(i64::MAX);

/// The adapters; clones share the store.
#[derive(Clone)]
pub(crate) struct BrokenStore {
    flaw: Flaw,
    memory: Memory,
    clock: Arc<ManualClock>,
    /// The process that these adapters belong to: 0 or 1.
    process: usize,
    shared: Arc<Shared>,
}

struct Shared {
    /// Wakes the readers of each process.
    published: [watch::Sender<()>; 2],
    /// Published events that readers do not see yet.
    hidden: Mutex<BTreeSet<EventSequence>>,
    batches: Mutex<u32>,
    /// Whether the booking before failed.
    has_failed: AtomicBool,
    /// The parties that the first query found.
    first_parties: Mutex<Option<OutboundParties>>,
}

impl BrokenStore {
    pub(crate) fn new(flaw: Flaw, memory: Memory, clock: Arc<ManualClock>) -> Self {
        let shared = Shared {
            published: [watch::Sender::new(()), watch::Sender::new(())],
            hidden: Mutex::default(),
            batches: Mutex::default(),
            has_failed: AtomicBool::new(false),
            first_parties: Mutex::default(),
        };
        Self { flaw, memory, clock, process: 0, shared: Arc::new(shared) }
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What happens first in each method, if the store is lost; `private` is text that no error may
    /// quote.
    async fn reach(&self, private: &str) -> Result<(), PortUnavailable> {
        if self.memory.is_lost() {
            match self.flaw {
                Flaw::AnswersWhenLost => self.memory.restore(),
                Flaw::HangsWhenLost => std::future::pending().await,
                Flaw::QuotesTheRequestWhenLost => {
                    return Err(PortUnavailable::new("memory", format!("no answer for {private}")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A copy of the store with a change.
    fn copy_with(&self, change: impl FnOnce(&mut Tables)) -> Memory {
        let copy = Memory::new(self.clock.clone());
        let mut tables = self.memory.tables().clone();
        change(&mut tables);
        *copy.tables() = tables;
        copy
    }

    fn lease_limit(&self, limit: u32) -> u32 {
        if self.has(Flaw::LeasesMoreThanTheLimit) { u32::MAX } else { limit }
    }

    /// How long a lease really is.
    fn lease_time(&self, lease_for: Duration) -> Duration {
        match self.flaw {
            Flaw::LeasesWithoutHiding => Duration::ZERO,
            Flaw::LeasesForEver => Duration::from_hours(1_000_000),
            _ => lease_for,
        }
    }
}

impl Adapters for BrokenStore {
    fn before_storing(&self, records: &[DirectoryRecord]) {
        self.forget_changed_agents(records);
        self.forget_agents_of_numbers(records);
    }

    fn crash(&self) {
        if self.has(Flaw::ForgetsInACrash) {
            let mut tables = self.memory.tables();
            let directory = tables.directory.clone();
            *tables = Tables { directory, ..Tables::default() };
        }
    }

    fn reopened(&self) -> Self {
        if self.has(Flaw::KeepsRecordingsInTheProcess) {
            self.memory.tables().recordings.clear();
        }
        self.clone()
    }

    fn of_other_process(&self) -> Self {
        Self { process: 1, ..self.clone() }
    }
}
