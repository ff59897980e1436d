//! Phone numbers as people write them.

use std::fmt;

use crate::PhoneNumber;

/// Why a text is not a phone number, and what to write instead. Completes the sentence *the number
/// is not valid*, and quotes no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpellingFault {
    /// Nothing of it is a digit.
    #[error("it has no digits; write +, the country code and the number")]
    NoDigits,
    /// It has a label (`tel:`), a name or an extension.
    #[error("it has letters; write the number alone, without a label or an extension")]
    Letters,
    /// It has digits of another script.
    #[error("it has digits other than 0 to 9; write it with these")]
    ForeignDigits,
    /// It has a character that separates two numbers, or a number and an extension.
    #[error("it has a sign between two numbers or before an extension; write one number alone")]
    SeveralNumbers,
    /// It has the national prefix in brackets, as in `+44 (0)20`.
    #[error("it has a 0 in brackets, which is dialled at home only; leave it out")]
    HomePrefix,
    /// A mark shows its digits in reverse order: what a person saw is another number.
    #[error("it has an invisible mark that reverses the order of its digits; type it again")]
    ReversedOrder,
    /// It has a character that no number has.
    #[error("it has a character that is neither a digit nor a separator; remove it")]
    OtherCharacter,
    /// It has separators, so that it may be written as at home.
    #[error("it has separators, but no + or 00 in front; write +, the country code and the number")]
    NoCountryCode,
    /// No country code begins with 0.
    #[error("it has a 0 where the country code must be; write +, the country code and the number")]
    LeadingZero,
    /// It is too short or too long for E.164.
    #[error("it has fewer than 6 or more than 15 digits; write +, the country code and the whole number")]
    Length,
}

/// A phone number as a person wrote it, without separators and invisible marks. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WrittenNumber {
    digits: Box<str>,
    start: Start,
    has_separators: bool,
}

/// What precedes the country code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Plus,
    /// `00`, which most countries dial before a country code.
    DoubleZero,
    /// It is not certain that there is a country code.
    Nothing,
}

impl WrittenNumber {
    /// Reads the characters of a number. What the digits mean is not checked.
    pub(crate) fn read(text: &str) -> Result<Self, SpellingFault> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
        let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        let mut digits = String::new();
        let (mut has_plus, mut has_separators) = (false, false);
        for c in visible.chars() {
            match c {
                '0'..='9' => digits.push(c),
                '+' if digits.is_empty() && !has_plus => has_plus = true,
                '+' | '/' | '\\' | ',' | ';' | '&' | '|' | '#' | '*' | '\n' | '\r' => {
                    return Err(SpellingFault::SeveralNumbers);
                }
                REVERSING_MARK => return Err(SpellingFault::ReversedOrder),
                _ if is_separator(c) => has_separators = true,
                _ if c.is_numeric() => return Err(SpellingFault::ForeignDigits),
                _ if c.is_alphabetic() => return Err(SpellingFault::Letters),
                _ => return Err(SpellingFault::OtherCharacter),
            }
        }
        let start = match visible.trim_start_matches(is_separator) {
            _ if has_plus => Start::Plus,
            // `(0)0…` is not an international prefix.
            rest if rest.starts_with("00") => Start::DoubleZero,
            _ => Start::Nothing,
        };
        if digits.is_empty() {
            return Err(SpellingFault::NoDigits);
        }
        if start != Start::Nothing && has_home_prefix(&visible) {
            return Err(SpellingFault::HomePrefix);
        }
        Ok(Self { digits: digits.into(), start, has_separators })
    }

    /// All digits, as they were written.
    pub(crate) fn digits(&self) -> &str {
        &self.digits
    }

    /// The number as it was written, but for separators and marks: a `+` if it has one, and the digits.
    pub(crate) fn without_separators(&self) -> String {
        let plus = if self.has_plus() { "+" } else { "" };
        format!("{plus}{}", self.digits)
    }

    /// The digits from the country code on, if there is one.
    pub(crate) fn international_digits(&self) -> &str {
        if self.start == Start::DoubleZero { &self.digits["00".len()..] } else { &self.digits }
    }

    /// Whether it has a `+`. A `00` is not as certain: some countries have numbers that begin so.
    pub(crate) fn has_plus(&self) -> bool {
        self.start == Start::Plus
    }

    /// Whether the writer put a `+` or `00` in front.
    pub(crate) fn has_country_code(&self) -> bool {
        self.start != Start::Nothing
    }

    /// The number with its country code. Digits alone get the `+` that is missing; with separators,
    /// they are more likely a number as it is written at home.
    pub(crate) fn international(&self) -> Result<PhoneNumber, SpellingFault> {
        if self.has_separators && !self.has_country_code() {
            return Err(SpellingFault::NoCountryCode);
        }
        PhoneNumber::from_digits(self.international_digits())
    }
}

impl fmt::Debug for WrittenNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrittenNumber(…)")
    }
}

/// RIGHT-TO-LEFT OVERRIDE.
const REVERSING_MARK: char = '\u{202e}';

/// Whether the character has no shape, and changes nothing in what a reader sees of a number. Address
/// books and web pages put such marks around numbers when they are copied.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202d}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Spaces, hyphens and dashes, full stops and middle dots, brackets. A slash is none: it also
/// separates two numbers.
fn is_separator(c: char) -> bool {
    let is_dash =
        matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}');
    let is_space = c.is_whitespace()
        && !matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    is_dash || is_space || matches!(c, '.' | '\u{b7}' | '(' | ')')
}

/// Whether the text contains `(0)`, with or without spaces.
fn has_home_prefix(text: &str) -> bool {
    text.split('(').skip(1).any(|rest| rest.split_once(')').is_some_and(|(inside, _)| inside.trim() == "0"))
}

#[cfg(test)]
mod tests;
