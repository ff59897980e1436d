use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{CallId, CallRecord, Timestamp};

/// Longer than any that is made here: 20 characters of a time, a separator and 128 bytes of an id, in base64.
const MAX_CURSOR_LEN: usize = 200;

/// Where a page ended, in a form that clients pass back and do not read.
pub(super) fn after(last: &CallRecord) -> String {
    encode(last.booked_at, &last.identity.call_id)
}

/// Where the page before ended. What somebody else made up may be read too: it is a place in the list and opens nothing.
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
    fn what_no_page_ended_with_is_no_cursor() {
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
            let place = (Timestamp::from_unix_millis(millis), CallId::parse(&id).expect("an id"));
            let cursor = encode(place.0, &place.1);
            prop_assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
            prop_assert_eq!(read(&cursor), Some(place));
        }

        #[test]
        fn no_text_is_too_strange(cursor in any::<String>()) {
            let _ = read(&cursor);
        }
    }
}
