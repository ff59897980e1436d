use proptest::prelude::*;

use super::*;

fn international(text: &str) -> Result<String, SpellingFault> {
    WrittenNumber::read(text)?.international().map(|number| number.as_e164().to_owned())
}

#[test]
fn separators_and_invisible_marks_are_dropped_behind_a_plus_or_two_zeros() {
    for text in [
        "+14165550123",
        " +14165550123\n",
        "+1 416 555 0123",
        "+1-416-555-0123",
        "+1 (416) 555-0123",
        "+1.416.555.0123",
        "(+1) 416 555 0123",
        "+ 1 416 555 0123",
        "+1\u{a0}416\u{202f}555\u{2009}0123",
        "+1\u{2011}416\u{2013}555\u{2212}0123",
        "\u{202a}+14165550123\u{202c}",
        "\u{202d}+1 416 555 0123\u{202c}",
        "\u{200e}+14165550123",
        "\u{feff}+1416\u{200b}555\u{ad}0123\u{2060}",
        "0014165550123",
        "00 1 416-555-0123",
        "(001) 416 555 0123",
        "14165550123",
        "\u{200e}14165550123 ",
    ] {
        assert_eq!(international(text).as_deref(), Ok("+14165550123"), "{text:?}");
    }
}

#[test]
fn each_refusal_has_its_cause() {
    use SpellingFault as F;
    for (text, fault) in [
        ("", F::NoDigits),
        ("+", F::NoDigits),
        (" - ", F::NoDigits),
        ("call me", F::Letters),
        ("tel:+14165550123", F::Letters),
        ("p:+14165550123", F::Letters),
        ("+14165550123 ext. 5", F::Letters),
        ("+1 416 555 CARS", F::Letters),
        ("9.14165E+10", F::Letters),
        ("+٤٩٣٠١٢٣٤٥٦", F::ForeignDigits),
        ("+1416555０１２３", F::ForeignDigits),
        ("++14165550123", F::SeveralNumbers),
        ("+14165550123/24", F::SeveralNumbers),
        ("+14165550123, +14165550124", F::SeveralNumbers),
        ("+14165550123;ext=1", F::SeveralNumbers),
        ("+14165550123,,,1", F::SeveralNumbers),
        ("+14165550123\n+14165550124", F::SeveralNumbers),
        ("+14165550123#5", F::SeveralNumbers),
        ("+44 (0)20 7946 0018", F::HomePrefix),
        ("0044 ( 0 ) 20 7946 0018", F::HomePrefix),
        ("\u{202e}+14165550123", F::ReversedOrder),
        ("+1416\u{202e}5550123", F::ReversedOrder),
        ("+1_416_555_0123", F::OtherCharacter),
        ("'+14165550123", F::OtherCharacter),
        ("+1416\u{0}5550123", F::OtherCharacter),
        ("(416) 555-0123", F::NoCountryCode),
        ("1 416 555 0123", F::NoCountryCode),
        ("(0)0 14165550123", F::NoCountryCode),
        ("+0014165550123", F::LeadingZero),
        ("02079460018", F::LeadingZero),
        ("00014165550123", F::LeadingZero),
        ("+1 416", F::Length),
        ("00", F::Length),
        ("+1234567890123456", F::Length),
    ] {
        assert_eq!(international(text), Err(fault), "{text:?}");
    }
}

#[test]
fn digits_are_hidden() {
    let written = WrittenNumber::read("6465550123").expect("digits");
    assert!(!format!("{written:?}").contains("55"));
}

proptest! {
    #[test]
    fn no_text_panics_and_no_digit_is_added_or_lost(text in "\\PC{0,20}|[+0() .\u{200e}\u{a0}-]{0,4}[0-9 ()-]{0,17}") {
        if let Ok(number) = WrittenNumber::read(&text).and_then(|written| written.international()) {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(number.digits(), digits.strip_prefix("00").unwrap_or(&digits));
        }
    }
}
