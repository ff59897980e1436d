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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(mut bytes: &[u8]) -> Vec<String> {
        let mut fields = Vec::new();
        while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
            let (field, rest) = rest.split_at(usize::try_from(u64::from_be_bytes(*length)).expect("fits"));
            fields.push(String::from_utf8(field.to_vec()).expect("was a string"));
            bytes = rest;
        }
        fields
    }

    fn key(user: &str, contact: &str, agent: &str, line: u32) -> IntentKey {
        IntentKey::new(
            &UserId::parse(user).expect("id"),
            &ContactId::parse(contact).expect("id"),
            &AgentId::parse(agent).expect("id"),
            &PhoneNumber::parse(&format!("+1416555{line:04}")).expect("number"),
        )
    }

    #[test]
    fn it_is_64_hex_digits_without_the_number() {
        let key = key("u", "c", "a", 123);
        assert_eq!(key.as_str().len(), 64);
        assert!(key.as_str().bytes().all(|b| b.is_ascii_hexdigit()));
    }

    #[test]
    fn text_that_moves_between_fields_moves_the_key() {
        assert_ne!(key("ab", "c", "a", 100), key("a", "bc", "a", 100));
        assert_ne!(key("a:b", "c", "a", 100), key("a", "b:c", "a", 100));
    }

    proptest! {
        /// The hashed bytes can be decoded, so two different tuples never hash the same bytes.
        #[test]
        fn the_encoding_loses_nothing(fields in prop::array::uniform4("\\PC{0,12}|[:|\\x00-\\x20]{0,4}")) {
            let decoded = decode(&encode(fields.each_ref().map(String::as_str)));
            prop_assert_eq!(decoded, fields.to_vec());
        }

        #[test]
        fn no_two_tuples_give_one_key(
            a in ("[a-c:|]{1,3}", "[a-c:|]{1,3}", "[a-c:|]{1,3}", 100u32..104),
            b in ("[a-c:|]{1,3}", "[a-c:|]{1,3}", "[a-c:|]{1,3}", 100u32..104),
        ) {
            let same = key(&a.0, &a.1, &a.2, a.3) == key(&b.0, &b.1, &b.2, b.3);
            prop_assert_eq!(same, a == b);
        }
    }
}
