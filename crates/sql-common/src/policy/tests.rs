use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn country(code: &str) -> Country {
    Country::parse(code).expect("a country")
}

fn zone(name: &str) -> ZoneName {
    ZoneName::parse(name).expect("a zone")
}

/// Every field differs from its default.
fn policy() -> CallingPolicy {
    let time = |written| MinuteOfDay::parse(written).expect("a time");
    CallingPolicy {
        modes: Modes::all(Mode::Enforce).with(RuleGroup::Zone, Mode::Off),
        allowed_countries: Some(BTreeSet::from([country("US"), country("CA")])),
        default_country: Some(country("FR")),
        default_purpose: CallPurpose::Debt,
        packs: BTreeMap::from([
            (CallPurpose::Debt, PackChoice::Named(vec![RuleId("us-strict".into())])),
            (CallPurpose::Emergency, PackChoice::None),
            (CallPurpose::Healthcare, PackChoice::Auto),
        ]),
        open_hours: OpenHours::new(time("09:30"), time("24:00")).expect("hours"),
        closed_days: BTreeSet::from([LocalDate::new(2026, 12, 25).expect("a date")]),
        consent_required: BTreeSet::from([CallPurpose::Telemarketing]),
        caps: vec![Cap { attempts: 3, within: Duration::from_hours(24), unless_consent: true }],
        cool_down_after_conversation: Some(Duration::from_hours(168)),
        cool_down_after_decline: Some(Duration::from_millis(1_500)),
        user_calls_per_day: Some(10),
        organization_calls_per_day: Some(200),
        time_zone: zone("Europe/Paris"),
        default_zones: BTreeMap::from([(country("US"), zone("America/Chicago"))]),
        caller_number: CallerNumberStrategy::Sticky,
    }
}

#[test]
fn a_policy_is_read_as_it_was_written() {
    for policy in [policy(), CallingPolicy::default()] {
        assert_eq!(read_policy(&write_policy(&policy)), Ok(policy));
    }
}

#[test]
fn a_field_that_is_missing_has_its_default_and_a_later_one_is_ignored() {
    assert_eq!(read_policy("{}"), Ok(CallingPolicy::default()));
    let later = r#"{"later":1,"modes":{"later":"strange","caps":"enforce"}}"#;
    let modes = Modes::default().with(RuleGroup::Caps, Mode::Enforce);
    assert_eq!(read_policy(later), Ok(CallingPolicy { modes, ..CallingPolicy::default() }));
}

#[test]
fn a_value_that_is_not_known_is_unreadable_and_not_quoted() {
    for stored in [
        "private",
        r#"{"modes":{"caps":"private"}}"#,
        r#"{"allowedCountries":["private"]}"#,
        r#"{"packs":{"debt":"private"}}"#,
        r#"{"openFrom":"21:00"}"#,
        r#"{"timeZone":""}"#,
        r#"{"callerNumber":"private"}"#,
    ] {
        let error = read_policy(stored).expect_err(stored).to_string();
        assert_eq!(error, "calling_policies.policy holds a value that cannot be read");
    }
}
