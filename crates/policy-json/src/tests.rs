use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{
    CallPurpose, CallerNumberStrategy, Cap, Country, LocalDate, MinuteOfDay, Mode, Modes, OpenHours,
    PackChoice, RuleGroup, RuleId, ZoneName,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::reader::FIELDS;

fn faults(text: &str) -> Vec<(String, &'static str)> {
    let faults = from_json(text).expect_err("it is not valid");
    faults.into_iter().map(|fault| (fault.field.into(), fault.message)).collect()
}

#[test]
fn an_empty_object_is_the_default_policy() {
    assert_eq!(from_json("{}"), Ok(CallingPolicy::default()));
    let nulls = FIELDS.map(|field| format!("{field:?}:null")).join(",");
    assert_eq!(from_json(&format!("{{{nulls}}}")), Ok(CallingPolicy::default()));
}

#[test]
fn the_document_of_a_policy_is_stable() {
    let expected = r#"{"modes":{"callingHours":"warn","caps":"warn","consent":"warn","countries":"enforce","quietHours":"warn","suppressions":"enforce","zone":"warn"},"defaultPurpose":"informational","packs":{},"openHours":{"from":"08:00","until":"21:00"},"closedDays":[],"consentRequired":[],"caps":[],"timeZone":"UTC","defaultZones":{},"callerNumber":"first"}"#;
    assert_eq!(to_json(&CallingPolicy::default()), expected);
}

#[test]
fn a_misspelt_field_is_a_fault_wherever_it_is() {
    let text = r#"{"mode":{},"modes":{"quitHours":"enforce"},"packs":{"marketing":"none"},"openHours":{"form":"08:00"},
        "caps":[{"attempts":1,"withinSecs":60,"withinHours":1}],"defaultZones":{"Canada":"UTC"}}"#;
    let fields: Vec<_> = faults(text).into_iter().map(|(field, _)| field).collect();
    let expected = [
        "mode",
        "modes.quitHours",
        "packs.marketing",
        "openHours.form",
        "caps[0].withinHours",
        "defaultZones.Canada",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn a_field_of_another_type_or_range_is_named() {
    for (text, field) in [
        (r#"{"modes":[]}"#, "modes"),
        (r#"{"modes":{"caps":"on"}}"#, "modes.caps"),
        (r#"{"modes":{"caps":null}}"#, "modes.caps"),
        (r#"{"allowedCountries":"US"}"#, "allowedCountries"),
        (r#"{"allowedCountries":["US","USA"]}"#, "allowedCountries[1]"),
        (r#"{"defaultCountry":"us"}"#, "defaultCountry"),
        (r#"{"defaultPurpose":"sales"}"#, "defaultPurpose"),
        (r#"{"packs":{"debt":"all"}}"#, "packs.debt"),
        (r#"{"packs":{"debt":[1]}}"#, "packs.debt"),
        (r#"{"packs":{"debt":[""]}}"#, "packs.debt"),
        (r#"{"openHours":{"from":"21:00","until":"08:00"}}"#, "openHours"),
        (r#"{"openHours":{"from":"8:00","until":"21:00"}}"#, "openHours.from"),
        (r#"{"closedDays":["2026-02-29"]}"#, "closedDays[0]"),
        (r#"{"consentRequired":["sales"]}"#, "consentRequired[0]"),
        (r#"{"caps":{}}"#, "caps"),
        (r#"{"caps":[3]}"#, "caps[0]"),
        (r#"{"caps":[{"attempts":3}]}"#, "caps[0]"),
        (r#"{"caps":[{"attempts":-1,"withinSecs":60}]}"#, "caps[0].attempts"),
        (r#"{"caps":[{"attempts":1,"withinSecs":0.5}]}"#, "caps[0].withinSecs"),
        (r#"{"caps":[{"attempts":1,"withinSecs":1,"unlessConsent":"no"}]}"#, "caps[0].unlessConsent"),
        (r#"{"coolDownAfterDeclineSecs":"60"}"#, "coolDownAfterDeclineSecs"),
        (r#"{"userCallsPerDay":4294967296}"#, "userCallsPerDay"),
        (r#"{"timeZone":"New York"}"#, "timeZone"),
        (r#"{"defaultZones":{"US":5}}"#, "defaultZones.US"),
        (r#"{"callerNumber":"random"}"#, "callerNumber"),
        (r#"{"timeZone":"UTC","timeZone":"UTC"}"#, "timeZone"),
        (r#"{"modes":{"caps":"off","caps":"warn"}}"#, "modes.caps"),
        ("[]", ""),
        ("{", ""),
    ] {
        let found: BTreeSet<_> = faults(text).into_iter().map(|(field, _)| field).collect();
        assert!(found.contains(field), "{text}: {found:?}");
    }
}

#[test]
fn a_stored_policy_of_a_later_release_is_read() {
    let text = r#"{"timeZone":"Europe/Paris","weather":{},"modes":{"weather":"enforce"},"packs":{"surveys":"none"},
        "caps":[{"attempts":1,"withinSecs":60,"weather":"rain"}]}"#;
    let policy = from_stored(text).expect("it can be read");
    assert_eq!((policy.time_zone.as_str(), policy.caps.len()), ("Europe/Paris", 1));
    assert_eq!(from_stored(r#"{"modes":{"caps":"enforceAtNight"}}"#), None, "a mode that it does not know");
}

/// `openHours` with one end only would keep the other end of the default.
#[test]
fn open_hours_have_both_ends() {
    assert_eq!(faults(r#"{"openHours":{"from":"09:00"}}"#)[0].0, "openHours");
}

#[test]
fn faults_are_few_and_short_and_quote_no_value() {
    let long = "x".repeat(500);
    let many = (0..100).map(|n| format!("\"{n}{long}\":\"private\"")).collect::<Vec<_>>().join(",");
    let faults = faults(&format!("{{{many}}}"));
    assert_eq!(faults.len(), 20);
    assert!(faults.iter().all(|(field, _)| field.len() <= 64), "{faults:?}");
    assert!(!format!("{faults:?}").contains("private"));
}

prop_compose! {
    fn hours()(from in 0_u16..1440, length in 1_u16..=1440) -> OpenHours {
        let minute = |minutes| MinuteOfDay::from_minutes(minutes).expect("within a day");
        OpenHours::new(minute(from), minute((from + length).min(1440))).expect("in order")
    }
}

fn countries() -> impl Strategy<Value = Country> {
    select(vec!["US", "CA", "FR", "IN", "XK"]).prop_map(|code| Country::parse(code).expect("a country"))
}

fn zones() -> impl Strategy<Value = ZoneName> {
    select(vec!["UTC", "America/Toronto", "Etc/GMT+5"])
        .prop_map(|name| ZoneName::parse(name).expect("a name"))
}

fn choices() -> impl Strategy<Value = PackChoice> {
    let named =
        vec("[a-z-]{1,64}", 0..3).prop_map(|ids| ids.into_iter().map(|id| RuleId(id.into())).collect());
    prop_oneof![Just(PackChoice::Auto), Just(PackChoice::None), named.prop_map(PackChoice::Named)]
}

fn purposes() -> impl Strategy<Value = CallPurpose> {
    select(CallPurpose::ALL.to_vec())
}

prop_compose! {
    fn cap()(attempts: u32, secs in 0_u64..1 << 40, unless_consent: bool) -> Cap {
        Cap { attempts, within: Duration::from_secs(secs), unless_consent }
    }
}

prop_compose! {
    fn policies()(
        modes in vec(select(Mode::ALL.to_vec()), RuleGroup::ALL.len()),
        allowed_countries in option::of(btree_set(countries(), 0..4)),
        default_country in option::of(countries()),
        default_purpose in purposes(),
        packs in btree_map(purposes(), choices(), 0..4),
        open_hours in hours(),
        days in btree_set((1_i16..=9999, 1_u8..=12, 1_u8..=28), 0..4),
        consent_required in btree_set(purposes(), 0..4),
        caps in vec(cap(), 0..4),
        pauses: [Option<u32>; 4],
        (time_zone, default_zones) in (zones(), btree_map(countries(), zones(), 0..4)),
        caller_number in select(CallerNumberStrategy::ALL.to_vec()),
    ) -> CallingPolicy {
        let all = RuleGroup::ALL.into_iter().zip(modes);
        let day = |(year, month, day)| LocalDate::new(year, month, day).expect("every month has it");
        let pause = |secs: Option<u32>| secs.map(|secs| Duration::from_secs(secs.into()));
        CallingPolicy {
            modes: all.fold(Modes::default(), |modes, (group, mode)| modes.with(group, mode)),
            allowed_countries,
            default_country,
            default_purpose,
            packs: BTreeMap::from_iter(packs),
            open_hours,
            closed_days: days.into_iter().map(day).collect(),
            consent_required,
            caps,
            cool_down_after_conversation: pause(pauses[0]),
            cool_down_after_decline: pause(pauses[1]),
            user_calls_per_day: pauses[2],
            organization_calls_per_day: pauses[3],
            time_zone,
            default_zones,
            caller_number,
        }
    }
}

proptest! {
    #[test]
    fn a_policy_is_read_as_it_was_written(policy in policies()) {
        prop_assert_eq!(from_json(&to_json(&policy)), Ok(policy));
    }
}
