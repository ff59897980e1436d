//! The use cases after the call: which provider events are acknowledged, what is written to the
//! ledger, and which calls the provider is asked about. Also what an organization sets for its calls.
//!
//! Most tests use `testkit::memory`. A test of the failure of one port has a mock of that port.

mod delivering;
mod following;
mod giving_back;
mod opting_out;
mod own_accounts;
mod personalizing;
mod receiving;
mod reconciling;
mod recovering;
mod registering;
mod removing;
mod settings;
mod toggling;
mod voice_config;
mod world;
