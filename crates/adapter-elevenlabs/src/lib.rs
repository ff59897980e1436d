//! The voice provider ElevenLabs, dialling over a SIP trunk.
//!
//! [`ElevenLabs`] keeps the port [`domain::ports::VoiceProvider`], and is the example to follow for another provider. Each
//! file has one part of it:
//!
//! | File | What it knows |
//! |---|---|
//! | `config.rs` | what an operator sets, and what of it is refused at start |
//! | `client.rs` | how one request is sent once, and how its answer is read within bounds |
//! | `wire.rs` | the provider's JSON, both ways, and nothing of what it means |
//! | `outcome.rs` | what an answer means for the callee: one pure function, with a table of tests |
//!
//! What the provider says in free text may hold a phone number. It is looked at in `outcome.rs` and goes no further: not
//! into an outcome, an error or a log.

mod client;
mod config;
mod outcome;
mod wire;

pub use client::ElevenLabs;
pub use config::{ElevenLabsSettings, InvalidSettings};
