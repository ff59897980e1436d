//! The numbers that a machine may call: every number in the numbering plans that can be a person's
//! phone.

use super::numbering_plan::{Area, LineType};
use crate::{NumberingPlan, PhoneNumber, SpellingFault};

/// A phone number that a call may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    number: PhoneNumber,
    area: Area,
}

/// Why a number cannot be a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationRefusal {
    /// The text is not a phone number.
    #[error("{0}")]
    Invalid(SpellingFault),
    /// The number is in no range that is in use.
    #[error(
        "it is in no known number range; check the country code and the digits (OUTDIAL_EXTRA_RANGES can allow a \
         newer range)"
    )]
    NoRange,
    /// The number is never a person's phone. No setting overrides this.
    #[error("calls to {} are not allowed", .0.as_str())]
    NotAllowed(ForbiddenRange),
    /// The operator allows no calls to this country.
    #[error("calls to numbers of {0} are not allowed")]
    CountryNotAllowed(Area),
    /// The number has no `+`. With it, it is a number that may not be called.
    #[error(
        "no +: with it, this is a number of {international}, where calls are not allowed; without it, it may be a \
         number as it is written at home. Write +, the country code and the number"
    )]
    NoPlus {
        /// Where the number with the `+` belongs.
        international: Area,
    },
    /// The number has no `+` and means two numbers that may be called.
    #[error(
        "no +, and two readings: with it, this is a number of {international}; as it is written at home, a number \
         of {national}. Write +, the country code and the number"
    )]
    TwoReadings {
        /// Where the number with the `+` belongs.
        international: Area,
        /// Where the national number belongs.
        national: Area,
    },
}

/// The ranges that are never dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForbiddenRange {
    /// Emergency and service numbers and short codes: 911, 112, 999, 000, N11, directory assistance
    /// (555-1212), 3 to 6 digits, also behind `+1`.
    ShortOrEmergency,
    /// Premium-rate and shared-cost numbers.
    PremiumRate,
    /// Personal numbers, company-wide numbers (UAN), pagers and voicemail access numbers.
    SpecialTariff,
    /// Satellite and global networks: `+870 +878 +881 +882 +883 +888 +979`.
    GlobalNetwork,
    /// A number of the calling organization itself.
    OwnNumber,
}

impl ForbiddenRange {
    /// The range in words, for an error message.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShortOrEmergency => "emergency, service and short numbers",
            Self::PremiumRate => "premium-rate and shared-cost numbers",
            Self::SpecialTariff => "personal, company-wide, pager and voicemail numbers",
            Self::GlobalNetwork => "satellite and global-network numbers",
            Self::OwnNumber => "the organization's own numbers",
        }
    }
}

impl Destination {
    /// Checks a number by the rules for all destinations and by the numbering plan.
    pub fn new(number: PhoneNumber, plan: &NumberingPlan) -> Result<Self, DestinationRefusal> {
        refuse_forbidden(number.digits())?;
        let listing = plan.find(&number).ok_or(DestinationRefusal::NoRange)?;
        match forbidden_line(listing.line_type) {
            Some(range) => Err(DestinationRefusal::NotAllowed(range)),
            None => Ok(Self { number, area: listing.area }),
        }
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> &PhoneNumber {
        &self.number
    }

    /// Where the number belongs. Countries can share a calling code: `+1` has 25.
    #[must_use]
    pub const fn area(&self) -> Area {
        self.area
    }
}

/// Decides type by type whether a line can be a person's phone at an ordinary tariff.
const fn forbidden_line(line_type: LineType) -> Option<ForbiddenRange> {
    match line_type {
        LineType::Standard | LineType::Voip | LineType::TollFree => None,
        LineType::Premium | LineType::SharedCost => Some(ForbiddenRange::PremiumRate),
        LineType::Personal | LineType::Company | LineType::Pager | LineType::Voicemail => {
            Some(ForbiddenRange::SpecialTariff)
        }
    }
}

/// Text of at most this many digits is a short code. Austria has numbers of 6 digits with the
/// country code, which are refused too.
const LONGEST_SHORT_CODE: usize = 6;
const GLOBAL_NETWORKS: [&str; 7] = ["870", "878", "881", "882", "883", "888", "979"];

/// Short numbers are not E.164, but their refusal must say why they are never dialled.
pub(super) fn refuse_short(digits: &str) -> Result<(), DestinationRefusal> {
    if digits.len() <= LONGEST_SHORT_CODE { refuse_forbidden(digits) } else { Ok(()) }
}

fn refuse_forbidden(digits: &str) -> Result<(), DestinationRefusal> {
    forbidden(digits).map_or(Ok(()), |range| Err(DestinationRefusal::NotAllowed(range)))
}

/// The rules that the numbering plan does not contain.
pub(super) fn forbidden(digits: &str) -> Option<ForbiddenRange> {
    let behind_plus_one = digits.strip_prefix('1');
    let short = digits.len() <= LONGEST_SHORT_CODE
        || behind_plus_one.is_some_and(|rest| rest.len() <= LONGEST_SHORT_CODE);
    if short {
        Some(ForbiddenRange::ShortOrEmergency)
    } else if GLOBAL_NETWORKS.iter().any(|code| digits.starts_with(code)) {
        Some(ForbiddenRange::GlobalNetwork)
    } else {
        behind_plus_one.and_then(forbidden_in_north_america)
    }
}

/// In North America, area codes and exchanges of the form N11 are services, 555-1212 is directory
/// assistance in every area code, and 900 and 976 are premium-rate.
fn forbidden_in_north_america(national: &str) -> Option<ForbiddenRange> {
    let area = national.get(..3)?;
    let exchange = national.get(3..6)?;
    let service = |code: &str| code.ends_with("11") && !code.starts_with(['0', '1']);
    if service(area) || service(exchange) || national.get(3..) == Some("5551212") {
        return Some(ForbiddenRange::ShortOrEmergency);
    }
    (matches!(area, "900" | "976") || exchange == "976").then_some(ForbiddenRange::PremiumRate)
}

#[cfg(test)]
mod tests;
