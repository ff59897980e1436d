//! The numbers that a machine may call: every number in the numbering plans that can be a person's
//! phone.

use super::numbering_plan::{Country, LineType};
use super::phone_number::e164_digits;
use crate::{NumberingPlan, PhoneNumber};

/// A phone number that a call may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    number: PhoneNumber,
    country: Option<Country>,
}

/// Why a number cannot be a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationRefusal {
    /// The text is not a phone number, or the number is in no range that is in use.
    #[error("not a valid E.164 phone number")]
    Invalid,
    /// The number is never a person's phone. No setting overrides this.
    #[error("calls to {} are not allowed", .0.as_str())]
    NotAllowed(ForbiddenRange),
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
        let listing = plan.find(&number).ok_or(DestinationRefusal::Invalid)?;
        match forbidden_line(listing.line_type) {
            Some(range) => Err(DestinationRefusal::NotAllowed(range)),
            None => Ok(Self { number, country: listing.country }),
        }
    }

    /// Reads the number of a destination as a client writes it: E.164, with an optional `+`. The
    /// result must still pass [`Destination::new`].
    pub(crate) fn read(text: &str) -> Result<PhoneNumber, DestinationRefusal> {
        // Short numbers are not E.164, but their refusal must say why they are never dialled.
        refuse_forbidden(e164_digits(text).ok_or(DestinationRefusal::Invalid)?)?;
        PhoneNumber::parse(text).map_err(|_| DestinationRefusal::Invalid)
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> &PhoneNumber {
        &self.number
    }

    /// The country of the number's range. Countries can share a calling code: `+1` has 25. `None`
    /// for an extra range of the operator and for international toll-free numbers.
    #[must_use]
    pub const fn country(&self) -> Option<Country> {
        self.country
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Destination, DestinationRefusal> {
        Destination::new(Destination::read(text)?, &NumberingPlan::default())
    }

    fn refusal(text: &str) -> Option<DestinationRefusal> {
        parse(text).err()
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
        for text in ["+448431234567", "+491801234567", "+33810123456", "+39840123456", "+41840123456"] {
            assert_eq!(refusal(text), not_allowed(ForbiddenRange::PremiumRate), "{text}");
        }
    }

    #[test]
    fn premium_numbers_whose_national_part_begins_with_zero_are_never_dialled() {
        for text in ["+22709177314", "+22709123456", "+39087819436", "+39087812345"] {
            assert_eq!(refusal(text), not_allowed(ForbiddenRange::PremiumRate), "{text}");
        }
        assert_eq!(refusal("+390878194360"), Some(DestinationRefusal::Invalid), "a digit too many");
    }

    #[test]
    fn landlines_whose_national_part_begins_with_zero_are_dialled() {
        for text in ["+39089123456", "+390892345678", "+390612345678", "+2250101234567", "+24101234567"] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[test]
    fn personal_company_and_pager_numbers_are_never_dialled() {
        for text in [
            "+447031234567",
            "+4970012345678",
            "+39199123456",
            "+41878123456",
            "+48804123456",
            "+351707123456",
            "+4781012345",
            "+81570123456",
            "+27861123456",
            "+15005550123",
            "+15335550123",
            "+34700123456",
            "+443001234567",
            "+33806123456",
            "+447600123456",
        ] {
            assert_eq!(refusal(text), not_allowed(ForbiddenRange::SpecialTariff), "{text}");
        }
    }

    #[test]
    fn directory_assistance_is_never_dialled() {
        for text in ["+14165551212", "12125551212", "+18005551212", "+18765551212"] {
            assert_eq!(refusal(text), not_allowed(ForbiddenRange::ShortOrEmergency), "{text}");
        }
        assert_eq!(refusal("+14165551213"), None, "its neighbour is an ordinary number");
    }

    #[test]
    fn recently_opened_ranges_are_dialled() {
        for text in [
            "+61496350931",
            "+212731612150",
            "+254183446948",
            "+258889126549",
            "+233328123456",
            "+26778123456",
            "+2385712345",
            "+24741234",
            "+16455550123",
            "+13685550123",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[test]
    fn an_extra_range_is_dialled_but_lifts_no_other_rule() {
        let ranges = ["+9991", "+6149", "+4470", "+1416"]
            .map(|text| crate::ExtraRange::parse(text).expect("a prefix"));
        let plan = NumberingPlan::with_extra_ranges(&ranges);
        let check = |text| Destination::new(PhoneNumber::parse(text).expect("E.164"), &plan);
        let new = check("+999123456789").expect("an extra range");
        assert_eq!((new.number().as_e164(), new.country()), ("+999123456789", None));
        assert_eq!(check("+61491234567").expect("known").country().map(Country::as_str), Some("AU"));
        assert_eq!(check("+447031234567").err(), not_allowed(ForbiddenRange::SpecialTariff));
        assert_eq!(check("+14165551212").err(), not_allowed(ForbiddenRange::ShortOrEmergency));
        assert_eq!(check("+999223456789").err(), Some(DestinationRefusal::Invalid));
    }

    #[test]
    fn people_are_dialled() {
        for text in [
            "+14165550110",
            "14165550110",
            "+442079460018",
            "+4915123456789",
            "+61412345678",
            "+33970123456",
            "+815012345678",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[test]
    fn nonsense_is_invalid_and_not_forbidden() {
        for text in [
            "",
            "+",
            "call me",
            "+1416555010",
            "+141655501000",
            "+4402079460018",
            "+99912345678",
            "+0014165550100",
            "(911)",
        ] {
            assert_eq!(refusal(text), Some(DestinationRefusal::Invalid), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,24}|\\+?[0-9]{0,17}") {
            let _ = parse(&text);
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
