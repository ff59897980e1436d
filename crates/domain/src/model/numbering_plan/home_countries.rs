use super::{Area, Country, table};
use crate::InvalidValue;

const INVALID: InvalidValue =
    InvalidValue("a calling code like 91 or the ISO 3166 code of a country with phone numbers like IN");

/// The countries in which a number without `+` is at home, because a person said so: one country, or
/// all that share a calling code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeCountries(Box<[Country]>);

impl HomeCountries {
    /// Reads a calling code (`91`, `+91`, `0091`) or an ISO 3166 code (`IN`, `in`).
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        let code = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(text);
        let countries: Box<[_]> = if code.starts_with(|c: char| c.is_ascii_digit()) {
            table::countries_of(code).collect()
        } else {
            Country::parse(&text.to_ascii_uppercase()).into_iter().collect()
        };
        if countries.is_empty() { Err(INVALID) } else { Ok(Self(countries)) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Country> {
        self.0.iter().copied()
    }

    pub(super) fn contain(&self, area: Area) -> bool {
        self.iter().any(|country| area == Area::Country(country))
    }
}

impl From<Country> for HomeCountries {
    fn from(country: Country) -> Self {
        Self([country].into())
    }
}
