//! What makes two requests duplicates.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{AgentId, ContactId, PhoneNumber, UserId};

/// Identifies one intent: user, contact, agent and destination. The caller number and the reason
/// are not part of it.
///
/// It is the SHA-256 of the four fields, each with its length before it, so that two different
/// intents never have the same key, and stores hold no phone number as a key. 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntentKey(Box<str>);

impl IntentKey {
    /// The key of one intent.
    #[must_use]
    pub fn new(user: &UserId, contact: &ContactId, agent: &AgentId, to: &PhoneNumber) -> Self {
        let encoded = encode([user.as_str(), contact.as_str(), agent.as_str(), to.as_e164()]);
        let hex: String = Sha256::digest(encoded).iter().map(|byte| format!("{byte:02x}")).collect();
        Self(hex.into())
    }

    /// The key as 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IntentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn encode(fields: [&str; 4]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    for field in fields {
        bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
        bytes.extend_from_slice(field.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;
