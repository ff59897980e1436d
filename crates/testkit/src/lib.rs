//! What every adapter of a port must do, as suites that any adapter can run.
//!
//! There is one module for each port, and in it one function for each promise of that port's documentation, under the name
//! that the documentation gives it. An adapter implements the port's trait in [`harness`] for a type of its own and writes
//! one line into its `tests/conformance.rs`:
//!
//! ```ignore
//! testkit::contact_repo_suite!(StoreHarness::new().await);
//! ```
//!
//! That makes a module `contact_repo` with one `#[tokio::test]` for each promise. Each of them evaluates the expression for
//! itself, so each has a harness of its own; what the harnesses reach may be one shared store, since [`fixtures`] never makes
//! the same id twice.

#![warn(missing_docs)]

#[macro_use]
mod suite;

mod announcements;
mod eventually;
mod expect;
pub mod fixtures;
pub mod harness;

pub mod agent_repo;
pub mod call_ledger;
pub mod call_reader;
pub mod call_updater;
mod call_updates;
pub mod contact_repo;
pub mod context_cache;
pub mod delivery_queue;
pub mod directory;
pub mod event_feed;
pub mod event_inbox;
pub mod idempotency_lock;
pub mod inbound_directory;
pub mod number_pool;
pub mod peer;
pub mod provider_records;
pub mod recording_store;
pub mod scripted_vendor;
pub mod services;
pub mod unfinished_calls;
pub mod user_repo;
pub mod voice_provider;
pub mod webhook_endpoints;

pub use self::eventually::{Probed, eventually, eventually_within};

/// The cookbook, whose code is compiled and run with the documentation's tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/adapters.md")]
struct Cookbook;

#[doc(hidden)]
pub use tokio;
