//! Identifiers: opaque strings on the wire, one type for each kind of thing.

use std::fmt;

use crate::{InvalidValue, PhoneNumber};

const INVALID: InvalidValue =
    InvalidValue("an identifier: it is empty, too long, or contains control characters");

/// The longest accepted identifier, in bytes. Ours have 24; providers' have about 33.
const MAX_ID_LEN: usize = 128;

fn checked(text: &str) -> Result<Box<str>, InvalidValue> {
    let fits = !text.is_empty() && text.len() <= MAX_ID_LEN && !text.chars().any(char::is_control);
    if fits { Ok(text.into()) } else { Err(INVALID) }
}

/// 24 lower-case hex digits: 4 bytes of Unix seconds, then 8 random bytes, so that ids sort by
/// creation time.
fn hex_id(unix_secs: u32, random: [u8; 8]) -> Box<str> {
    format!("{unix_secs:08x}{:016x}", u64::from_be_bytes(random)).into()
}

/// An identifier in `Debug` output. Some providers use a phone number as its id: of that, only the
/// last two digits are shown.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match PhoneNumber::parse(self.0) {
            Ok(number) if self.0.starts_with('+') => fmt::Debug::fmt(&number, f),
            _ => f.write_str(self.0),
        }
    }
}

macro_rules! opaque_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Reads an identifier: any text of 1 to 128 bytes without control characters.
            pub fn parse(text: &str) -> Result<Self, InvalidValue> {
                checked(text).map(Self)
            }

            /// The identifier on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), Shown(&self.0))
            }
        }
    )+};
}

opaque_ids! {
    /// An organization. Every statement that takes an id takes this one too.
    OrganizationId,
    /// The person or script whose token asks for a call; owns caller numbers.
    UserId,
    /// The person who is called.
    ContactId,
    /// A voice agent, by our id (not the provider's: see [`ProviderAgentId`]).
    AgentId,
    /// A call in the ledger. We create it before the dial and send it to the provider, for
    /// reconciliation.
    CallId,
    /// A URL that an organization registered for call events.
    WebhookEndpointId,
    /// An opt-out.
    SuppressionId,
    /// A permission on record.
    ConsentId,
    /// A conversation, by the voice provider's id.
    ConversationId,
    /// A call on the telephone network, by the carrier's id.
    CarrierCallId,
    /// An agent, by the voice provider's id.
    ProviderAgentId,
    /// A caller number, by the voice provider's id.
    ProviderNumberId,
    /// A trunk, by the carrier's id.
    TrunkId,
}

/// The identifiers that we make.
macro_rules! minted {
    ($($name:ident),+ $(,)?) => {$(
        impl $name {
            /// Makes an id of 24 hex digits from a time in Unix seconds and 8 random bytes.
            #[must_use]
            pub fn mint(unix_secs: u32, random: [u8; 8]) -> Self {
                Self(hex_id(unix_secs, random))
            }
        }
    )+};
}

minted!(CallId, ConsentId, ContactId, SuppressionId, WebhookEndpointId);

/// Proves the ownership of one lock and one reservation. 128 random bits, 32 hex digits; hidden in
/// `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OwnerToken(Box<str>);

impl OwnerToken {
    /// Makes a token from 16 random bytes.
    #[must_use]
    pub fn mint(random: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(random)).into())
    }

    /// The token, as stores keep it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OwnerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerToken(..)")
    }
}

#[cfg(test)]
mod tests;
