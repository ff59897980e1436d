use domain::{AllowedCountries, Country, NumberingPlan};

use super::*;
use crate::system::RandomIdentifiers;
use crate::wiring::calling_rules;

fn parse(text: &str, destinations: &DestinationRules) -> Result<Vec<DirectoryRecord>, Reasons> {
    let rules = calling_rules();
    super::parse(text, LineReader { identifiers: &RandomIdentifiers, destinations, rules: rules.as_ref() })
}

fn refusal(text: &str) -> String {
    parse(text, &DestinationRules::default()).expect_err("refused").join("; ")
}

#[test]
fn every_kind_is_read() {
    for text in [
        r#"{"kind":"organization","id":"o1","name":"Analytical Engines"}"#,
        r#"{"kind":"user","id":"u1","organizationId":"o1","fullName":"Charles Babbage"}"#,
        r#"{"kind":"user","id":"u1","organizationId":"o1","fullName":"Charles Babbage","accessRole":"SALES_REP"}"#,
        r#"{"kind":"agent","id":"a1","organizationId":"o1","name":"Nora","voiceEnabled":true,"providerAgentId":"agent_1"}"#,
        r#"{"kind":"agent","id":"a2","organizationId":"o1","name":"Nils","voiceEnabled":false}"#,
        r#"{"kind":"number","organizationId":"o1","userId":"u1","phoneNumber":"+14165550100","carrier":"sinch","aiEnabled":true,"onTrunk":true,"providerNumberId":"phnum_1","position":1}"#,
        r#"{"kind":"contact","organizationId":"o1","firstName":"Ada","phoneNumber":"+14165550110"}"#,
        r#"{"kind":"contact","id":"c1","organizationId":"o1","firstName":null,"lastName":""}"#,
        r#"{"kind":"contact","id":"c1","organizationId":"o1","timeZone":"America/Chicago","state":"FL","country":"US"}"#,
        r#"{"kind":"callingPolicy","organizationId":"o1","policy":{}}"#,
        r#"{"kind":"suppression","organizationId":"o1","phoneNumber":"+14165550110","source":"letter","expiresAt":"2031-03-02T09:00:00Z"}"#,
        r#"{"kind":"suppression","organizationId":"o1","contactId":"c1","reason":"asked"}"#,
        r#"{"kind":"consent","organizationId":"o1","phoneNumber":"+14165550110","consent":"express","givenAt":"2026-03-02T09:00:00Z","method":"web form","evidence":"crm:4711"}"#,
        r#"{"kind":"doNotCallList","organizationId":"o1","name":"us-national","dated":"2026-03-02","numbers":["+14165550110"]}"#,
    ] {
        assert!(parse(text, &DestinationRules::default()).is_ok(), "{text}");
    }
}

#[test]
fn a_number_in_no_known_range_is_refused_unless_an_extra_range_contains_it() {
    let line = r#"{"kind":"contact","organizationId":"o1","phoneNumber":"+999123456789"}"#;
    assert!(refusal(line).starts_with("phoneNumber: in no known number range"), "{}", refusal(line));
    let plan = NumberingPlan::with_extra_ranges(["+9991"]).expect("a prefix");
    let destinations = DestinationRules { plan, ..DestinationRules::default() };
    assert!(parse(line, &destinations).is_ok());
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
    let record = parse(line, &destinations).expect("a national number");
    let [DirectoryRecord::Contact(contact)] = &record[..] else { panic!("it is a contact") };
    assert_eq!(contact.phone_number.as_ref().map(PhoneNumber::as_e164), Some("+16465550123"));
}

#[test]
fn a_refusal_names_the_field_and_quotes_no_value() {
    assert_eq!(refusal(r#"{"kind":"organization","id":"o1"}"#), "missing field `name`");
    assert_eq!(
        refusal(r#"{"kind":"orgnization","id":"o1"}"#),
        "kind must be organization, user, agent, number, contact, callingPolicy, suppression, consent or \
         doNotCallList"
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
        (r#"{"kind":"user","id":"N","organizationId":"N","fullName":"N","accessRole":"N"}"#, 4),
        (
            r#"{"kind":"agent","id":"N","organizationId":"N","name":"N","voiceEnabled":true,"providerAgentId":"N"}"#,
            4,
        ),
        (
            r#"{"kind":"number","organizationId":"N","userId":"N","phoneNumber":"x","carrier":"C","aiEnabled":true,"onTrunk":true,"providerNumberId":"N"}"#,
            5,
        ),
        (
            r#"{"kind":"contact","id":"N","organizationId":"N","firstName":"N","lastName":"N","phoneNumber":"x","timeZone":"N","region":"N"}"#,
            7,
        ),
    ] {
        let line = line.replace("\"N\"", &format!("\"{long}\""));
        let reasons = parse(&line, &DestinationRules::default()).expect_err("refused");
        assert_eq!(reasons.len(), faults, "{reasons:?}");
    }
}

#[test]
fn a_policy_is_read_with_its_organization() {
    let line = r#"{"organizationId":"o1","policy":{"modes":{"caps":"enforce"},"caps":[{"attempts":3,"withinSecs":60}]},
        "kind":"callingPolicy"}"#;
    let record = parse(line, &DestinationRules::default()).expect("a policy");
    let [DirectoryRecord::CallingPolicy(record)] = &record[..] else { panic!("it is a policy") };
    assert_eq!((record.organization_id.as_str(), record.policy.caps.len()), ("o1", 1));
}

#[test]
fn a_misspelt_rule_of_a_policy_is_refused_by_its_name() {
    let policy = |policy: &str| {
        refusal(&format!(r#"{{"kind":"callingPolicy","organizationId":"o1","policy":{policy}}}"#))
    };
    assert_eq!(
        policy(r#"{"mode":{},"caps":[{"attempts":"hunter2","withinSecs":60}]}"#),
        "policy.mode: is not a field of a calling policy; policy.caps[0].attempts: must be a whole number"
    );
    assert_eq!(policy(r#"{"timeZone":"UTC","timeZone":"UTC"}"#), "policy.timeZone: is given twice");
    assert_eq!(policy(r#"{"packs":{"debt":["hunter2"]}}"#), "policy.packs.debt: must name rules that exist");
    assert_eq!(policy("3"), "policy: must be a JSON object");
    assert_eq!(refusal(r#"{"kind":"callingPolicy","organizationId":"o1"}"#), "missing field `policy`");
}

#[test]
fn a_line_about_a_callee_names_every_fault() {
    let lines = [
        (
            r#"{"kind":"suppression","organizationId":"o1","source":"By Letter","expiresAt":"soon"}"#,
            ["phoneNumber or contactId is required", "source: not a source", "expiresAt: not a time"],
        ),
        (
            r#"{"kind":"consent","organizationId":"o1","contactId":"c1","consent":"oral","givenAt":"","revokedAt":"x"}"#,
            ["consent must be express or written", "givenAt is empty", "revokedAt: not a time"],
        ),
        (
            r#"{"kind":"doNotCallList","organizationId":"o1","name":"US","dated":"today","numbers":["+14165550110","12"]}"#,
            ["name: not a name of a list", "dated: not a date", "number 2: no +"],
        ),
    ];
    for (line, faults) in lines {
        let refusal = refusal(line);
        for fault in faults {
            assert!(refusal.contains(fault), "{fault} is not in {refusal}");
        }
    }
}
