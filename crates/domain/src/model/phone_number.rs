//! Phone numbers, as E.164.

use std::fmt;

use crate::{InvalidValue, SpellingFault, WrittenNumber};

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

    /// What is stored in the place of an erased number: the country code 999 is reserved, so that the
    /// numbering plan refuses it as a destination.
    pub const ERASED: &str = "+99900000000";

    /// [`PhoneNumber::ERASED`] as a number.
    #[must_use]
    pub fn erased() -> Self {
        Self(Self::ERASED.into())
    }

    /// Whether this stands in the place of an erased number.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        &*self.0 == Self::ERASED
    }

    /// Reads a number in E.164, with an optional `+`. Only ASCII digits are accepted: this is the
    /// spelling of stored numbers and of providers.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        if digits.bytes().all(|b| b.is_ascii_digit()) {
            Self::from_digits(digits).map_err(|_| INVALID)
        } else {
            Err(INVALID)
        }
    }

    /// Reads a number as people write it. Separators and invisible marks are dropped if it begins
    /// with `+` or `00`. Digits alone get the `+` that is missing.
    pub fn parse_written(text: &str) -> Result<Self, SpellingFault> {
        WrittenNumber::read(text)?.international()
    }

    /// Checks the form of ASCII digits.
    pub(super) fn from_digits(digits: &str) -> Result<Self, SpellingFault> {
        if digits.starts_with('0') {
            return Err(SpellingFault::LeadingZero);
        }
        if !(Self::MIN_DIGITS..=Self::MAX_DIGITS).contains(&digits.len()) {
            return Err(SpellingFault::Length);
        }
        Ok(Self(format!("+{digits}").into()))
    }

    /// The whole number, with its `+`. It is personal data: not for logs.
    #[must_use]
    pub fn as_e164(&self) -> &str {
        &self.0
    }

    /// By which a text that names this number is found: the digits, which a text may have in any
    /// spelling, or with `+` if they are so few that other numbers contain them.
    #[must_use]
    pub fn search_text(&self) -> &str {
        const FEW: usize = 10;
        if self.digits().len() < FEW { self.as_e164() } else { self.digits() }
    }

    /// The digits without the `+`.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }
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
