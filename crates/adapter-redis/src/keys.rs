//! What things are called in the store.

use std::fmt::Write as _;

use deadpool_redis::redis::{RedisWrite, ToRedisArgs, ToSingleRedisArg};
use domain::{ConversationId, IntentKey};

/// A key: prefix, then what it belongs to in braces, then what it is. A cluster hashes what is in the braces alone, so
/// everything of one owner lies in one slot.
#[derive(PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    pub(crate) fn lock(prefix: &str, key: &IntentKey) -> Self {
        Self(format!("{prefix}:{{{}}}:lock", Tag(key.as_str())))
    }

    pub(crate) fn context(prefix: &str, conversation: &ConversationId) -> Self {
        Self(format!("{prefix}:{{{}}}:context", Tag(conversation.as_str())))
    }

    pub(crate) fn probe(prefix: &str) -> Self {
        Self(format!("{prefix}:{{ready}}:probe"))
    }
}

impl ToRedisArgs for Key {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        out.write_arg(self.0.as_bytes());
    }
}

impl ToSingleRedisArg for Key {}

/// Text from outside as a hash tag: anything but ASCII letters, digits, `-`, `_`, `.` and `:` as `%` and two hex digits.
/// No brace ends the tag early, and no two texts give one tag.
struct Tag<'a>(&'a str);

impl std::fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b':' => {
                    f.write_char(char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(id: &str) -> String {
        Key::context("outdial", &ConversationId::parse(id).expect("an id")).0
    }

    #[test]
    fn a_usual_id_stays_readable() {
        assert_eq!(context("conv_01jz-A.9:x"), "outdial:{conv_01jz-A.9:x}:context");
    }

    #[test]
    fn braces_and_what_else_an_id_may_hold_stay_inside_the_tag() {
        assert_eq!(context("}x{"), "outdial:{%7Dx%7B}:context");
        assert_eq!(context("a}:lock"), "outdial:{a%7D:lock}:context");
        assert_eq!(context("é %"), "outdial:{%C3%A9%20%25}:context");
    }

    #[test]
    fn no_two_ids_give_one_key() {
        let ids = ["a", "A", "a}", "a{", "a%7D", "a%257D", "a ", " a", "a:", "{a}", "%", "%25"];
        let keys: std::collections::BTreeSet<String> = ids.iter().map(|id| context(id)).collect();
        assert_eq!(keys.len(), ids.len());
    }
}
