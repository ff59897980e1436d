use proptest::prelude::*;

use super::*;

fn text(millis: i64) -> String {
    iso8601(Timestamp::from_unix_millis(millis))
}

#[test]
fn times_are_in_utc_with_three_digits_of_a_second() {
    assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
    assert_eq!(text(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
    assert_eq!(text(-1), "1969-12-31T23:59:59.999Z");
    assert_eq!(text(i64::MAX), "9999-12-31T23:59:59.999Z");
    assert_eq!(text(i64::MIN), "0000-01-01T00:00:00.000Z");
}

#[test]
fn times_are_read_with_any_offset() {
    for (text, millis) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T12:34:56.789999Z", 1_709_210_096_789),
        ("2024-02-29T07:34:56.789-05:00", 1_709_210_096_789),
        ("1969-12-31T23:59:59.9999Z", -1),
    ] {
        assert_eq!(from_iso8601(text), Some(Timestamp::from_unix_millis(millis)), "{text}");
    }
    for text in
        ["", "0", "2024-02-29", "2024-02-29T12:34:56", "2023-02-29T12:34:56Z", "2024-02-29 12:34:56 Z"]
    {
        assert_eq!(from_iso8601(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn a_written_time_is_read_again(millis in FIRST_MILLI..LAST_MILLI) {
        let time = Timestamp::from_unix_millis(millis);
        prop_assert_eq!(from_iso8601(&iso8601(time)), Some(time));
    }

    #[test]
    fn every_time_has_24_characters(millis in any::<i64>()) {
        prop_assert_eq!(text(millis).len(), 24);
    }

    #[test]
    fn later_times_sort_later(one in FIRST_MILLI..LAST_MILLI, other in FIRST_MILLI..LAST_MILLI) {
        prop_assert_eq!(text(one).cmp(&text(other)), one.cmp(&other));
    }
}
