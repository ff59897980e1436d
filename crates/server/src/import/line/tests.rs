use domain::{AllowedCountries, Country, NumberingPlan};

use super::*;
use crate::system::RandomIdentifiers;

fn refusal(text: &str) -> String {
    parse(text, &RandomIdentifiers, &DestinationRules::default()).expect_err("refused").join("; ")
}

#[test]
fn every_kind_is_read() {
    for text in [
        r#"{"kind":"organization","id":"o1","name":"Analytical Engines"}"#,
        r#"{"kind":"user","id":"u1","organizationId":"o1","fullName":"Charles Babbage"}"#,
        r#"{"kind":"agent","id":"a1","organizationId":"o1","name":"Nora","voiceEnabled":true,"providerAgentId":"agent_1"}"#,
        r#"{"kind":"agent","id":"a2","organizationId":"o1","name":"Nils","voiceEnabled":false}"#,
        r#"{"kind":"number","organizationId":"o1","userId":"u1","phoneNumber":"+14165550100","carrier":"sinch","aiEnabled":true,"onTrunk":true,"providerNumberId":"phnum_1","position":1}"#,
        r#"{"kind":"contact","organizationId":"o1","firstName":"Ada","phoneNumber":"+14165550110"}"#,
        r#"{"kind":"contact","id":"c1","organizationId":"o1","firstName":null,"lastName":""}"#,
    ] {
        assert!(parse(text, &RandomIdentifiers, &DestinationRules::default()).is_ok(), "{text}");
    }
}

#[test]
fn a_number_in_no_known_range_is_refused_unless_an_extra_range_contains_it() {
    let line = r#"{"kind":"contact","organizationId":"o1","phoneNumber":"+999123456789"}"#;
    assert!(refusal(line).starts_with("phoneNumber: in no known number range"), "{}", refusal(line));
    let plan = NumberingPlan::with_extra_ranges(["+9991"]).expect("a prefix");
    let destinations = DestinationRules { plan, ..DestinationRules::default() };
    assert!(parse(line, &RandomIdentifiers, &destinations).is_ok());
}

#[test]
fn a_number_without_its_plus_is_refused_unless_a_default_country_has_it() {
    let line = r#"{"kind":"contact","organizationId":"o1","phoneNumber":"6465550123"}"#;
    assert!(refusal(line).starts_with("phoneNumber: no +"), "{}", refusal(line));
    let destinations = DestinationRules {
        allowed: AllowedCountries::parse("US").expect("a list"),
        default_country: Country::parse("US").ok(),
        ..DestinationRules::default()
    };
    let record = parse(line, &RandomIdentifiers, &destinations).expect("a national number");
    let DirectoryRecord::Contact(contact) = record else { panic!("it is a contact") };
    assert_eq!(contact.phone_number.as_ref().map(PhoneNumber::as_e164), Some("+16465550123"));
}

#[test]
fn a_refusal_names_the_field_and_quotes_no_value() {
    assert_eq!(refusal(r#"{"kind":"organization","id":"o1"}"#), "missing field `name`");
    assert_eq!(
        refusal(r#"{"kind":"orgnization","id":"o1"}"#),
        "kind must be organization, user, agent, number or contact"
    );
    assert_eq!(refusal("{"), "not a JSON object, at column 1");
    assert_eq!(
        refusal(r#"{"kind":"contact","organizationId":"o1","phoneNumber":"+1416"}"#),
        "phoneNumber: not a valid E.164 phone number: it has fewer than 6 or more than 15 digits; write +, the \
         country code and the whole number"
    );
    assert_eq!(
        refusal(r#"{"kind":"contact","organizationId":"o1","phoneNumber":14165550110}"#),
        "a field has the wrong type"
    );
    let unidentified = refusal(r#"{"kind":"contact","organizationId":"o1","firstName":"Ada"}"#);
    assert_eq!(unidentified, "id or phoneNumber is required");
    let typo = refusal(r#"{"kind":"contact","organizationId":"o1","firstname":"Ada"}"#);
    assert!(typo.starts_with("unknown field `firstname`"), "{typo}");
}

#[test]
fn all_faults_of_a_line_are_named() {
    let long = "x".repeat(5_000);
    for (line, faults) in [
        (r#"{"kind":"organization","id":"N","name":"N"}"#, 2),
        (r#"{"kind":"user","id":"N","organizationId":"N","fullName":"N"}"#, 3),
        (
            r#"{"kind":"agent","id":"N","organizationId":"N","name":"N","voiceEnabled":true,"providerAgentId":"N"}"#,
            4,
        ),
        (
            r#"{"kind":"number","organizationId":"N","userId":"N","phoneNumber":"x","carrier":"C","aiEnabled":true,"onTrunk":true,"providerNumberId":"N"}"#,
            5,
        ),
        (
            r#"{"kind":"contact","id":"N","organizationId":"N","firstName":"N","lastName":"N","phoneNumber":"x"}"#,
            5,
        ),
    ] {
        let line = line.replace("\"N\"", &format!("\"{long}\""));
        let reasons = parse(&line, &RandomIdentifiers, &DestinationRules::default()).expect_err("refused");
        assert_eq!(reasons.len(), faults, "{reasons:?}");
    }
}
