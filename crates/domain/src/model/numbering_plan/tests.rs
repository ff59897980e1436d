use super::*;

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("E.164")
}

fn line_type(text: &str) -> Option<LineType> {
    NumberingPlan::default().find(&number(text)).map(|listing| listing.line_type)
}

fn country(text: &str) -> Option<&'static str> {
    match NumberingPlan::default().find(&number(text))?.area {
        Area::Country(country) => Some(country.as_str()),
        Area::International | Area::ExtraRange => None,
    }
}

#[test]
fn numbers_of_many_countries_are_contained() {
    for text in
        ["+442079460018", "+33142685300", "+493012345678", "+61291920000", "+81312345678", "+34910000001"]
    {
        assert_eq!(line_type(text), Some(LineType::Standard), "{text}");
    }
}

#[test]
fn numbers_that_nobody_has_are_not_contained() {
    for text in ["+1416555010", "+141655501000", "+4402079460018", "+99912345678", "+12420000000"] {
        assert_eq!(line_type(text), None, "{text}");
    }
}

#[test]
fn each_type_of_line_is_known() {
    for (text, expected) in [
        ("+14165550110", LineType::Standard),
        ("+447400123456", LineType::Standard),
        ("+815012345678", LineType::Voip),
        ("+33970123456", LineType::Voip),
        ("+18005550123", LineType::TollFree),
        ("+449098790000", LineType::Premium),
        ("+491801234567", LineType::SharedCost),
        ("+447031234567", LineType::Personal),
        ("+81570123456", LineType::Company),
        ("+447600123456", LineType::Pager),
    ] {
        assert_eq!(line_type(text), Some(expected), "{text}");
    }
}

#[test]
fn countries_that_share_a_calling_code_are_told_apart() {
    for (text, expected) in [
        ("+12125550123", "US"),
        ("+14165550123", "CA"),
        ("+18765230123", "JM"),
        ("+18095550123", "DO"),
        ("+18295550123", "DO"),
        ("+18495550123", "DO"),
        ("+14734031234", "GD"),
        ("+16492311234", "TC"),
        ("+16644911234", "MS"),
        ("+17672251234", "DM"),
        ("+17844301234", "VC"),
        ("+18682911234", "TT"),
        ("+18697652917", "KN"),
        ("+12423591234", "BS"),
        ("+12462501234", "BB"),
        ("+12684601234", "AG"),
        ("+13453231234", "KY"),
        ("+14413701234", "BM"),
        ("+17582845678", "LC"),
        ("+12642351234", "AI"),
        ("+12843001234", "VG"),
        ("+13406421234", "VI"),
        ("+16702345678", "MP"),
        ("+16713001234", "GU"),
        ("+16847331234", "AS"),
        ("+17215205678", "SX"),
        ("+17872345678", "PR"),
        ("+79123456789", "RU"),
        ("+77710009998", "KZ"),
        ("+3906698123", "VA"),
        ("+390612345678", "IT"),
        ("+441624756789", "IM"),
    ] {
        assert_eq!(country(text), Some(expected), "{text}");
    }
    assert_eq!(country("+80012345678"), None, "an international toll-free number");
}

#[test]
fn an_extra_range_adds_numbers_and_changes_no_others() {
    let unknown = number("+999123456789");
    let premium = number("+449098790000");
    let plan = NumberingPlan::with_extra_ranges(["+9991", "+4490"]).expect("prefixes");
    assert!(!NumberingPlan::default().contains(&unknown));
    assert!(plan.contains(&unknown));
    assert!(!plan.contains(&number("+999223456789")));
    assert_eq!(plan.find(&premium).map(|listing| listing.line_type), Some(LineType::Premium));
}

#[test]
fn an_extra_range_is_a_prefix_of_e164_that_is_no_whole_country() {
    for text in ["+614", "+61496", "+123456789012345"] {
        assert!(extra_range(text).is_ok(), "{text}");
    }
    for text in
        ["", "+", "+1", "+44", "61496", "+0614", "+61 496", "+61496x", "+1234567890123456", "+870", "+1900"]
    {
        assert!(extra_range(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_number_is_read_as_it_is_written_at_home() {
    for (country, digits, expected) in [
        ("US", "6465550123", Some("+16465550123")),
        ("US", "16465550123", Some("+16465550123")),
        ("CA", "2125550123", Some("+12125550123")),
        ("GB", "02079460018", Some("+442079460018")),
        ("GB", "2079460018", Some("+442079460018")),
        ("DE", "03012345678", Some("+493012345678")),
        ("IT", "0612345678", Some("+390612345678")),
        ("ES", "910000001", Some("+34910000001")),
        ("RU", "89123456789", Some("+79123456789")),
        ("HU", "0615550123", Some("+3615550123")),
        ("US", "646555012", None),
        ("GB", "0", None),
        ("GB", "", None),
    ] {
        let country = Country::parse(country).expect("an ISO code");
        let read = NumberingPlan::default().national(digits, country);
        assert_eq!(read.as_ref().map(PhoneNumber::as_e164), expected, "{country:?} {digits}");
    }
}

#[test]
fn a_country_is_an_iso_code_with_phone_numbers() {
    for code in ["US", "XK", "TA"] {
        assert_eq!(Country::parse(code).map(Country::as_str), Ok(code));
    }
    for code in ["", "us", "UK", "USA", "*", "001"] {
        assert!(Country::parse(code).is_err(), "{code:?}");
    }
}
