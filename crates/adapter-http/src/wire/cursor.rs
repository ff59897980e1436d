use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{CallId, CallRecord, Timestamp};

/// Longer than any cursor: 20 characters of a time, a separator and 128 bytes of an id, in base64.
const MAX_CURSOR_LEN: usize = 200;

/// The cursor of the page after this call. Clients pass it back and do not parse it.
pub(super) fn after(last: &CallRecord) -> String {
    encode(last.booked_at, &last.identity.call_id)
}

/// Reads a cursor. A client may invent one: it is a position in the client's own list and gives
/// access to nothing else.
pub(super) fn read(cursor: &str) -> Option<(Timestamp, CallId)> {
    let text = read_key(cursor)?;
    let (millis, call_id) = text.split_once(' ')?;
    Some((Timestamp::from_unix_millis(millis.parse().ok()?), CallId::parse(call_id).ok()?))
}

/// The cursor of the page after the record with this key.
pub(super) fn after_key(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// Reads the key in a cursor.
pub(super) fn read_key(cursor: &str) -> Option<String> {
    if cursor.len() > MAX_CURSOR_LEN {
        return None;
    }
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

fn encode(booked_at: Timestamp, call_id: &CallId) -> String {
    after_key(&format!("{} {call_id}", booked_at.unix_millis()))
}

#[cfg(test)]
mod tests;
