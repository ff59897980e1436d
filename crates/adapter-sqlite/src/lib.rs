//! Every storage port, the lock and the context cache in one SQLite file: the embedded default.
//!
//! [`SqliteStore`] implements every storage port, [`IdempotencyLock`] and [`ContextCache`]. Several
//! processes of one host may open the file. What must hold between them (one lock, one reservation,
//! one order of events) is decided inside the file.
//!
//! **Clock.** Everything that ends uses milliseconds of the host's wall clock, which this crate reads
//! for each statement. All processes that open the file read the same clock, so that it serves as
//! the clock of the store. Locks and reservations also have the time since boot, which judges them
//! within one boot: a step of the wall clock frees none of them.
//!
//! **Durability.** Calls, reservations, provider events, the directory and webhook endpoints are
//! synced to disk before an operation returns, and so are the call events that it writes. Locks,
//! contexts, leases and the progress of deliveries are not synced: they survive the death of the
//! process, and a power failure may lose the last of them. The reservation in the ledger exists for
//! that case. Leasing, publishing, delivering or merging something once more does no harm.
//!
//! **Group commit.** Synced writes that wait at the same time share one transaction, and so one sync.
//! Each is answered after the commit. If one fails, all are run again, each with a savepoint. Imports,
//! migrations, replays and the probe of readiness are transactions of their own.
//!
//! **Failures.** A connection on which a write has failed is closed before the next write, since
//! after some errors, as that of a full disk, sqlx cannot begin a transaction on it again. The store
//! recovers without being opened again. [`SqliteStore::ping`] writes to the file, unless a call was
//! written within the last 5 s.
//!
//! **Waiting.** A reader that waits for events is woken by publications through the same store. It
//! notices those of another process within a second.
//!
//! [`IdempotencyLock`]: domain::ports::IdempotencyLock
//! [`ContextCache`]: domain::ports::ContextCache

mod agent_repo;
mod ai_numbers;
mod audit_log;
mod backup;
mod call_event;
mod call_ledger;
mod call_reader;
mod call_traces;
mod call_updater;
mod callee_records;
mod calling_policies;
mod clock;
mod connections;
mod contact_repo;
mod context_cache;
mod credential_store;
mod delivery_queue;
mod directory;
mod directory_reader;
mod event_feed;
mod event_inbox;
mod failure;
mod idempotency_keys;
mod idempotency_lock;
mod inbound_directory;
mod intent_holds;
mod job_leases;
mod ledger_meter;
mod migrations;
mod number_pool;
mod outbound_directory;
mod provisioning;
mod readiness;
mod refusal_counts;
mod retention;
mod settings;
mod statement;
mod store;
mod sweep;
mod unfinished_calls;
mod user_repo;
mod wakeups;
mod webhook_endpoints;

pub use backup::back_up;
pub use settings::{SqliteLocation, SqliteSettings};
pub use store::SqliteStore;
