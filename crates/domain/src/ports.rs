//! The traits through which the domain reaches everything outside it: one file for each port, with
//! its errors and the types that only this port uses.
//!
//! A port's documentation is its contract. Each sentence with MUST names, in brackets, the case of
//! the conformance suite that tests it. An adapter that passes the suite keeps the contract.

mod agent_repo;
mod audio_stream;
mod background;
mod call_ledger;
mod call_reader;
mod call_updater;
mod clock;
mod contact_repo;
mod context_cache;
mod delivery_queue;
mod directory;
mod directory_reader;
mod event_feed;
mod event_inbox;
mod idempotency_lock;
mod identifiers;
mod inbound_directory;
mod number_pool;
mod outbound_directory;
mod provider_recordings;
mod provider_records;
mod provider_webhook;
mod provisioning;
mod recording_store;
mod trunk_directory;
mod unavailable;
mod unfinished_calls;
mod user_repo;
mod vendor_failure;
mod voice_provider;
mod voice_workspace;
mod webhook_endpoints;
mod webhook_sender;

pub use self::agent_repo::*;
pub use self::audio_stream::*;
pub use self::background::*;
pub use self::call_ledger::*;
pub use self::call_reader::*;
pub use self::call_updater::*;
pub use self::clock::*;
pub use self::contact_repo::*;
pub use self::context_cache::*;
pub use self::delivery_queue::*;
pub use self::directory::*;
pub use self::directory_reader::*;
pub use self::event_feed::*;
pub use self::event_inbox::*;
pub use self::idempotency_lock::*;
pub use self::identifiers::*;
pub use self::inbound_directory::*;
pub use self::number_pool::*;
pub use self::outbound_directory::*;
pub use self::provider_recordings::*;
pub use self::provider_records::*;
pub use self::provider_webhook::*;
pub use self::provisioning::*;
pub use self::recording_store::*;
pub use self::trunk_directory::*;
pub use self::unavailable::*;
pub use self::unfinished_calls::*;
pub use self::user_repo::*;
pub use self::vendor_failure::*;
pub use self::voice_provider::*;
pub use self::voice_workspace::*;
pub use self::webhook_endpoints::*;
pub use self::webhook_sender::*;
