use proptest::prelude::*;

use super::*;

#[test]
fn the_plus_may_be_missing() {
    let with = PhoneNumber::parse("+14165550100").expect("valid");
    assert_eq!(PhoneNumber::parse("14165550100"), Ok(with.clone()));
    assert_eq!(with.as_e164(), "+14165550100");
}

#[test]
fn other_spellings_are_refused_rather_than_guessed() {
    for text in [
        "",
        "+",
        "++14165550100",
        "+1 416 555 0100",
        "(416) 555-0100",
        "+14165",
        "+٤٩٣٠١٢٣٤٥٦",
        "+1416555０１００",
        "+14165550100;ext=1",
        "+14165550100,,,1",
        "\u{202e}+14165550100",
        "+1416\u{200b}5550100",
        "+0014165550100",
        "+1234567890123456",
        "tel:+14165550100",
    ] {
        assert_eq!(PhoneNumber::parse(text), Err(INVALID), "{text:?}");
    }
}

#[test]
fn a_number_that_no_plan_contains_can_still_be_read() {
    for text in ["+99912345678", "+1416555010", "+431111", "+123456789012345"] {
        assert!(PhoneNumber::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn it_masks_itself() {
    let number = PhoneNumber::parse("+14165550123").expect("valid");
    assert_eq!(format!("{number} {number:?}"), "+…23 +…23");
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_accepted_is_canonical(text in "\\PC{0,20}|\\+?[0-9]{0,17}") {
        if let Ok(number) = PhoneNumber::parse(&text) {
            prop_assert_eq!(PhoneNumber::parse(number.as_e164()), Ok(number.clone()));
            prop_assert_eq!(number.digits(), text.trim_start_matches('+'));
        }
    }

    #[test]
    fn debug_never_shows_more_than_two_digits(line in 2_000_000u32..9_999_999) {
        let text = format!("+1416{line}");
        if let Ok(number) = PhoneNumber::parse(&text) {
            let shown = format!("{number:?}").chars().filter(char::is_ascii_digit).count();
            prop_assert_eq!(shown, 2);
        }
    }
}

#[test]
fn an_erased_number_is_a_number_that_no_one_can_be_called_at() {
    assert_eq!(PhoneNumber::parse(PhoneNumber::ERASED), Ok(PhoneNumber::erased()));
    assert!(PhoneNumber::erased().is_erased());
    assert!(crate::DestinationRules::default().read_stored(PhoneNumber::ERASED).is_err());
}

#[test]
fn a_short_number_is_searched_with_its_plus() {
    for (number, text) in [("+14165550110", "14165550110"), ("+431234", "+431234")] {
        assert_eq!(PhoneNumber::parse(number).expect("valid").search_text(), text);
    }
}
