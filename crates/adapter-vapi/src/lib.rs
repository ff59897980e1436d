//! The voice provider Vapi, which responds to a dial when it has queued the call.
//!
//! [`Vapi`] implements the port [`domain::ports::VoiceProvider`], [`VapiRecords`] implements
//! [`domain::ports::ProviderRecords`]. `docs/adapters.md` describes how to write such a crate.
//!
//! | File | Content |
//! |---|---|
//! | `account.rs` | checks the key |
//! | `config.rs` | the settings of the API |
//! | `dial.rs` | sends a dial, once |
//! | `wire.rs` | the provider's JSON, in both directions, without its meaning |
//! | `outcome.rs` | what a response to a dial means: one pure function with a table of tests |
//! | `records.rs` | asks the provider for the record of a call |
//! | `record.rs` | what the provider's record of a call means |
//! | `words.rs` | the provider's words for statuses and reasons |
//!
//! A dial cannot limit how long the phone rings: the carrier of the caller number decides. The
//! gateway's ringing timeout must not be shorter than the carrier's, because the gateway recognizes
//! duplicates only while it assumes that the phone may ring.

mod account;
mod config;
mod dial;
mod outcome;
mod record;
mod records;
mod wire;
mod words;

pub use config::VapiSettings;
pub use dial::Vapi;
pub use provider_client::InvalidSettings;
pub use records::VapiRecords;
