//! Phone numbers, as E.164.

use std::fmt;

use crate::InvalidValue;

const INVALID: InvalidValue = InvalidValue("a valid E.164 phone number");

/// A phone number in the form of E.164: `+` and 6 to 15 digits, the first of them not 0.
///
/// The form alone does not say that the number exists: [`NumberingPlan`](crate::NumberingPlan)
/// decides that where a number is imported or called. A number that is already stored, or that a
/// provider reports, stays readable when the plan changes.
///
/// `Debug` and `Display` show only the last two digits. Only [`PhoneNumber::as_e164`] returns the
/// whole number, so that every use of it can be found.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(Box<str>);

impl PhoneNumber {
    /// The shortest number of any country. It is an Austrian one.
    const MIN_DIGITS: usize = 6;
    pub(super) const MAX_DIGITS: usize = 15;

    /// Reads a number in E.164, with an optional `+`. Only ASCII digits are accepted: a number with
    /// separators could be a national one, and a `+` before it would call a person in another
    /// country.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let digits = e164_digits(text).ok_or(INVALID)?;
        if digits.len() < Self::MIN_DIGITS || digits.starts_with('0') {
            return Err(INVALID);
        }
        Ok(Self(format!("+{digits}").into()))
    }

    /// The whole number, with its `+`. It is personal data: not for logs.
    #[must_use]
    pub fn as_e164(&self) -> &str {
        &self.0
    }

    /// The digits without the `+`.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }
}

/// The digits of a text that is spelled like E.164.
pub(crate) fn e164_digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let spelled =
        (1..=PhoneNumber::MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    spelled.then_some(digits)
}

fn masked(e164: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "+…{}", &e164[e164.len() - 2..])
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(&self.0, f)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
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
}
