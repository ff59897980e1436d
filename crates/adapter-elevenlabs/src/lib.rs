//! The voice provider ElevenLabs, over a SIP trunk. It is the example to follow for another
//! provider with webhooks.
//!
//! [`ElevenLabs`] implements the port [`domain::ports::VoiceProvider`], [`ElevenLabsWebhook`]
//! implements [`domain::ports::ProviderWebhook`], [`ElevenLabsRecords`] implements
//! [`domain::ports::ProviderRecords`] and [`domain::ports::ProviderRecordings`], and
//! [`ElevenLabsWorkspace`] implements [`domain::ports::VoiceWorkspace`].
//!
//! | File | Content |
//! |---|---|
//! | `config.rs` | the settings of the API |
//! | `dial.rs` | sends a dial, once |
//! | `wire.rs` | the provider's JSON, in both directions, without its meaning |
//! | `outcome.rs` | what a response to a dial means: one pure function with a table of tests |
//! | `webhook.rs`, `signature.rs` | checks the signature or the token of an event |
//! | `large_event.rs` | receives an event with a long recording, without the recording |
//! | `event.rs` | reads an event: which call it belongs to and what it reports |
//! | `personalization.rs` | the question who is calling, and the reply to it |
//! | `audio.rs` | recognizes a recording, sent with an event or fetched |
//! | `recording.rs` | fetches a recording as a stream |
//! | `records.rs` | asks the provider for the record of a call |
//! | `conversation.rs` | what the provider's record of a conversation means; events carry the same record |
//! | `analysis.rs` | what the provider concludes from a conversation |
//! | `transcript.rs` | what was said in a conversation |
//! | `workspace.rs` | lists agents and phone numbers, and registers the webhook |
//! | `words.rs` | the provider's words for statuses, reasons and speakers |
//! | `json.rs` | reads JSON of any size and shape within bounds |
//!
//! The provider's free text may contain a phone number. `outcome.rs` reads it, the call stores it
//! as private notes, and it appears in no outcome, error or log line.

mod analysis;
mod audio;
mod config;
mod conversation;
mod dial;
mod event;
mod hex;
mod json;
mod large_event;
mod outcome;
mod personalization;
mod recording;
mod records;
mod signature;
mod transcript;
mod webhook;
mod wire;
mod words;
mod workspace;

pub use config::{ElevenLabsSettings, TrunkLogin};
pub use dial::ElevenLabs;
pub use provider_client::InvalidSettings;
pub use records::ElevenLabsRecords;
pub use webhook::{ElevenLabsWebhook, ElevenLabsWebhookSettings};
pub use workspace::ElevenLabsWorkspace;
