//! The voice provider Parrot, which does not exist: the running example of `docs/adapters.md`, which
//! prints these files. No other crate uses it.
//!
//! | File | Contents |
//! |---|---|
//! | `config.rs` | what an operator sets |
//! | `wire.rs` | the vendor's JSON in both directions, without its meaning |
//! | `outcome.rs` | what a response to a dial means: one pure function and a table of tests |
//! | `words.rs` | the vendor's words for states and causes, in every spelling |
//! | `client.rs` | sends a dial, once |
//! | `record.rs` | what the vendor's record of a call means |
//! | `records.rs` | asks the vendor for the record of a call |
//! | `webhook.rs` | verifies the vendor's requests |
//! | `event.rs`, `question.rs` | what the vendor's requests mean |

mod client;
mod config;
mod event;
mod hex;
mod outcome;
mod question;
mod record;
mod records;
mod webhook;
mod wire;
mod words;

pub use client::Parrot;
pub use config::ParrotSettings;
pub use provider_client::InvalidSettings;
pub use records::ParrotRecords;
pub use webhook::ParrotWebhook;
