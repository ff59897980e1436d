use super::super::*;
use super::scripted::{Asked, NOW, Scripted, caller, codes, minutes, number, open, place, rule};
use crate::ports::Proximity;
use crate::{
    AppliedRule, CallerNumberStrategy, CallerReason, Cap, Consent, ConsentKind, DoNotCallList, LocalDate,
    Modes, RefusalCode as Code, Region, RuleVerdict,
};

fn list(name: &str, (month, day): (u8, u8), has_number: bool) -> DoNotCallList {
    let dated = LocalDate::new(2026, month, day).expect("a date");
    DoNotCallList { name: name.into(), dated, has_number }
}

fn consent(kind: ConsentKind, given: i64) -> Consent {
    Consent { kind, given_at: minutes(given), expires_at: None, revoked_at: None }
}

#[test]
fn all_refusals_are_collected_in_their_order() {
    let mut asked = Asked::enforcing();
    asked.policy.allowed_countries = Some([Country::parse("US").expect("a country")].into());
    asked.facts.is_suppressed = true;
    asked.facts.do_not_call_lists = vec![list("own", (1, 1), true)];
    asked.facts.last_decline = Some(NOW);
    asked.facts.attempts = vec![NOW];
    asked.policy.cool_down_after_decline = Some(Duration::from_hours(1));
    asked.policy.caps = vec![Cap { attempts: 1, within: Duration::from_hours(1), unless_consent: false }];
    let everything = AppliedRule {
        consent: Some(ConsentKind::Written),
        do_not_call_list: Some("us-national".into()),
        least_ring: Some(Duration::from_secs(61)),
        bars_local_number: true,
        ..open("us-va", &[])
    };
    let mut rules = Scripted::of(vec![everything, AppliedRule { place: 1, ..open("us-va", &[]) }]);
    rules.applied.places[0].region = Some(Region::parse("US-VA").expect("a state"));
    rules.applied.places.push(Place { zones: Vec::new(), ..place() });
    let of_virginia = |caller: &crate::CallerNumber| {
        (caller.phone_number.clone(), Region::parse("US-VA").expect("a state"))
    };
    rules.states = asked.callers.iter().map(of_virginia).collect();
    let decision = asked.of(&rules).decision;
    assert_eq!(
        codes(&decision),
        [
            Code::CountryNotAllowed,
            Code::CalleeOptedOut,
            Code::OnDoNotCallList,
            Code::DoNotCallListStale,
            Code::ConsentMissing,
            Code::OutsideCallingHours,
            Code::AttemptCap,
            Code::CoolDown,
            Code::CalleeZoneUnknown,
            Code::CallerNumberBarred,
            Code::RingTooShort,
        ]
    );
    assert!(decision.refusals[0].detail.ends_with("the policy allows: US"), "{:?}", decision.refusals[0]);
    assert!(decision.rules_applied.iter().all(|used| used.mode == Mode::Enforce));
    let of_data = decision.rules_applied.iter().filter(|used| &*used.id.0 == "us-va");
    assert_eq!(of_data.map(|used| used.group).collect::<Vec<_>>().len(), 3);
    assert!(decision.rules_applied.iter().all(|used| used.verdict != RuleVerdict::Allows));
}

#[test]
fn a_group_warns_or_is_not_asked() {
    let asked = |modes| {
        let mut asked = Asked::enforcing();
        asked.policy.modes = modes;
        asked.facts.is_suppressed = true;
        asked.facts.attempts = vec![NOW];
        asked
    };
    let capped = || {
        let cap = Cap { attempts: 1, within: Duration::from_hours(1), unless_consent: false };
        Scripted::of(vec![AppliedRule { caps: vec![cap], ..open("us-fl", &[]) }])
    };
    let warned = asked(Modes::default()).of(&capped());
    assert_eq!(codes(&warned.decision), [Code::CalleeOptedOut]);
    let warnings: Vec<_> = warned.decision.warnings.iter().map(|refusal| refusal.code).collect();
    assert_eq!(warnings, [Code::OutsideCallingHours, Code::AttemptCap]);
    let attempt = warned.attempt.expect("attempts are counted for the warning");
    assert_eq!((attempt.caps.len(), attempt.remember_for), (0, Duration::from_hours(1)));
    assert!(warned.refuse_suppressed);

    let (off, rules) = (asked(Modes::all(Mode::Off)), capped());
    let off = off.of(&rules);
    assert_eq!(off.decision.rules_applied, []);
    assert!(off.decision.is_allowed() && off.decision.warnings.is_empty());
    assert_eq!((rules.asked(), off.attempt, off.refuse_suppressed), (0, None, false));

    let enforced = asked(Modes::all(Mode::Enforce)).of(&capped()).attempt.expect("a cap");
    assert_eq!(enforced.caps.len(), 1);
}

#[test]
fn a_list_that_a_rule_asks_for_is_imported_and_at_most_31_days_old() {
    // The day of now is the 101st: 17 April in months of 28 days. 31 days earlier is 14 March.
    let refused = |copies| {
        let mut asked = Asked::enforcing();
        asked.facts.do_not_call_lists = copies;
        let asking = AppliedRule { do_not_call_list: Some("us-national".into()), ..rule("us-federal") };
        codes(&asked.of(&Scripted::of(vec![asking])).decision)
    };
    assert_eq!(refused(vec![list("us-national", (3, 14), false)]), []);
    assert_eq!(refused(vec![list("us-national", (3, 13), false)]), [Code::DoNotCallListStale]);
    assert_eq!(refused(vec![]), [Code::DoNotCallListStale]);
    assert_eq!(refused(vec![list("other", (4, 1), false)]), [Code::DoNotCallListStale]);
    let listed = vec![list("us-national", (4, 1), true), list("old", (1, 1), true)];
    assert_eq!(refused(listed), [Code::OnDoNotCallList; 2]);
}

#[test]
fn a_consent_of_the_kind_that_the_purpose_needs_exempts_from_lists() {
    let refused = |purpose, kind: Option<ConsentKind>| {
        let mut asked = Asked { purpose, ..Asked::enforcing() };
        asked.facts.do_not_call_lists = vec![list("us-national", (1, 1), true)];
        asked.facts.consents = kind.into_iter().map(|kind| consent(kind, -9)).collect();
        let asking = AppliedRule { do_not_call_list: Some("us-national".into()), ..rule("us") };
        codes(&asked.of(&Scripted::of(vec![asking])).decision)
    };
    let listed = [Code::OnDoNotCallList, Code::DoNotCallListStale];
    use CallPurpose::{Debt, Emergency, Telemarketing};
    assert_eq!(refused(Telemarketing, None), listed);
    assert_eq!(refused(Telemarketing, Some(ConsentKind::Express)), listed);
    assert_eq!(refused(Telemarketing, Some(ConsentKind::Written)), []);
    assert_eq!(refused(Debt, None), listed);
    assert_eq!(refused(Debt, Some(ConsentKind::Express)), []);
    assert_eq!(refused(Emergency, None), []);
}

#[test]
fn a_consent_is_given_and_in_force() {
    let refused = |needed, consents| {
        let mut asked = Asked::enforcing();
        asked.facts.consents = consents;
        codes(&asked.of(&Scripted::of(vec![AppliedRule { consent: Some(needed), ..rule("us") }])).decision)
    };
    use ConsentKind::{Express, Written};
    let revoked = |kind, given, at| Consent { revoked_at: Some(minutes(at)), ..consent(kind, given) };
    let expired = Consent { expires_at: Some(NOW), ..consent(Written, -9) };
    let cases = [
        (Express, vec![consent(Express, -9)], None),
        (Express, vec![consent(Written, -9)], None),
        (Written, vec![consent(Express, -9)], Some(Code::ConsentMissing)),
        (Written, vec![], Some(Code::ConsentMissing)),
        (Express, vec![consent(Express, 1)], Some(Code::ConsentMissing)),
        (Written, vec![expired], Some(Code::ConsentExpired)),
        (Express, vec![expired, consent(Express, -8)], None),
        (Express, vec![revoked(Express, -9, -5)], Some(Code::ConsentRevoked)),
        // A revocation ends the consents before it, and a consent given after it holds.
        (Express, vec![revoked(Express, -9, -5), consent(Express, -7)], Some(Code::ConsentRevoked)),
        (Written, vec![revoked(Express, -9, -5), consent(Written, -7)], Some(Code::ConsentRevoked)),
        (Express, vec![revoked(Express, -9, -5), consent(Express, -4)], None),
        // Who revokes the written consent may still be called for other reasons.
        (Express, vec![revoked(Written, -9, -5), consent(Express, -7)], None),
        (Express, vec![revoked(Express, -9, 5)], None),
    ];
    for (at, (needed, consents, expected)) in cases.into_iter().enumerate() {
        assert_eq!(refused(needed, consents), expected.into_iter().collect::<Vec<_>>(), "case {at}");
    }

    let mut asked = Asked { purpose: CallPurpose::Healthcare, ..Asked::enforcing() };
    asked.policy.consent_required = [CallPurpose::Healthcare].into();
    assert_eq!(codes(&asked.of(&Scripted::default()).decision), [Code::ConsentMissing]);
}

#[test]
fn a_consent_lifts_the_caps_that_say_so() {
    let capped = |unless_consent| {
        let cap = Cap { attempts: 0, within: Duration::from_hours(1), unless_consent };
        let mut asked = Asked::enforcing();
        asked.facts.consents = vec![consent(ConsentKind::Express, -9)];
        asked.of(&Scripted::of(vec![AppliedRule { caps: vec![cap], ..rule("us") }]))
    };
    let (lifted, kept) = (capped(true), capped(false));
    assert_eq!((codes(&lifted.decision), codes(&kept.decision)), (vec![], vec![Code::AttemptCap]));
    let attempt = lifted.attempt.expect("the consent may be revoked later");
    assert_eq!((attempt.caps, attempt.remember_for), (vec![], Duration::from_hours(1)));
}

#[test]
fn an_emergency_call_has_no_quiet_hours_and_unknown_zones_matter_only_for_hours() {
    let refused = |purpose, rules, has_zone: bool| {
        let mut rules = Scripted::of(rules);
        if !has_zone {
            rules.applied.places[0].zones.clear();
        }
        codes(&Asked { purpose, ..Asked::enforcing() }.of(&rules).decision)
    };
    let quiet = || vec![open("quiet-hours", &[])];
    for purpose in CallPurpose::ALL {
        let expected =
            if purpose == CallPurpose::Emergency { vec![] } else { vec![Code::OutsideCallingHours] };
        assert_eq!(refused(purpose, quiet(), true), expected, "{purpose:?}");
    }
    // The rule data has no hours for a place without a zone.
    let unknown = [Code::CalleeZoneUnknown];
    assert_eq!(refused(CallPurpose::Debt, vec![], false), unknown, "quiet hours apply everywhere");
    assert_eq!(refused(CallPurpose::Emergency, vec![], false), []);
    assert_eq!(refused(CallPurpose::Emergency, vec![rule("us-fl")], false), unknown, "it may have hours");
}

#[test]
fn each_strategy_picks_its_number_and_says_why() {
    let rules = Scripted {
        near: vec![
            (number("+16135550100"), Proximity::SameRegion),
            (number("+12125550100"), Proximity::SameAreaCode),
        ],
        ..Scripted::default()
    };
    let picked = |strategy, last: Option<&str>, rules: &Scripted| {
        let mut asked = Asked::enforcing();
        asked.policy.caller_number = strategy;
        asked.facts.last_caller = last.map(number);
        let decided = asked.of(rules);
        let (number, why) = decided.decision.caller_number.expect("a number");
        assert_eq!(asked_number(decided.caller), number);
        (decided.caller, why)
    };
    use CallerNumberStrategy::{First, Local, Sticky};
    let near = Some("+16135550100");
    assert_eq!(picked(First, near, &rules), (0, CallerReason::First));
    assert_eq!(picked(Sticky, near, &rules), (1, CallerReason::LastAnswered));
    assert_eq!(picked(Sticky, Some("+14165550199"), &rules), (0, CallerReason::First));
    assert_eq!(picked(Sticky, None, &rules), (0, CallerReason::First));
    assert_eq!(picked(Local, near, &rules), (2, CallerReason::SameAreaCode));
    assert_eq!(picked(Local, None, &Scripted::default()), (0, CallerReason::First));
}

fn asked_number(at: usize) -> crate::PhoneNumber {
    Asked::enforcing().callers[at].phone_number.clone()
}

#[test]
fn a_barred_number_is_never_picked_if_there_is_another_one() {
    let virginia = Region::parse("US-VA").expect("a state");
    let mut rules = Scripted::of(vec![AppliedRule { bars_local_number: true, ..rule("us-va") }]);
    rules.applied.places[0].region = Some(virginia.clone());
    rules.near.push((number("+14165550100"), Proximity::SameAreaCode));
    rules.states.push((number("+14165550100"), virginia));
    let mut asked = Asked::enforcing();
    asked.policy.caller_number = CallerNumberStrategy::Local;
    asked.callers = vec![caller("+14165550100"), caller("+12125550100")];
    let decided = asked.ask(&rules, |question| decide(&rules, question));
    assert!(decided.decision.is_allowed(), "{:?}", decided.decision);
    assert_eq!(
        (decided.caller, decided.decision.caller_number.map(|it| it.1)),
        (1, Some(CallerReason::First))
    );

    asked.callers.pop();
    let refused = asked.ask(&rules, |question| decide(&rules, question));
    assert_eq!((refused.caller, codes(&refused.decision)), (0, vec![Code::CallerNumberBarred]));
}
