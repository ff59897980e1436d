//! The voice provider ElevenLabs, dialling over a SIP trunk.
//!
//! [`ElevenLabs`] keeps the port [`domain::ports::VoiceProvider`], [`ElevenLabsWebhook`] keeps
//! [`domain::ports::ProviderWebhook`] and [`ElevenLabsRecords`] keeps [`domain::ports::ProviderRecords`] and
//! [`domain::ports::ProviderRecordings`]. They are the example to follow for another provider. Each file has one part of them:
//!
//! | File | What it knows |
//! |---|---|
//! | `config.rs` | what an operator sets, and what of it is refused at start |
//! | `client.rs` | how one request is sent once, and how its answer is read within bounds |
//! | `wire.rs` | the provider's JSON, both ways, and nothing of what it means |
//! | `outcome.rs` | what an answer means for the callee: one pure function, with a table of tests |
//! | `webhook.rs` | how an event is known to be the provider's |
//! | `event.rs` | what an event says, and of which call |
//! | `personalization.rs` | the question who is calling, and the reply to it |
//! | `audio.rs` | what is a recording, brought by an event or fetched |
//! | `records.rs` | how the provider is asked what became of a call, and for its recording |
//! | `conversation.rs` | what the provider's record of a conversation means; events carry the same record |
//! | `json.rs` | how JSON of any size and kind is read within bounds |
//!
//! What the provider says in free text may hold a phone number. It is looked at in `outcome.rs`, kept in the books as private
//! notes, and goes no further: not into an outcome, an error or a log.

mod audio;
mod client;
mod config;
mod conversation;
mod event;
mod json;
mod outcome;
mod personalization;
mod records;
mod webhook;
mod wire;

pub use client::ElevenLabs;
pub use config::{ElevenLabsSettings, InvalidSettings};
pub use records::ElevenLabsRecords;
pub use webhook::{ElevenLabsWebhook, ElevenLabsWebhookSettings};
