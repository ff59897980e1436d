//! Events on their way to the receivers of organizations.
//!
//! [`HttpWebhookSender`] keeps the port [`domain::ports::WebhookSender`]. Whoever registers a URL chooses where this process
//! connects to, so most of this crate is about where it does not.
//!
//! | File | What it knows |
//! |---|---|
//! | `config.rs` | what an operator sets, and what of it is refused at start |
//! | `signature.rs` | how a delivery is signed: Standard Webhooks |
//! | `address.rs` | which addresses are public |
//! | `names.rs` | how names become addresses, none of which is a forbidden one |
//! | `sender.rs` | how one attempt is made within bounds, and what its answer means |
//! | `retry_after.rs` | how long a receiver asks to be left alone |
//!
//! A URL may hold a token: neither it nor what is sent is in a log, an error or `Debug`.

mod address;
mod config;
mod names;
mod retry_after;
mod sender;
mod signature;

pub use config::{InvalidSettings, WebhookSenderSettings};
pub use sender::HttpWebhookSender;
