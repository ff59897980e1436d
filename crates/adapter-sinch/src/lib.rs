//! Reads a trunk of the carrier Sinch (Elastic SIP Trunking) and the numbers on it.
//!
//! [`SinchTrunk`] implements [`domain::ports::TrunkDirectory`]. It changes nothing at the carrier.
//!
//! | File | Content |
//! |---|---|
//! | `config.rs` | the settings of the account |
//! | `token.rs` | the OAuth 2.0 token: issued once an hour, cached, replaced when it is refused |
//! | `trunk.rs` | reads the trunk and every page of its numbers |
//! | `wire.rs` | the carrier's JSON |

mod config;
mod token;
mod trunk;
mod wire;

pub use config::SinchSettings;
pub use provider_client::InvalidSettings;
pub use trunk::SinchTrunk;
