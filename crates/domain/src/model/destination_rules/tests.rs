use super::*;

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("E.164")
}

fn country(code: &str) -> Country {
    Country::parse(code).expect("an ISO code")
}

fn rules(allowed: &str, default_country: Option<&str>) -> DestinationRules {
    DestinationRules {
        plan: NumberingPlan::with_extra_ranges(["+9991"]).expect("a prefix"),
        allowed: AllowedCountries::parse(allowed).expect("a list of countries"),
        default_country: default_country.map(country),
    }
}

/// The number that is dialled for this text, or why none is.
fn dialled(rules: &DestinationRules, text: &str, own: &[&str]) -> Result<String, DestinationRefusal> {
    let own: Vec<_> = own.iter().copied().map(number).collect();
    let reading = rules.read(&WrittenNumber::parse(text)?)?;
    rules.check(&reading, &own)?;
    Ok(reading.destination.number().as_e164().to_owned())
}

fn not_allowed(code: &str) -> Result<String, DestinationRefusal> {
    Err(DestinationRefusal::CountryNotAllowed(Area::Country(country(code))))
}

fn no_plus(code: &str) -> Result<String, DestinationRefusal> {
    Err(DestinationRefusal::NoPlus { international: Area::Country(country(code)) })
}

fn two_readings(international: &str, national: &str) -> Result<String, DestinationRefusal> {
    let [international, national] = [international, national].map(|code| Area::Country(country(code)));
    Err(DestinationRefusal::TwoReadings { international, national })
}

fn invalid(fault: SpellingFault) -> Result<String, DestinationRefusal> {
    Err(DestinationRefusal::Invalid(fault))
}

fn to(text: &str) -> Result<String, DestinationRefusal> {
    Ok(text.to_owned())
}

#[test]
fn by_default_calls_go_to_the_countries_of_the_organizations_numbers() {
    let rules = rules("", None);
    let own = ["+14165550100", "+442079460018"];
    for allowed in ["+14165550123", "+16045550123", "+442079460019", "+447400123456"] {
        assert_eq!(dialled(&rules, allowed, &own), to(allowed));
    }
    for (foreign, code) in [
        ("+18765550123", "JM"),
        ("+12125550123", "US"),
        ("+441624756789", "IM"),
        ("+4930123456", "DE"),
        ("+6465550123", "NZ"),
    ] {
        assert_eq!(dialled(&rules, foreign, &own), not_allowed(code), "{foreign}");
    }
    assert_eq!(dialled(&rules, "+14165550123", &[]), not_allowed("CA"));
}

#[test]
fn a_list_allows_its_countries_and_no_others() {
    let rules = rules("US, JM", None);
    assert_eq!(dialled(&rules, "+18765550123", &["+14165550100"]), to("+18765550123"));
    assert_eq!(dialled(&rules, "+14165550123", &["+14165550100"]), not_allowed("CA"));
}

#[test]
fn numbers_of_no_country_need_all_countries() {
    let international = "+80012345678";
    let refused = Err(DestinationRefusal::CountryNotAllowed(Area::International));
    for limited in ["", "US,GB"] {
        assert_eq!(dialled(&rules(limited, None), international, &["+14165550100"]), refused);
    }
    assert_eq!(dialled(&rules("*", None), international, &[]), to(international));
    assert_eq!(dialled(&rules("*", None), "+18765550123", &[]), to("+18765550123"));
}

#[test]
fn a_number_in_an_extra_range_is_allowed() {
    assert_eq!(dialled(&rules("US", None), "+999123456789", &[]), to("+999123456789"));
}

/// Numbers of the United States as they are written at home. Each is also a number of the country
/// beside it.
const TEN_DIGITS: [(&str, &str); 5] = [
    ("6465550123", "NZ"),
    ("3235550123", "BE"),
    ("4795550123", "NO"),
    ("6595550123", "SG"),
    ("3615550123", "HU"),
];

#[test]
fn without_a_plus_a_number_is_international_only_if_its_country_is_allowed() {
    for (text, code) in TEN_DIGITS {
        assert_eq!(dialled(&rules("US,CA", None), text, &[]), no_plus(code));
        assert_eq!(dialled(&rules("", None), text, &["+12125550100"]), no_plus(code));
        assert_eq!(dialled(&rules(code, None), text, &[]), Ok(format!("+{text}")));
    }
    assert_eq!(dialled(&rules("", None), "14165550123", &["+14165550100"]), to("+14165550123"));
    assert_eq!(dialled(&rules("US", None), "4155550123", &[]), Err(DestinationRefusal::NoRange));
    assert_eq!(dialled(&rules("GB", None), "02079460018", &[]), invalid(SpellingFault::LeadingZero));
}

#[test]
fn national_numbers_of_the_default_country_are_read() {
    for (text, _) in TEN_DIGITS {
        assert_eq!(dialled(&rules("US", Some("US")), text, &[]), Ok(format!("+1{text}")));
    }
    let british = rules("GB", Some("GB"));
    for text in ["02079460018", "2079460018", "442079460018", "+442079460018"] {
        assert_eq!(dialled(&british, text, &[]), to("+442079460018"), "{text}");
    }
    assert_eq!(dialled(&british, "+02079460018", &[]), invalid(SpellingFault::LeadingZero));
    for allowed in ["US", "*"] {
        let american = rules(allowed, Some("US"));
        assert_eq!(dialled(&american, "12125550123", &[]), to("+12125550123"), "both readings agree");
    }
    // As E.164, this would be a satellite phone.
    assert_eq!(dialled(&rules("US", Some("US")), "8705550123", &[]), to("+18705550123"));
    assert_eq!(dialled(&rules("US", Some("US")), "8765550123", &[]), not_allowed("JM"));
}

#[test]
fn a_number_that_is_allowed_in_both_readings_is_refused() {
    for (text, code) in TEN_DIGITS {
        assert_eq!(dialled(&rules("*", Some("US")), text, &[]), two_readings(code, "US"));
        assert_eq!(dialled(&rules(&format!("US,{code}"), Some("US")), text, &[]), two_readings(code, "US"));
        assert_eq!(dialled(&rules(code, Some("US")), text, &[]), two_readings(code, "US"));
        assert_eq!(dialled(&rules("FR", Some("US")), text, &[]), not_allowed("US"));
    }
    assert_eq!(
        dialled(&rules("", Some("US")), "6465550123", &["+12125550100", "+6465550124"]),
        two_readings("NZ", "US")
    );
    assert_eq!(dialled(&rules("", Some("US")), "6465550123", &["+12125550100"]), to("+16465550123"));
}

#[test]
fn forbidden_numbers_stay_forbidden_in_every_reading() {
    let rules = rules("*", Some("US"));
    for text in ["911", "112", "9005550123", "19005550123", "+19005550123"] {
        let refusal = dialled(&rules, text, &[]).expect_err("forbidden");
        assert!(matches!(refusal, DestinationRefusal::NotAllowed(_)), "{text}: {refusal}");
    }
}

/// An Indian shared-cost number as it is written in India is a number of Connecticut with a `+`.
#[test]
fn a_number_that_is_forbidden_at_home_is_not_called_abroad() {
    let refused = DestinationRefusal::NotAllowed(crate::ForbiddenRange::PremiumRate);
    for allowed in ["IN,US", "*"] {
        assert_eq!(dialled(&rules(allowed, Some("IN")), "18602548253", &[]), Err(refused));
    }
}

#[test]
fn an_extra_range_contains_no_number_without_its_plus() {
    let plan = NumberingPlan::with_extra_ranges(["+21273"]).expect("a prefix");
    let rules =
        |allowed, default_country| DestinationRules { plan: plan.clone(), ..rules(allowed, default_country) };
    assert_eq!(dialled(&rules("US", None), "+2127312345", &[]), to("+2127312345"));
    assert_eq!(dialled(&rules("US", None), "2127312345", &[]), Err(DestinationRefusal::NoRange));
    assert_eq!(dialled(&rules("US", Some("US")), "2127312345", &[]), to("+12127312345"));
    let stored = rules("US", Some("US")).read_stored("2127312345");
    assert_eq!(stored.as_ref().map(PhoneNumber::as_e164), Ok("+12127312345"));
}

#[test]
fn a_reading_may_be_either_number() {
    let rules = rules("*", Some("US"));
    let reading = rules.read(&WrittenNumber::parse("6465550123").expect("digits")).expect("a number");
    assert!(reading.may_be(&number("+16465550123")) && reading.may_be(&number("+6465550123")));
    assert!(!reading.may_be(&number("+14165550123")));
}

#[test]
fn a_setting_of_countries_is_read() {
    assert_eq!(AllowedCountries::parse(""), Ok(AllowedCountries::OwnNumbers));
    assert_eq!(AllowedCountries::parse("*"), Ok(AllowedCountries::All));
    assert_eq!(
        AllowedCountries::parse("US, CA"),
        Ok(AllowedCountries::Listed([country("US"), country("CA")].into()))
    );
    for text in ["us", "USA", "US,", "US CA", "*,US", "1"] {
        assert!(AllowedCountries::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_number_to_store_needs_its_plus_or_a_default_country() {
    let stored =
        |rules: &DestinationRules, text| rules.read_stored(text).map(|number| number.as_e164().to_owned());
    let without = rules("*", None);
    assert_eq!(stored(&without, "+14165550123").as_deref(), Ok("+14165550123"));
    assert_eq!(
        stored(&without, "+19002345678").as_deref(),
        Ok("+19002345678"),
        "it is stored and not called"
    );
    assert_eq!(stored(&without, "14165550123"), Err(StoredNumberError::NoPlus));
    assert_eq!(stored(&without, "+1416555"), Err(StoredNumberError::NoRange));
    for text in ["", "+", "+0416555", "+44 (0)20 7946 0018", "none"] {
        assert!(matches!(stored(&without, text), Err(StoredNumberError::Invalid(_))), "{text:?}");
    }
    let american = rules("US,CA", Some("US"));
    assert_eq!(stored(&american, "6465550123").as_deref(), Ok("+16465550123"));
    assert_eq!(stored(&american, "14165550123").as_deref(), Ok("+14165550123"), "both readings agree");
    assert_eq!(stored(&american, "442079460018"), Err(StoredNumberError::NoPlus));
    for text in ["+1 416 555 0123", "001-416-555-0123", "(416) 555-0123", "416.555.0123", "1 416 555 0123"] {
        assert_eq!(stored(&american, text).as_deref(), Ok("+14165550123"), "{text:?}");
    }
    assert_eq!(stored(&without, "(416) 555-0123"), Err(StoredNumberError::NoPlus));
    for allowed in ["", "*", "NZ"] {
        assert_eq!(stored(&rules(allowed, Some("US")), "6465550123"), Err(StoredNumberError::TwoReadings));
    }
}

#[test]
fn a_spelled_number_is_called_if_it_has_its_country_code() {
    for allowed in ["US,CA", ""] {
        let own = ["+14165550100"];
        for text in
            [" +14165550123", "+1 (416) 555-0123", "\u{202a}+14165550123\u{202c}", "00 1 416 555 0123"]
        {
            assert_eq!(dialled(&rules(allowed, None), text, &own), to("+14165550123"), "{text:?}");
        }
        for default_country in [None, Some("US")] {
            let refused = dialled(&rules(allowed, default_country), "(416) 555-0123", &own);
            assert_eq!(refused, invalid(SpellingFault::NoCountryCode));
        }
    }
    // New York, as it is written at home, stays a number of New Zealand behind `00`.
    assert_eq!(dialled(&rules("NZ", None), "00 64 6 555 0123", &[]), to("+6465550123"));
    assert_eq!(dialled(&rules("US", Some("US")), "00 64 6 555 0123", &[]), not_allowed("NZ"));
    assert_eq!(dialled(&rules("US", None), "00999123456789", &[]), to("+999123456789"), "an extra range");
}

#[test]
fn a_short_number_stays_forbidden_in_every_spelling() {
    for text in [
        "000",
        "9-1-1",
        "+911",
        "+1 911",
        "00 911",
        "00112",
        "(9) 1 1",
        "+1 900 555 0123",
        "001-900-555-0123",
    ] {
        let refusal = dialled(&rules("*", Some("US")), text, &[]).expect_err("forbidden");
        assert!(matches!(refusal, DestinationRefusal::NotAllowed(_)), "{text}: {refusal}");
    }
}

/// Mobile numbers of Tajikistan begin with 00 behind the country code.
#[test]
fn two_zeros_may_begin_a_national_number() {
    let (at_home, number) = ("001234567", "+992001234567");
    assert_eq!(dialled(&rules("*", Some("TJ")), at_home, &[]), to(number));
    assert_eq!(rules("*", Some("TJ")).read_stored(at_home).as_ref().map(PhoneNumber::as_e164), Ok(number));
    assert_eq!(rules("*", None).read_stored(at_home), Err(StoredNumberError::NoRange));
}

#[test]
fn a_number_whose_file_names_its_country_has_one_reading() {
    let stored = |text, home| {
        let home = HomeCountries::parse(home).expect("a country");
        rules("*", Some("US")).read_stored_of(text, &home).map(|number| number.as_e164().to_owned())
    };
    for (text, home, number) in [
        ("6465550123", "US", "+16465550123"),
        ("(646) 555-0123", "1", "+16465550123"),
        ("1 646 555 0123", "+1", "+16465550123"),
        ("020 7946 0123", "44", "+442079460123"),
        ("02079460123", "gb", "+442079460123"),
        ("442079460123", "GB", "+442079460123"),
        ("491570156", "61", "+61491570156"),
        ("61491570156", "0061", "+61491570156"),
        ("+14165550123", "61", "+14165550123"),
        ("(02) 5550-0123", "AU", "+61255500123"),
    ] {
        assert_eq!(stored(text, home).as_deref(), Ok(number), "{text} in {home}");
    }
    assert_eq!(stored("555-0123", "US"), Err(StoredNumberError::NotAtHome));
    assert_eq!(stored("442079460018", "US"), Err(StoredNumberError::NotAtHome));
    assert_eq!(stored("+1 555-0123", "US"), Err(StoredNumberError::NoRange));
}

#[test]
fn a_home_is_a_calling_code_or_a_country() {
    for text in ["", "+", "India", "999", "1 416", "XX", "US,CA", "00"] {
        assert!(HomeCountries::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(HomeCountries::parse(" in "), HomeCountries::parse("IN"));
    assert_eq!(HomeCountries::parse("IN"), HomeCountries::parse("91"), "no other country has the code");
}
