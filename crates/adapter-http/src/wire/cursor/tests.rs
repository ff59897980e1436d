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
