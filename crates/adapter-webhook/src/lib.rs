//! Sends call events to the webhook endpoints of organizations.
//!
//! [`HttpWebhookSender`] implements the port [`domain::ports::WebhookSender`]. An organization that
//! registers a URL chooses where this process connects to, so most of this crate refuses addresses.
//!
//! | File | Contents |
//! |---|---|
//! | `config.rs` | the settings and their bounds |
//! | `signature.rs` | the signature of a delivery: Standard Webhooks |
//! | `address.rs` | which addresses are public |
//! | `names.rs` | name lookup that refuses forbidden addresses |
//! | `sender.rs` | one attempt, and the meaning of its response |
//! | `retry_after.rs` | the pause that a receiver asks for |
//!
//! A URL may contain a token: no log, error or `Debug` output contains a URL or what is sent.

mod address;
mod config;
mod names;
mod retry_after;
mod sender;
mod signature;

pub use config::{InvalidSettings, WebhookSenderSettings};
pub use sender::HttpWebhookSender;
