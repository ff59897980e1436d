//! Which numbers an operator lets calls go to, and how a number without `+` is read.

use std::sync::Arc;

use super::destination::refuse_short;
use super::numbering_plan::{Area, Country};
use crate::{
    Destination, DestinationRefusal, HomeCountries, InvalidValue, NumberingPlan, PhoneNumber, SpellingFault,
    WrittenNumber,
};

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
    #[error("not a valid E.164 phone number: {0}")]
    Invalid(#[from] SpellingFault),
    /// No range that is in use contains it.
    #[error(
        "in no known number range: check the country code and the digits (OUTDIAL_EXTRA_RANGES can allow a newer \
         range)"
    )]
    NoRange,
    /// It has no `+`, and is no number of the default country.
    #[error(
        "no +: write +, the country code and the number, or name its country (OUTDIAL_DEFAULT_COUNTRY, or \
         --default-country for a CSV file)"
    )]
    NoPlus,
    /// It has no `+`, and is a number of the default country and of another one.
    #[error("no +, and also a number of another country with it: write +, the country code and the number")]
    TwoReadings,
    /// It has no `+`, and is no number of the countries that were named for it.
    #[error(
        "no + and no number of its country: check the digits and the country, or write +, the country code and \
         the number"
    )]
    NotAtHome,
}

impl WrittenNumber {
    /// Reads a destination. A short number is refused, with `00` or without. Separators need a `+` or
    /// `00`: a number with them and without a country code is written as at home.
    pub(crate) fn parse(text: &str) -> Result<Self, DestinationRefusal> {
        let written = Self::read(text).map_err(DestinationRefusal::Invalid)?;
        refuse_short(written.digits())?;
        refuse_short(written.international_digits())?;
        match written.international() {
            Err(fault @ SpellingFault::NoCountryCode) => Err(DestinationRefusal::Invalid(fault)),
            Ok(_) | Err(_) => Ok(written),
        }
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
    /// Some countries have numbers that begin with `00`.
    pub(crate) fn read(&self, written: &WrittenNumber) -> Result<Reading, DestinationRefusal> {
        let international = written
            .international()
            .map_err(DestinationRefusal::Invalid)
            .and_then(|number| Destination::new(number, &self.plan));
        if written.has_plus() {
            return Ok(Reading { destination: international?, doubt: Doubt::None });
        }
        // The operator has named a prefix with its `+`, which says nothing of a number without it.
        let international = international.and_then(|number| match number.area() {
            Area::ExtraRange if !written.has_country_code() => Err(DestinationRefusal::NoRange),
            Area::Country(_) | Area::International | Area::ExtraRange => Ok(number),
        });
        let national = self.default_country.and_then(|country| self.plan.national(written.digits(), country));
        let national = national.map(|number| Destination::new(number, &self.plan));
        let doubt = if written.has_country_code() { Doubt::None } else { Doubt::NoPlus };
        match (national, international) {
            (Some(Ok(destination)), Ok(international)) if destination != international => {
                Ok(Reading { destination, doubt: Doubt::International(international) })
            }
            (Some(Ok(destination)), Ok(_) | Err(_)) => Ok(Reading { destination, doubt: Doubt::None }),
            // A number that exists at home is not called abroad, whatever forbids it at home.
            (Some(Err(refusal)), Ok(_) | Err(_)) | (None, Err(refusal)) => Err(refusal),
            (None, Ok(destination)) => Ok(Reading { destination, doubt }),
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

    /// Reads a number to store. It may be one that is never called. Without `+` or `00`, it must be a
    /// number of the default country and of no other country that may be allowed.
    pub fn read_stored(&self, text: &str) -> Result<PhoneNumber, StoredNumberError> {
        let written = WrittenNumber::read(text)?;
        if written.has_plus() {
            return self.known(&written);
        }
        let home = self.default_country.map(HomeCountries::from);
        let national = home.and_then(|home| self.plan.at_home(written.digits(), &home));
        if written.has_country_code() {
            return match (national, self.known(&written)) {
                (Some(national), Ok(known)) if national != known => Err(StoredNumberError::TwoReadings),
                (Some(national), Ok(_) | Err(_)) => Ok(national),
                (None, known) => known,
            };
        }
        let national = national.ok_or(StoredNumberError::NoPlus)?;
        match self.other_reading(&written, &national) {
            Some(other) if self.may_allow(other) => Err(StoredNumberError::TwoReadings),
            Some(_) | None => Ok(national),
        }
    }

    /// Reads a number to store for which its file names the countries in which it is at home. Without
    /// `+` or `00` it is a number of these, and has no other reading.
    pub fn read_stored_of(&self, text: &str, home: &HomeCountries) -> Result<PhoneNumber, StoredNumberError> {
        let written = WrittenNumber::read(text)?;
        if written.has_country_code() {
            return self.known(&written);
        }
        self.plan.at_home(written.digits(), home).ok_or(StoredNumberError::NotAtHome)
    }

    /// The number with its country code, if it exists.
    fn known(&self, written: &WrittenNumber) -> Result<PhoneNumber, StoredNumberError> {
        let number = written.international()?;
        if self.plan.contains(&number) { Ok(number) } else { Err(StoredNumberError::NoRange) }
    }

    /// Where the number belongs if the digits are read with a `+`, and are then another number.
    fn other_reading(&self, written: &WrittenNumber, national: &PhoneNumber) -> Option<Area> {
        let other = PhoneNumber::parse(written.digits()).ok().filter(|other| other != national)?;
        self.plan.find(&other).map(|listing| listing.area).filter(|area| *area != Area::ExtraRange)
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
