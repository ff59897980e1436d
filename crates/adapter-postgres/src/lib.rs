//! Contacts, agents, caller numbers, users and the ledger, in Postgres 15 or newer.
//!
//! [`PostgresStore`] implements every storage port. Its rules:
//!
//! - An operation is one statement, and so one round trip; it holds a connection for that statement
//!   only. Parties, bookings and settlements of several calls that wait at the same time share one
//!   statement. The exceptions: a booking that is blocked reads in a second statement by what; a page of
//!   calls is counted while it is read; merging an update, publishing events, leasing deliveries
//!   that are due, registering an endpoint and removing reservations are short transactions.
//! - A reader that waits for events holds no connection. One connection listens for all readers;
//!   the first reader opens it.
//! - An operation ends within the times of [`PostgresSettings`], with a result or with
//!   [`PortUnavailable`](domain::ports::PortUnavailable), even if the server has stopped
//!   responding. A connection whose statement was abandoned is closed and never used again, and so
//!   is one whose transaction failed. Any other returns to the pool without a round trip.
//! - A statement whose connection broke is repeated once where that is safe. It is not safe for a
//!   booking.
//! - A new connection is checked to be to the primary. A session that turns out to be read-only,
//!   because its server was demoted in a failover, is closed with every older one, and any
//!   statement is repeated once on a new connection, since it has written nothing.
//! - An error names kinds, SQLSTATEs, constraints and columns. It never quotes a value, and so
//!   never the driver's own text.

mod agent_repo;
mod ai_numbers;
mod audit_log;
mod batch;
mod call_ledger;
mod call_reader;
mod call_traces;
mod call_updater;
mod callee_records;
mod calling_policies;
mod contact_repo;
mod credential_store;
mod delivery_queue;
mod directory;
mod directory_reader;
mod event_feed;
mod event_inbox;
mod failure;
mod hosts;
mod idempotency_keys;
mod inbound_directory;
mod inspection;
mod intent_holds;
mod job_leases;
mod ledger_meter;
mod loss;
mod number_pool;
mod outbound_directory;
mod ping;
mod pool;
mod primary;
mod provisioning;
mod refusal_counts;
mod retention;
mod schema;
mod sessions;
mod settings;
mod statement;
mod store;
mod timestamp;
mod unfinished_calls;
mod user_repo;
mod wakeups;
mod webhook_endpoints;
mod work;

pub use inspection::{Encryption, Inspection, Position, SchemaDifference};
pub use pool::PoolStatus;
pub use settings::PostgresSettings;
pub use store::PostgresStore;
