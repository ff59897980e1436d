//! The conformance suites of the ports, and tools for tests.
//!
//! There is one module for each port, with one function for each MUST in the port's documentation,
//! under the name that the documentation gives. An adapter implements the port's trait in
//! [`harness`] and writes one line into its `tests/conformance.rs`:
//!
//! ```ignore
//! testkit::contact_repo_suite!(StoreHarness::new().await);
//! ```
//!
//! The macro makes a module `contact_repo` with one `#[tokio::test]` for each case. Each test
//! evaluates the expression, so each has a harness of its own. The harnesses may share one store:
//! [`fixtures`] never makes the same id twice.
//!
//! [`memory`] implements the ports for tests of everything else, on a [`clock`] that tests move.

#![warn(missing_docs)]

#[macro_use]
mod suite;

mod call_events;
mod eventually;
mod expect;
pub mod fixtures;
pub mod harness;
mod log;
mod secrets;

pub mod agent_repo;
pub mod ai_numbers;
pub mod audit_log;
pub mod call_ledger;
pub mod call_reader;
pub mod call_traces;
pub mod call_updater;
mod call_updates;
pub mod calling_policies;
pub mod clock;
pub mod consents;
pub mod contact_repo;
pub mod context_cache;
pub mod credential_store;
pub mod delivery_queue;
pub mod directory;
pub mod directory_reader;
pub mod event_feed;
pub mod event_inbox;
pub mod fault_proxy;
pub mod idempotency_keys;
pub mod idempotency_lock;
pub mod inbound_directory;
pub mod intent_holds;
pub mod job_leases;
pub mod ledger_meter;
pub mod memory;
pub mod number_pool;
pub mod outbound_directory;
pub mod peer;
pub mod pgbouncer;
pub mod provider_recordings;
pub mod provider_records;
pub mod provider_webhook;
pub mod provisioning;
pub mod random;
pub mod recording_store;
pub mod refusal_counts;
pub mod retention;
pub mod rules;
pub mod scripted_records;
pub mod scripted_vendor;
pub mod services;
pub mod suppressions;
pub mod trunk_directory;
pub mod unfinished_calls;
pub mod user_repo;
pub mod voice_provider;
pub mod voice_workspace;
pub mod webhook_endpoints;
pub mod webhook_sender;

pub use self::eventually::{Probed, eventually, eventually_within};

#[doc(hidden)]
pub use tokio;
