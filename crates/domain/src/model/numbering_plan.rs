//! Which phone numbers exist: the ranges that are in use, with the country and the type of line of
//! each one.

mod home_countries;
mod table;

use std::fmt;
use std::sync::Arc;

use super::destination::forbidden;
use crate::{InvalidValue, PhoneNumber};

pub use self::home_countries::HomeCountries;

/// The number ranges that calls may use: those of the built-in table, and newer ones that an
/// operator allows.
///
/// The table is generated from libphonenumber's data. A country can open a range before an update
/// of the table contains it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberingPlan {
    /// Prefixes, without `+`.
    extra: Arc<[Box<str>]>,
}

/// What a number is according to the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) area: Area,
    pub(crate) line_type: LineType,
}

/// Where a number belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// To this country or territory.
    Country(Country),
    /// To no country: an international number, for example toll-free.
    International,
    /// It is not known: the number is in an extra range of the operator.
    ExtraRange,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Country(country) => country.as_str(),
            Self::International => "no country",
            Self::ExtraRange => "an extra range",
        })
    }
}

/// The type of a line, which decides who answers it and who pays for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineType {
    /// A fixed or a mobile line. Several countries use the same ranges for both.
    Standard,
    /// A line that is not bound to a place. In France and Japan, these are the lines of homes.
    Voip,
    TollFree,
    Premium,
    SharedCost,
    /// Forwards to the number that its owner chooses, often at a special tariff.
    Personal,
    /// One number for all offices of a company (UAN), often at a special tariff.
    Company,
    Pager,
    Voicemail,
}

/// A country or territory, by its ISO 3166 code. Kosovo is `XK`, Ascension `AC`, and Tristan da
/// Cunha `TA`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(&'static str);

impl Country {
    /// Reads an ISO 3166 code of two capital letters.
    pub fn parse(code: &str) -> Result<Self, InvalidValue> {
        table::country(code).map(|entry| entry.country).ok_or(INVALID_COUNTRY)
    }

    /// The code: two capital letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const INVALID_COUNTRY: InvalidValue =
    InvalidValue("the ISO 3166 code of a country with phone numbers, like US");
const MIN_PREFIX_LEN: usize = 3;
const INVALID_PREFIX: InvalidValue =
    InvalidValue("an E.164 prefix of 3 to 15 digits that may be called, like +61496");

/// The digits of a prefix in E.164, for example `+61496`. A prefix of fewer than 3 digits would allow
/// whole countries.
fn extra_range(prefix: &str) -> Result<Box<str>, InvalidValue> {
    let digits = prefix.strip_prefix('+').unwrap_or_default();
    let is_prefix = (MIN_PREFIX_LEN..=PhoneNumber::MAX_DIGITS).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0')
        // The prefix must not lie in a range that no setting allows.
        && forbidden(&format!("{digits:5<11}")).is_none();
    if is_prefix { Ok(digits.into()) } else { Err(INVALID_PREFIX) }
}

impl NumberingPlan {
    /// The built-in table, and the numbers with these prefixes although the table does not contain
    /// them: each prefix is `+` and 3 to 15 digits.
    pub fn with_extra_ranges<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidValue> {
        Ok(Self { extra: prefixes.into_iter().map(extra_range).collect::<Result<_, _>>()? })
    }

    /// Whether the number is in a range that is in use, whatever the type of line.
    #[must_use]
    pub fn contains(&self, number: &PhoneNumber) -> bool {
        self.find(number).is_some()
    }

    /// The number that a person in this country writes with these digits: without the calling code,
    /// with or without the national prefix. `None` if that is in no range.
    pub(crate) fn national(&self, digits: &str, country: Country) -> Option<PhoneNumber> {
        let entry = table::country(country.as_str())?;
        let without_prefix = digits.strip_prefix(entry.national_prefix);
        [Some(digits), without_prefix].into_iter().flatten().find_map(|national| {
            let number = PhoneNumber::parse(&format!("+{}{national}", entry.calling_code)).ok()?;
            self.contains(&number).then_some(number)
        })
    }

    /// The number that these digits mean in these countries: as it is written at home, or with the
    /// calling code of one of them and without its `+`, as spreadsheets store it.
    pub(crate) fn at_home(&self, digits: &str, home: &HomeCountries) -> Option<PhoneNumber> {
        let international = || {
            let number = PhoneNumber::parse(digits).ok()?;
            home.contain(self.find(&number)?.area).then_some(number)
        };
        home.iter().find_map(|country| self.national(digits, country)).or_else(international)
    }

    /// What the number is, or `None` if it is in no range. The table takes precedence: an extra
    /// range cannot make a premium-rate number a standard one.
    pub(crate) fn find(&self, number: &PhoneNumber) -> Option<Listing> {
        let digits = number.digits();
        if let Some(range) = table::find(digits) {
            let area = range.country.map_or(Area::International, Area::Country);
            return Some(Listing { area, line_type: range.line_type });
        }
        let is_extra = self.extra.iter().any(|range| digits.starts_with(&**range));
        is_extra.then_some(Listing { area: Area::ExtraRange, line_type: LineType::Standard })
    }
}

#[cfg(test)]
mod tests;
