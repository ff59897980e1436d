//! The voice provider Vapi, which answers a dial when it is queued.
//!
//! [`Vapi`] keeps the port [`domain::ports::VoiceProvider`], [`VapiRecords`] the port [`domain::ports::ProviderRecords`];
//! `docs/adapters.md` says how such a crate is made.
//!
//! | File | What it knows |
//! |---|---|
//! | `config.rs` | what an operator sets, and what of it is refused at start |
//! | `client.rs` | how one request is sent once, and how its answer is read within bounds |
//! | `wire.rs` | the provider's JSON, both ways, and nothing of what it means |
//! | `outcome.rs` | what an answer means for the callee: one pure function, with a table of tests |
//! | `records.rs` | how the provider is asked what became of a call |
//! | `record.rs` | what the provider has recorded of a call, and what it means for the books |
//!
//! A request cannot say how long the phone may ring: that is up to the carrier of the caller number. The gateway's ringing
//! time-out has to be no shorter, since duplicates are answered for as long as it says that a phone may ring.

mod client;
mod config;
mod outcome;
mod record;
mod records;
mod wire;

pub use client::Vapi;
pub use config::{InvalidSettings, VapiSettings};
pub use records::VapiRecords;
