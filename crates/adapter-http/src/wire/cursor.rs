use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{CallId, CallRecord, Timestamp};

/// Longer than any cursor: 20 characters of a time, a separator and 128 bytes of an id, in base64.
const MAX_CURSOR_LEN: usize = 200;

/// The cursor of the page after this call. Clients pass it back and do not parse it.
pub(super) fn after(last: &CallRecord) -> String {
    encode(last.booked_at, &last.identity.call_id)
}

/// Reads a cursor. A client may invent one: it is a position in the client's own list and gives access to nothing else.
pub(super) fn read(cursor: &str) -> Option<(Timestamp, CallId)> {
    if cursor.len() > MAX_CURSOR_LEN {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (millis, call_id) = text.split_once(' ')?;
    Some((Timestamp::from_unix_millis(millis.parse().ok()?), CallId::parse(call_id).ok()?))
}

fn encode(booked_at: Timestamp, call_id: &CallId) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {call_id}", booked_at.unix_millis()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_is_not_a_cursor_is_refused() {
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let cursors = [
            String::new(),
            "1700000000000 c1".to_owned(),
            encoded("1700000000000"),
            encoded("x c1"),
            encoded("99999999999999999999 c1"),
            encoded("1700000000000 "),
            encoded("1700000000000 c\n"),
            format!("{}=", encoded("1700000000000 c1")),
            "A".repeat(MAX_CURSOR_LEN + 1),
        ];
        for cursor in cursors {
            assert_eq!(read(&cursor), None, "{cursor}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_back(millis in any::<i64>(), id in "[!-~é ]{1,64}") {
            let position = (Timestamp::from_unix_millis(millis), CallId::parse(&id).expect("an id"));
            let cursor = encode(position.0, &position.1);
            prop_assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
            prop_assert_eq!(read(&cursor), Some(position));
        }

        #[test]
        fn any_text_is_read_or_refused(cursor in any::<String>()) {
            let _ = read(&cursor);
        }
    }
}
