//! What a client sends so that one request is answered with one call, however often it is sent.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::InvalidValue;

/// A client's `Idempotency-Key`. Only its SHA-256 is kept, as 64 hex digits: a key may contain an
/// order number or a name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey(Box<str>);

impl IdempotencyKey {
    /// The longest key, in characters.
    pub const MAX_LEN: usize = 255;

    /// Accepts 1 to 255 characters from `!` (0x21) to `~` (0x7E).
    pub fn parse(text: &[u8]) -> Result<Self, InvalidValue> {
        let is_short = (1..=Self::MAX_LEN).contains(&text.len());
        if !is_short || !text.iter().all(u8::is_ascii_graphic) {
            return Err(InvalidValue("an idempotency key: it must have 1 to 255 characters from ! to ~"));
        }
        Ok(Self(hex(Sha256::digest(text).as_slice())))
    }

    /// The hash of the key, as 64 hex digits.
    #[must_use]
    pub fn as_hash(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

/// What a request says, as a SHA-256: two requests with one key must have the same.
///
/// A field that a request does not have adds nothing. A release that knows more fields therefore has
/// the same digest for a request without them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestDigest(Box<str>);

impl RequestDigest {
    /// The digest of these fields, each a name and a value, in this order. Each has its length before
    /// it, so that two different requests never have the same bytes.
    #[must_use]
    pub fn of<'a>(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut hash = Sha256::new();
        for part in fields.into_iter().flat_map(|(name, value)| [name.as_bytes(), value]) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hex(hash.finalize().as_slice()))
    }

    /// What is stored in the place of a digest after the callee of the call was erased. No request has it.
    pub const ERASED: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    /// [`RequestDigest::ERASED`] as a digest.
    #[must_use]
    pub fn erased() -> Self {
        Self(Self::ERASED.into())
    }

    /// Accepts what [`RequestDigest::as_str`] returns.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidValue("a digest: it must have 64 hex digits"));
        }
        Ok(Self(text.into()))
    }

    /// The digest as 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestDigest(..)")
    }
}

/// A request that has a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The key, which is unique for its user.
    pub key: IdempotencyKey,
    /// What the request says.
    pub digest: RequestDigest,
}

fn hex(bytes: &[u8]) -> Box<str> {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

#[cfg(test)]
mod tests;
