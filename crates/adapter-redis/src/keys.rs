//! The names of the keys in Redis: prefix, owner in braces, kind. A cluster hashes only the text in
//! the braces, so all keys of one owner are in one slot.

use std::fmt::{self, Write as _};

use domain::{
    ConversationId, IntentKey, OwnerToken, Pace, PaceScope,
    ports::{DayLimit, DayScope},
};

pub(crate) fn lock(prefix: &str, key: &IntentKey) -> String {
    format!("{prefix}:{{{}}}:lock", Tag(key.as_str()))
}

/// Which counts have counted a request: beside its lock, which may end before.
pub(crate) fn counted(prefix: &str, key: &IntentKey, token: &OwnerToken) -> String {
    format!("{prefix}:{{{}}}:counted:{}", Tag(key.as_str()), token.as_str())
}

pub(crate) fn context(prefix: &str, conversation: &ConversationId) -> String {
    format!("{prefix}:{{{}}}:context", Tag(conversation.as_str()))
}

/// The number of calls of a user or an organization on a day, under one revision of the policy.
pub(crate) fn day_count(prefix: &str, limit: &DayLimit) -> String {
    let (kind, day, revision) = (day_count_kind(limit), limit.day.from.unix_millis(), limit.revision);
    format!("{prefix}:{{{}}}:{kind}:{day}:{revision}", Tag(day_scope_id(limit)))
}

fn day_scope_id(limit: &DayLimit) -> &str {
    match &limit.scope {
        DayScope::User(id) => id.as_str(),
        DayScope::Organization(id) => id.as_str(),
    }
}

/// Where a count of a cluster notes that it has counted this request: beside the count.
pub(crate) fn counted_by(prefix: &str, limit: &DayLimit, token: &OwnerToken) -> String {
    let kind = day_count_kind(limit);
    format!("{prefix}:{{{}}}:{kind}-counted:{}", Tag(day_scope_id(limit)), token.as_str())
}

/// The kind of such a key.
pub(crate) const fn day_count_kind(limit: &DayLimit) -> &'static str {
    match limit.scope {
        DayScope::User(_) => "user-calls",
        DayScope::Organization(_) => "organization-calls",
    }
}

/// The last slot of a trunk or of a caller number. All of them are in one slot of a cluster, so that one
/// script takes the slot of a call in both.
pub(crate) fn slot(prefix: &str, pace: &Pace) -> String {
    let (id, kind) = match &pace.scope {
        PaceScope::Trunk(id) => (id.as_str(), "trunk"),
        PaceScope::Number(id) => (id.as_str(), "number"),
    };
    format!("{prefix}:{{slots}}:{kind}:{}", Tag(id))
}

pub(crate) fn probe(prefix: &str) -> String {
    format!("{prefix}:{{ready}}:probe")
}

/// External text as a hash tag: ASCII letters, digits, `-`, `_`, `.` and `:` stay, every other byte
/// becomes `%` and two hex digits. No brace ends the tag early, and no two texts have the same tag.
struct Tag<'a>(&'a str);

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
mod tests;
