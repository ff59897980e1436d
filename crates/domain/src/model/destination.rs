//! The numbers that a machine may call: every number in the numbering plans that can be a person's
//! phone.

use super::phone_number::e164_digits;
use crate::PhoneNumber;

/// A phone number that a call may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination(PhoneNumber);

/// Why a number cannot be a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationRefusal {
    /// The text is not a phone number.
    #[error("not a valid E.164 phone number")]
    Invalid,
    /// The number is never a person's phone. No setting overrides this.
    #[error("calls to {} are not allowed", .0.as_str())]
    NotAllowed(ForbiddenRange),
}

/// The ranges that are never dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForbiddenRange {
    /// Emergency and service numbers and short codes: 911, 112, 999, 000, N11, 3 to 6 digits, also
    /// behind `+1`.
    ShortOrEmergency,
    /// Premium-rate and shared-cost numbers.
    PremiumRate,
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
            Self::GlobalNetwork => "satellite and global-network numbers",
            Self::OwnNumber => "the organization's own numbers",
        }
    }
}

impl Destination {
    /// Reads a destination as a client writes it: E.164, with an optional `+`.
    pub fn parse(text: &str) -> Result<Self, DestinationRefusal> {
        // Short numbers are not E.164, but their refusal must say why they are never dialled.
        let digits = e164_digits(text).ok_or(DestinationRefusal::Invalid)?;
        refuse_forbidden(digits)?;
        let number = PhoneNumber::parse(text).map_err(|_| DestinationRefusal::Invalid)?;
        Self::of(number)
    }

    /// Checks a number that is known to be valid, for example a stored contact's.
    pub fn of(number: PhoneNumber) -> Result<Self, DestinationRefusal> {
        refuse_forbidden(number.digits())?;
        use phonenumber::Type::{PremiumRate, SharedCost};
        if matches!(number.line_type(), PremiumRate | SharedCost) {
            return Err(DestinationRefusal::NotAllowed(ForbiddenRange::PremiumRate));
        }
        Ok(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> &PhoneNumber {
        &self.0
    }
}

/// No country has subscriber numbers this short: with the country code, the shortest have 7 digits.
const LONGEST_SHORT_CODE: usize = 6;
const GLOBAL_NETWORKS: [&str; 7] = ["870", "878", "881", "882", "883", "888", "979"];

fn refuse_forbidden(digits: &str) -> Result<(), DestinationRefusal> {
    let behind_plus_one = digits.strip_prefix('1');
    let short = digits.len() <= LONGEST_SHORT_CODE
        || behind_plus_one.is_some_and(|rest| rest.len() <= LONGEST_SHORT_CODE);
    let forbidden = if short {
        Some(ForbiddenRange::ShortOrEmergency)
    } else if GLOBAL_NETWORKS.iter().any(|code| digits.starts_with(code)) {
        Some(ForbiddenRange::GlobalNetwork)
    } else {
        behind_plus_one.and_then(forbidden_in_north_america)
    };
    forbidden.map_or(Ok(()), |range| Err(DestinationRefusal::NotAllowed(range)))
}

/// In North America, area codes and exchanges of the form N11 are services, and 900 and 976 are
/// premium-rate.
fn forbidden_in_north_america(national: &str) -> Option<ForbiddenRange> {
    let area = national.get(..3)?;
    let exchange = national.get(3..6)?;
    let service = |code: &str| code.ends_with("11") && !code.starts_with(['0', '1']);
    if service(area) || service(exchange) {
        return Some(ForbiddenRange::ShortOrEmergency);
    }
    (matches!(area, "900" | "976") || exchange == "976").then_some(ForbiddenRange::PremiumRate)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> Option<DestinationRefusal> {
        Destination::parse(text).err()
    }

    const fn not_allowed(range: ForbiddenRange) -> Option<DestinationRefusal> {
        Some(DestinationRefusal::NotAllowed(range))
    }

    #[test]
    fn emergency_service_and_short_numbers_are_never_dialled() {
        for text in [
            "911",
            "112",
            "999",
            "000",
            "988",
            "211",
            "311",
            "411",
            "511",
            "611",
            "711",
            "811",
            "+911",
            "+112",
            "1911",
            "+1911",
            "+1112",
            "+1999",
            "+1000",
            "+1411",
            "12345",
            "123456",
            "+1123456",
            "+19115550100",
            "+14119115555",
            "+14169110100",
            "+14163110100",
        ] {
            assert_eq!(refusal(text), not_allowed(ForbiddenRange::ShortOrEmergency), "{text}");
        }
    }

    #[test]
    fn premium_and_shared_cost_numbers_are_never_dialled() {
        for text in
            ["+19005550100", "19005550100", "+19765550100", "+12129761234", "+449098790000", "+33899123456"]
        {
            assert_eq!(refusal(text), not_allowed(ForbiddenRange::PremiumRate), "{text}");
        }
        assert_eq!(refusal("+498001234567"), None, "freephone is neither");
    }

    #[test]
    fn satellite_and_global_networks_are_never_dialled() {
        for code in GLOBAL_NETWORKS {
            let text = format!("+{code}123456789");
            assert_eq!(refusal(&text), not_allowed(ForbiddenRange::GlobalNetwork), "{text}");
        }
    }

    #[test]
    fn shared_cost_is_known_from_metadata() {
        let shared = PhoneNumber::parse("+448431234567").expect("a valid British 0843 number");
        assert_eq!(Destination::of(shared), Err(DestinationRefusal::NotAllowed(ForbiddenRange::PremiumRate)));
    }

    #[test]
    fn people_are_dialled() {
        for text in ["+14165550110", "14165550110", "+442079460018", "+4915123456789", "+61412345678"] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[test]
    fn nonsense_is_invalid_and_not_forbidden() {
        for text in ["", "+", "call me", "+1416555010", "+99912345678", "(911)"] {
            assert_eq!(refusal(text), Some(DestinationRefusal::Invalid), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,24}|\\+?[0-9]{0,17}") {
            let _ = Destination::parse(&text);
        }

        #[test]
        fn the_forbidden_prefixes_hold_for_every_number_behind_them(
            prefix in prop::sample::select(vec!["1900", "1976", "1911", "870", "878", "881", "882", "883", "888", "979"]),
            rest in "[0-9]{7,11}",
        ) {
            let text = format!("+{prefix}{rest}");
            prop_assert!(matches!(refusal(&text), Some(DestinationRefusal::NotAllowed(_))) || text.len() > 16);
        }
    }
}
