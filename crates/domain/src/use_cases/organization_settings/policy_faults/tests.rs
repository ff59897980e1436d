use std::collections::BTreeMap;

use super::*;
use crate::ports::{Proximity, RuleQuestion};
use crate::{AppliedRules, CallPurpose, Country, LocalMoment, PhoneNumber, Region, RuleId, Timestamp};

/// Rules that have one id and one zone.
struct Few;

impl CallingRules for Few {
    fn apply(&self, _: &RuleQuestion<'_>) -> AppliedRules {
        AppliedRules::default()
    }

    fn local_time(&self, _: &ZoneName, _: Timestamp) -> Option<LocalMoment> {
        None
    }

    fn start_of_day(&self, _: &ZoneName, _: Timestamp) -> Option<Timestamp> {
        None
    }

    fn states(&self, _: &PhoneNumber) -> Vec<Region> {
        Vec::new()
    }

    fn knows(&self, id: &RuleId) -> bool {
        &*id.0 == "us-fl"
    }

    fn knows_zone(&self, zone: &ZoneName) -> bool {
        zone.as_str() == "UTC"
    }

    fn proximity(&self, _: &PhoneNumber, _: &PhoneNumber) -> Proximity {
        Proximity::Elsewhere
    }
}

fn fields(policy: &CallingPolicy) -> Vec<String> {
    policy_faults(policy, &Few).into_iter().map(|fault| fault.field.into()).collect()
}

#[test]
fn the_default_policy_has_no_fault() {
    assert_eq!(fields(&CallingPolicy::default()), Vec::<String>::new());
}

#[test]
fn names_that_the_rules_do_not_have_are_faults() {
    let nowhere = ZoneName::parse("Mars/Olympus").expect("a name");
    let named = |ids: &[&str]| PackChoice::Named(ids.iter().map(|id| RuleId((*id).into())).collect());
    let policy = CallingPolicy {
        packs: BTreeMap::from([
            (CallPurpose::Telemarketing, named(&["us-fl", "us-florida"])),
            (CallPurpose::Debt, named(&[])),
            (CallPurpose::Informational, named(&["us-fl"])),
            (CallPurpose::Healthcare, PackChoice::None),
        ]),
        time_zone: nowhere.clone(),
        default_zones: BTreeMap::from([(Country::parse("US").expect("a country"), nowhere)]),
        ..CallingPolicy::default()
    };
    assert_eq!(fields(&policy), ["packs.telemarketing", "packs.debt", "timeZone", "defaultZones.US"]);
}

#[test]
fn every_number_has_a_limit() {
    let cap = |attempts, within| Cap { attempts, within, unless_consent: false };
    let (second, long) = (Duration::from_secs(1), CallingPolicy::MAX_PERIOD);
    let within = CallingPolicy {
        caps: vec![cap(1, second), cap(1000, long)],
        cool_down_after_conversation: Some(second),
        cool_down_after_decline: Some(long),
        user_calls_per_day: Some(1),
        organization_calls_per_day: Some(u32::MAX),
        ..CallingPolicy::default()
    };
    assert_eq!(fields(&within), Vec::<String>::new());
    let beyond = CallingPolicy {
        caps: vec![cap(0, second), cap(1001, long + second), cap(1, Duration::ZERO)],
        cool_down_after_conversation: Some(Duration::ZERO),
        cool_down_after_decline: Some(long + second),
        user_calls_per_day: Some(0),
        organization_calls_per_day: Some(0),
        ..CallingPolicy::default()
    };
    let expected = [
        "caps[0].attempts",
        "caps[1].attempts",
        "caps[1].withinSecs",
        "caps[2].withinSecs",
        "coolDownAfterConversationSecs",
        "coolDownAfterDeclineSecs",
        "userCallsPerDay",
        "organizationCallsPerDay",
    ];
    assert_eq!(fields(&beyond), expected);
}
