use proptest::prelude::*;

use super::*;
use crate::DestinationRules;
use crate::WrittenNumber;

fn parse(text: &str) -> Result<Destination, DestinationRefusal> {
    let rules = DestinationRules::default();
    rules.read(&WrittenNumber::parse(text)?).map(|reading| reading.destination)
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
    assert_eq!(refusal("+390878194360"), Some(DestinationRefusal::NoRange), "a digit too many");
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
    let plan = NumberingPlan::with_extra_ranges(["+9991", "+6149", "+4470", "+1416"]).expect("prefixes");
    let check = |text| Destination::new(PhoneNumber::parse(text).expect("E.164"), &plan);
    let new = check("+999123456789").expect("an extra range");
    assert_eq!((new.number().as_e164(), new.area()), ("+999123456789", Area::ExtraRange));
    assert_eq!(check("+61491234567").expect("known").area().to_string(), "AU");
    assert_eq!(check("+447031234567").err(), not_allowed(ForbiddenRange::SpecialTariff));
    assert_eq!(check("+14165551212").err(), not_allowed(ForbiddenRange::ShortOrEmergency));
    assert_eq!(check("+999223456789").err(), Some(DestinationRefusal::NoRange));
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
    ] {
        let refusal = refusal(text).expect("refused");
        let is_invalid = matches!(refusal, DestinationRefusal::Invalid(_) | DestinationRefusal::NoRange);
        assert!(is_invalid, "{text:?}: {refusal}");
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
