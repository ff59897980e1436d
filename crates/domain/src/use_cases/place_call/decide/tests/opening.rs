use proptest::prelude::*;

use super::super::*;
use super::scripted::{Asked, NOW, Scripted, codes, minutes, open, rule};
use crate::{AppliedRule, Cap, Cause, CoolDown, Interval, RefusalCode as Code};

#[test]
fn a_window_must_hold_until_the_phone_stops_ringing() {
    let rings_for = Duration::from_secs(30);
    // 20 seconds before the end of the hours; the next ones begin 100 minutes later.
    let mut closing = open("us-fl", &[(-60, 0), (100, 160)]);
    let end = Timestamp::from_unix_millis(NOW.unix_millis() + 20_000);
    closing.open.as_mut().expect("hours").intervals[0].until = end;
    let decision =
        Asked { rings_for, ..Asked::enforcing() }.of(&Scripted::of(vec![closing.clone()])).decision;
    assert_eq!(codes(&decision), [Code::OutsideCallingHours]);
    assert_eq!(decision.opens_at, Some(minutes(100)));
    assert!(decision.refusals[0].detail.contains("while the phone may ring"), "{decision:?}");

    // The instant at which the hours end is outside.
    closing.open.as_mut().expect("hours").intervals[0].until = NOW.after(rings_for);
    let refused = Asked { rings_for, ..Asked::enforcing() }.of(&Scripted::of(vec![closing.clone()])).decision;
    assert_eq!(codes(&refused), [Code::OutsideCallingHours]);
    closing.open.as_mut().expect("hours").intervals[0].until = NOW.after(rings_for * 2);
    let allowed = Asked { rings_for, ..Asked::enforcing() }.of(&Scripted::of(vec![closing])).decision;
    assert!(allowed.is_allowed() && allowed.opens_at.is_none());
}

/// The decision is made before a call waits for its slot, and holds until its phone stops ringing.
#[test]
fn a_window_must_also_hold_for_the_longest_wait() {
    let rings_for = Duration::from_secs(30);
    let mut closing = open("us-fl", &[(-60, 0), (100, 160)]);
    closing.open.as_mut().expect("hours").intervals[0].until = NOW.after(Duration::from_secs(34));
    for (waits, is_allowed) in [(3, true), (4, false), (5, false)] {
        let asked = Asked { waits_for: Duration::from_secs(waits), rings_for, ..Asked::enforcing() };
        let decision = asked.of(&Scripted::of(vec![closing.clone()])).decision;
        assert_eq!(decision.is_allowed(), is_allowed, "a wait of {waits} s: {decision:?}");
        assert_eq!(decision.opens_at, (!is_allowed).then(|| minutes(100)));
    }
}

#[test]
fn the_call_opens_when_all_hours_caps_and_pauses_agree() {
    let cap = Cap { attempts: 2, within: Duration::from_hours(2), unless_consent: false };
    let mut capped = open("us-fl", &[(10, 90), (200, 300)]);
    capped.caps.push(cap);
    let mut asked = Asked::enforcing();
    // The older of the two attempts leaves the two hours 60 minutes from now.
    asked.facts.attempts = vec![minutes(-30), minutes(-60), minutes(-500)];
    let quiet = open("quiet-hours", &[(-100, 5), (30, 61), (210, 220)]);
    let decision = asked.of(&Scripted::of(vec![capped, quiet])).decision;
    let ends: Vec<_> = decision.refusals.iter().map(|refusal| (refusal.code, refusal.opens_at)).collect();
    assert_eq!(ends, [(Code::OutsideCallingHours, Some(minutes(10))), (Code::AttemptCap, Some(minutes(60)))]);
    // The second hours of both rules: at 60 the quiet hours end before the phone stops ringing.
    assert_eq!(decision.opens_at, Some(minutes(210)));
}

#[test]
fn a_refusal_that_does_not_end_by_itself_leaves_the_time_open() {
    let mut asked = Asked::enforcing();
    asked.facts.is_suppressed = true;
    let decision = asked.of(&Scripted::of(vec![open("us-fl", &[(10, 90)])])).decision;
    assert_eq!(codes(&decision), [Code::CalleeOptedOut, Code::OutsideCallingHours]);
    assert_eq!((decision.opens_at, decision.refusals[1].opens_at), (None, Some(minutes(10))));

    let never = Asked::enforcing().of(&Scripted::of(vec![open("us-fl", &[])])).decision;
    assert_eq!((codes(&never), never.opens_at), (vec![Code::OutsideCallingHours], None));
}

#[test]
fn a_day_limit_of_the_lock_opens_on_the_next_day_within_all_hours() {
    let rules = Scripted::of(vec![open("us-fl", &[(-60, 90), (25 * 60, 26 * 60)])]);
    let asked = Asked::enforcing();
    let refused = asked.ask(&rules, |question| {
        let decided = decide(&rules, question);
        assert!(decided.decision.is_allowed());
        [Code::UserCallLimit, Code::CalleeOptedOut, Code::AttemptCap]
            .map(|code| decided.refused_by(code, &rules, question))
    });
    assert_eq!(refused.clone().map(|decision| decision.refusals.len()), [1; 3]);
    assert_eq!(refused[0].refusals[0].opens_at, Some(minutes(24 * 60)));
    assert_eq!(refused.map(|decision| decision.opens_at), [Some(minutes(25 * 60)), None, None]);
}

#[test]
fn the_rule_data_is_asked_twice_only_if_the_call_is_refused() {
    let [allowing, refusing] = [(-60, 90), (10, 90)].map(|hours| Scripted::of(vec![open("us-fl", &[hours])]));
    assert!(Asked::enforcing().of(&allowing).decision.is_allowed());
    assert!(!Asked::enforcing().of(&refusing).decision.is_allowed());
    assert_eq!((allowing.asked(), refusing.asked()), (1, 2));
}

/// Up to four open times of a rule, in steps of half a minute, some of them adjacent.
fn hours() -> impl Strategy<Value = Vec<Interval>> {
    prop::collection::vec((0..40_i64, 1..60_i64), 0..4).prop_map(|lengths| {
        let mut at = -20_i64;
        let intervals = lengths.into_iter().map(|(gap, length)| {
            let from = at + gap;
            at = from + length;
            Interval { from: half_minutes(from), until: half_minutes(at) }
        });
        intervals.collect()
    })
}

fn half_minutes(steps: i64) -> Timestamp {
    Timestamp::from_unix_millis(NOW.unix_millis() + steps * 30_000)
}

fn rules() -> impl Strategy<Value = Vec<AppliedRule>> {
    let cap = (1..3_u32, 1..60_u64).prop_map(|(attempts, steps)| {
        let within = Duration::from_secs(steps * 30);
        Cap { attempts, within, unless_consent: false }
    });
    let pause = (any::<bool>(), 1..60_u64).prop_map(|(declined, steps)| {
        let after = if declined { Cause::Decline } else { Cause::Conversation };
        CoolDown { after, lasts: Duration::from_secs(steps * 30) }
    });
    let one = (hours(), any::<bool>(), prop::collection::vec(cap, 0..2), prop::collection::vec(pause, 0..2))
        .prop_map(|(intervals, is_quiet, caps, cool_downs)| {
            let mut rule = AppliedRule { caps, cool_downs, ..open("", &[]) };
            rule.open.as_mut().expect("hours").intervals = intervals;
            (rule, is_quiet)
        });
    prop::collection::vec(one, 0..4).prop_map(|rules| {
        let name = |at: usize, (rule, is_quiet)| {
            let id = if is_quiet { "quiet-hours".to_owned() } else { format!("rule-{at}") };
            AppliedRule { id: RuleId(id.into()), ..rule }
        };
        let mut named: Vec<_> = rules.into_iter().enumerate().map(|(at, rule)| name(at, rule)).collect();
        // There is one rule of quiet hours.
        let mut has_quiet = false;
        named.retain(|rule| &*rule.id.0 != "quiet-hours" || !std::mem::replace(&mut has_quiet, true));
        named
    })
}

fn facts() -> impl Strategy<Value = CallingFacts> {
    let times = prop::collection::vec(-50..0_i64, 0..5);
    let last = || prop::option::of(-50..0_i64);
    (times, last(), last()).prop_map(|(attempts, conversation, decline)| CallingFacts {
        attempts: attempts.into_iter().map(half_minutes).collect(),
        last_conversation: conversation.map(half_minutes),
        last_decline: decline.map(half_minutes),
        ..CallingFacts::default()
    })
}

fn asking(facts: &CallingFacts, rings: u64) -> Asked {
    Asked { facts: facts.clone(), rings_for: Duration::from_secs(rings * 30), ..Asked::enforcing() }
}

/// Whether every rule allows a call at this time, computed without the code under test.
fn allows(rules: &[AppliedRule], facts: &CallingFacts, at: Timestamp, rings_for: Duration) -> bool {
    let inside = |rule: &AppliedRule, at: Timestamp| {
        rule.open.as_ref().expect("hours").intervals.iter().any(|open| open.from <= at && at < open.until)
    };
    rules.iter().all(|rule| {
        let is_open = inside(rule, at) && inside(rule, at.after(rings_for));
        let is_free = rule.caps.iter().all(|cap| {
            let counts = |attempt: &&Timestamp| attempt.after(cap.within) > at;
            facts.attempts.iter().filter(counts).count() < cap.attempts as usize
        });
        let is_rested = rule.cool_downs.iter().all(|pause| {
            let last = match pause.after {
                Cause::Conversation => facts.last_conversation,
                Cause::Decline => facts.last_decline,
            };
            last.is_none_or(|last| last.after(pause.lasts) <= at)
        });
        is_open && is_free && is_rested
    })
}

proptest! {
    #[test]
    fn a_call_is_allowed_if_each_rule_allows_it(rules in rules(), facts in facts(), rings in 1..5_u64) {
        let asked = asking(&facts, rings);
        let rings_for = asked.rings_for;
        let decision = asked.of(&Scripted::of(rules.clone())).decision;
        prop_assert_eq!(decision.is_allowed(), allows(&rules, &facts, NOW, rings_for));
        for rule in rules.into_iter().filter(|_| decision.is_allowed()) {
            let alone = asking(&facts, rings).of(&Scripted::of(vec![rule])).decision;
            prop_assert!(alone.is_allowed());
        }
    }

    #[test]
    fn the_time_at_which_a_call_opens_is_allowed_and_the_earliest(
        rules in rules(), facts in facts(), rings in 1..5_u64
    ) {
        let asked = asking(&facts, rings);
        let rings_for = asked.rings_for;
        let decision = asked.of(&Scripted::of(rules.clone())).decision;
        // All times of the rules are in steps of half a minute, so that it opens on one of them.
        let brute = (0..600).map(half_minutes).find(|at| allows(&rules, &facts, *at, rings_for));
        let expected = if decision.is_allowed() { None } else { brute };
        prop_assert_eq!(decision.opens_at, expected);
        for refusal in decision.refusals {
            prop_assert!(refusal.opens_at.is_none_or(|at| at > NOW && expected.is_none_or(|all| at <= all)));
        }
    }
}

#[test]
fn a_pause_longer_than_the_look_ahead_asks_for_the_hours_after_it() {
    const DAY: i64 = 24 * 60;
    let mut long = open("fr", &[(-60, 90), (60 * DAY + 30, 60 * DAY + 90)]);
    long.cool_downs.push(CoolDown { after: Cause::Decline, lasts: Duration::from_hours(60 * 24) });
    let mut asked = Asked::enforcing();
    asked.facts.last_decline = Some(NOW);
    let decision = asked.of(&Scripted::of(vec![long, rule("us-federal")])).decision;
    assert_eq!(decision.refusals[0].opens_at, Some(minutes(60 * DAY)));
    assert_eq!(decision.opens_at, Some(minutes(60 * DAY + 30)));
}
