//! Every storage port, the lock and the context cache in one SQLite file: the embedded default.
//!
//! [`SqliteStore`] implements [`ContactRepo`], [`AgentRepo`], [`NumberPool`], [`UserRepo`], [`InboundDirectory`],
//! [`CallLedger`], [`CallBooks`], [`EventInbox`], [`EventFeed`], [`WebhookEndpoints`], [`DeliveryQueue`], [`Directory`],
//! [`IdempotencyLock`] and [`ContextCache`]. Several processes of one host may open the file; what must hold between them (one
//! lock, one guard, one order of events) is decided inside it.
//!
//! **Clock.** Leases and guards are reckoned in milliseconds of the host's wall clock, read by this crate at each statement.
//! Everybody who opens the file reads the same clock, so that it serves as the store's own.
//!
//! **Durability.** What the books, the guards, the inbox, the directory and the endpoints say is synced to disk before it is
//! answered, events with what they tell of. Locks, contexts, claims and the progress of deliveries are not synced: they survive
//! the death of the process, and a power failure may take the last of them. That is what the guard in the ledger is for; and
//! what is claimed, published, delivered or merged in once more does no harm.
//!
//! **Waiting.** Whoever waits for events is woken by those who publish through the same store. Another process that publishes
//! is noticed within a second.
//!
//! [`ContactRepo`]: domain::ports::ContactRepo
//! [`AgentRepo`]: domain::ports::AgentRepo
//! [`NumberPool`]: domain::ports::NumberPool
//! [`UserRepo`]: domain::ports::UserRepo
//! [`InboundDirectory`]: domain::ports::InboundDirectory
//! [`CallLedger`]: domain::ports::CallLedger
//! [`CallBooks`]: domain::ports::CallBooks
//! [`EventInbox`]: domain::ports::EventInbox
//! [`EventFeed`]: domain::ports::EventFeed
//! [`WebhookEndpoints`]: domain::ports::WebhookEndpoints
//! [`DeliveryQueue`]: domain::ports::DeliveryQueue
//! [`Directory`]: domain::ports::Directory
//! [`IdempotencyLock`]: domain::ports::IdempotencyLock
//! [`ContextCache`]: domain::ports::ContextCache

mod agents;
mod books;
mod call_row;
mod connections;
mod contacts;
mod contexts;
mod conversation;
mod deliveries;
mod delivery_row;
mod directory;
mod endpoints;
mod events;
mod failure;
mod feed;
mod inbound;
mod inbound_contexts;
mod inbox;
mod ledger;
mod lock;
mod migrations;
mod numbers;
mod progress;
mod settings;
mod settled;
mod store;
mod sweep;
mod users;
mod wakeups;
mod wall_clock;

pub use settings::{SqliteLocation, SqliteSettings};
pub use store::SqliteStore;
