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
mod tests;
