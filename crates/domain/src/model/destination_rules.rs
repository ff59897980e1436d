//! Which numbers an operator lets calls go to, and how a number without `+` is read.

use std::fmt;
use std::sync::Arc;

use super::destination::refuse_short;
use super::numbering_plan::{Area, Country};
use super::phone_number::e164_digits;
use crate::{Destination, DestinationRefusal, InvalidValue, NumberingPlan, PhoneNumber};

/// The rules of this gateway for destinations. The default allows the countries of the
/// organization's own numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DestinationRules {
    /// The numbers that exist.
    pub plan: NumberingPlan,
    /// Where calls may go to.
    pub allowed: AllowedCountries,
    /// The country whose national numbers are read.
    pub default_country: Option<Country>,
}

/// The countries that calls may go to. A number in an extra range of the plan is always allowed: the
/// operator has named its prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AllowedCountries {
    /// Those in which the organization has a caller number.
    #[default]
    OwnNumbers,
    /// These.
    Listed(Arc<[Country]>),
    /// All, and the numbers that belong to no country.
    All,
}

impl AllowedCountries {
    /// Reads a setting: ISO 3166 codes separated by commas, `*` for all countries, or nothing for
    /// those of the organization's own numbers.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "" => Ok(Self::OwnNumbers),
            "*" => Ok(Self::All),
            _ => text
                .split(',')
                .map(|code| Country::parse(code.trim()))
                .collect::<Result<_, _>>()
                .map(Self::Listed),
        }
    }
}

/// Why a number cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoredNumberError {
    /// It does not have the form of a number.
    #[error("not a valid E.164 phone number")]
    Invalid,
    /// No range that is in use contains it.
    #[error("in no known number range (OUTDIAL_EXTRA_RANGES can allow a newer one)")]
    NoRange,
    /// It has no `+`, and is no number of the default country.
    #[error("no +: write +, the country code and the number, or set OUTDIAL_DEFAULT_COUNTRY to its country")]
    NoPlus,
    /// It has no `+`, and is a number of the default country and of another one.
    #[error("no +, and also a number of another country with it: write +, the country code and the number")]
    TwoReadings,
}

/// The digits of a destination as a client wrote them. `Debug` hides them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WrittenNumber {
    digits: Box<str>,
    has_plus: bool,
}

impl WrittenNumber {
    /// Reads ASCII digits with an optional `+`. A short number is refused.
    pub(crate) fn parse(text: &str) -> Result<Self, DestinationRefusal> {
        let digits = e164_digits(text).ok_or(DestinationRefusal::Invalid)?;
        refuse_short(digits)?;
        Ok(Self { digits: digits.into(), has_plus: text.starts_with('+') })
    }
}

impl fmt::Debug for WrittenNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrittenNumber(…)")
    }
}

/// What a written number means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) destination: Destination,
    doubt: Doubt,
}

/// What else the number can mean.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Doubt {
    None,
    /// It has no `+`, and may be the number of another country as it is written there.
    NoPlus,
    /// It was read as a national number. With a `+`, it is this one.
    International(Destination),
}

impl DestinationRules {
    /// Reads a number. Whether its country is allowed is not checked.
    ///
    /// Without `+`, the number is a national one of the default country if there is such a number.
    pub(crate) fn read(&self, written: &WrittenNumber) -> Result<Reading, DestinationRefusal> {
        let international = PhoneNumber::parse(&written.digits)
            .map_err(|_| DestinationRefusal::Invalid)
            .and_then(|number| Destination::new(number, &self.plan));
        if written.has_plus {
            return Ok(Reading { destination: international?, doubt: Doubt::None });
        }
        // The operator has named a prefix with its `+`, which says nothing of a number without it.
        let international = international.and_then(|number| match number.area() {
            Area::ExtraRange => Err(DestinationRefusal::Invalid),
            Area::Country(_) | Area::International => Ok(number),
        });
        let national = self.default_country.and_then(|country| self.plan.national(&written.digits, country));
        let national = national.map(|number| Destination::new(number, &self.plan));
        match (national, international) {
            (Some(Ok(destination)), Ok(international)) if destination != international => {
                Ok(Reading { destination, doubt: Doubt::International(international) })
            }
            (Some(Ok(destination)), Ok(_) | Err(_)) => Ok(Reading { destination, doubt: Doubt::None }),
            // A number that exists at home is not called abroad, whatever forbids it at home.
            (Some(Err(refusal)), Ok(_) | Err(_)) | (None, Err(refusal)) => Err(refusal),
            (None, Ok(destination)) => Ok(Reading { destination, doubt: Doubt::NoPlus }),
        }
    }

    /// Refuses a number whose country is not allowed, and one without `+` that may be meant for
    /// another person. `own` are the organization's numbers, if [`AllowedCountries::OwnNumbers`]
    /// applies.
    pub(crate) fn check(&self, reading: &Reading, own: &[PhoneNumber]) -> Result<(), DestinationRefusal> {
        let area = reading.destination.area();
        let is_allowed = self.allows(area, own);
        match &reading.doubt {
            Doubt::International(other) if self.allows(other.area(), own) => {
                Err(DestinationRefusal::TwoReadings { international: other.area(), national: area })
            }
            Doubt::NoPlus if !is_allowed => Err(DestinationRefusal::NoPlus { international: area }),
            Doubt::None | Doubt::NoPlus | Doubt::International(_) if is_allowed => Ok(()),
            Doubt::None | Doubt::NoPlus | Doubt::International(_) => {
                Err(DestinationRefusal::CountryNotAllowed(area))
            }
        }
    }

    /// Reads a number to store. It may be one that is never called. Without `+`, it must be a number
    /// of the default country and of no other country that may be allowed.
    pub fn read_stored(&self, text: &str) -> Result<PhoneNumber, StoredNumberError> {
        let digits = e164_digits(text).ok_or(StoredNumberError::Invalid)?;
        let international = PhoneNumber::parse(digits).map_err(|_| StoredNumberError::Invalid);
        let area = |number: &PhoneNumber| self.plan.find(number).map(|listing| listing.area);
        if text.starts_with('+') {
            let number = international?;
            return if area(&number).is_some() { Ok(number) } else { Err(StoredNumberError::NoRange) };
        }
        let country = self.default_country.ok_or(StoredNumberError::NoPlus)?;
        let national = self.plan.national(digits, country).ok_or(StoredNumberError::NoPlus)?;
        let other = international.ok().filter(|international| *international != national);
        match other.as_ref().and_then(area) {
            Some(other) if other != Area::ExtraRange && self.may_allow(other) => {
                Err(StoredNumberError::TwoReadings)
            }
            Some(_) | None => Ok(national),
        }
    }

    /// Whether the area is allowed, or may be for some organization.
    fn may_allow(&self, area: Area) -> bool {
        self.allowed == AllowedCountries::OwnNumbers || self.allows(area, &[])
    }

    fn allows(&self, area: Area, own: &[PhoneNumber]) -> bool {
        match (&self.allowed, area) {
            (AllowedCountries::All, _) | (_, Area::ExtraRange) => true,
            (_, Area::International) => false,
            (AllowedCountries::Listed(countries), Area::Country(country)) => countries.contains(&country),
            (AllowedCountries::OwnNumbers, Area::Country(_)) => {
                own.iter().filter_map(|number| self.plan.find(number)).any(|listing| listing.area == area)
            }
        }
    }
}

impl Reading {
    /// A number that was not written by a client: there is no doubt.
    pub(crate) const fn stored(destination: Destination) -> Self {
        Self { destination, doubt: Doubt::None }
    }

    /// Whether the client may have meant this number.
    pub(crate) fn may_be(&self, number: &PhoneNumber) -> bool {
        let other = match &self.doubt {
            Doubt::International(other) => Some(other.number()),
            Doubt::None | Doubt::NoPlus => None,
        };
        self.destination.number() == number || other == Some(number)
    }
}

#[cfg(test)]
mod tests;
