//! Contacts, agents, caller numbers, users and the books, in Postgres 15 or newer.
//!
//! [`PostgresStore`] is every storage port at once. What it keeps to:
//!
//! - One statement, and so one round trip, for each operation; a connection is held for that statement and no longer. Few
//!   are more: a page of calls is counted beside being read; an account is merged into a call in a short transaction, and so
//!   are events published, deliveries claimed where there are any, and endpoints registered.
//! - Who waits for events holds no connection. One for all of them listens, and is opened when somebody waits.
//! - An answer or [`PortUnavailable`](domain::ports::PortUnavailable) within the times of [`PostgresSettings`], also from a
//!   server that has stopped answering. A connection on which a statement was given up is closed, never used again.
//! - A statement that broke with its connection is repeated once where that is safe, which taking a guard is not.
//! - Errors name kinds, SQLSTATEs, constraints and columns. Never a value, and so never the driver's own text.

mod agents;
mod books;
mod contacts;
mod deliveries;
mod directory;
mod endpoints;
mod events;
mod failure;
mod inbound;
mod inbox;
mod ledger;
mod moment;
mod numbers;
mod row;
mod schema;
mod settings;
mod statement;
mod store;
mod users;
mod wakeups;

pub use settings::PostgresSettings;
pub use store::PostgresStore;
