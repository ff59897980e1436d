use std::time::Duration;

use super::Question;
use super::findings::{Findings, Reason, Source};
use crate::ports::CallingRules;
use crate::{
    AppliedRule, AppliedRules, Interval, Mode, RefusalCode, RuleGroup, RuleId, TimeOfRule, Timestamp,
};

/// The rule of the organization's own hours.
const QUIET_HOURS: &str = "quiet-hours";

/// The group that the hours of a rule belong to.
pub(super) fn group(rule: &RuleId) -> RuleGroup {
    if &*rule.0 == QUIET_HOURS { RuleGroup::QuietHours } else { RuleGroup::CallingHours }
}

/// The open times of a rule. A place without a zone has none: its refusal is that the zone is not known.
fn open_times<'a>(applied: &'a AppliedRules, rule: &'a AppliedRule) -> Option<&'a [Interval]> {
    let has_zone = applied.places.get(rule.place).is_some_and(|place| !place.zones.is_empty());
    rule.open.as_ref().filter(|_| has_zone).map(|open| &*open.intervals)
}

/// Checks that the call is inside all hours when it is made and when the phone stops ringing, also after
/// the longest wait.
pub(super) fn check(
    findings: &mut Findings,
    question: &Question<'_>,
    rules: &dyn CallingRules,
    applied: &AppliedRules,
) {
    for rule in &applied.rules {
        let (Some(open), Some(intervals)) = (&rule.open, open_times(applied, rule)) else { continue };
        findings.ask(group(&rule.id), Source::from(rule), || {
            let is_open = |at| contains(intervals, at);
            let stops = question.now.after(question.stops_within());
            let (code, detail) = match (is_open(question.now), is_open(stops), &open.closed) {
                (true, true, _) => return Vec::new(),
                (true, false, _) => {
                    (RefusalCode::OutsideCallingHours, closes_while_ringing(question, rules, applied, rule))
                }
                (false, _, Some(TimeOfRule::Day(date, name))) => {
                    (RefusalCode::ClosedDay, format!("{date} is a closed day of the callee: {name}"))
                }
                (false, _, Some(TimeOfRule::Hours(date, minute))) => (
                    RefusalCode::OutsideCallingHours,
                    format!("it is {minute} on {date} for the callee, outside the hours of the rule"),
                ),
                (false, _, None) => {
                    (RefusalCode::OutsideCallingHours, "it is outside the hours of the rule".to_owned())
                }
            };
            vec![Reason { place: Some(rule.place), ..Reason::new(code, detail) }]
        });
    }
}

fn closes_while_ringing(
    question: &Question<'_>,
    rules: &dyn CallingRules,
    applied: &AppliedRules,
    rule: &AppliedRule,
) -> String {
    let zone = applied.places.get(rule.place).and_then(|place| place.zones.first());
    let local = zone.and_then(|zone| rules.local_time(zone, question.now));
    let time = local.map(|local| format!("it is {} for the callee, and ", local.minute)).unwrap_or_default();
    format!(
        "{time}the hours of the rule end while the phone may ring: within {} s",
        question.stops_within().as_secs()
    )
}

/// The next time at which this rule alone allows the call in this place.
pub(super) fn next_of(
    applied: &AppliedRules,
    question: &Question<'_>,
    id: &RuleId,
    place: usize,
) -> Option<Timestamp> {
    let rule =
        applied.rules.iter().find(|rule| rule.id == *id && rule.place == place && rule.open.is_some())?;
    next_open(open_times(applied, rule)?, question.now, question.stops_within())
}

/// The next time from `from` on at which all enforced hours allow the call.
pub(super) fn next(applied: &AppliedRules, question: &Question<'_>, from: Timestamp) -> Option<Timestamp> {
    let enforced: Vec<_> = applied
        .rules
        .iter()
        .filter(|rule| question.policy.modes.of(group(&rule.id)) == Mode::Enforce)
        .filter_map(|rule| open_times(applied, rule))
        .collect();
    let mut at = from;
    loop {
        let mut moved = at;
        for intervals in &enforced {
            moved = next_open(intervals, moved, question.stops_within())?;
        }
        if moved == at {
            return Some(at);
        }
        at = moved;
    }
}

/// The first time from `from` on that is inside, and from which the phone stops ringing inside.
fn next_open(intervals: &[Interval], from: Timestamp, stops_within: Duration) -> Option<Timestamp> {
    let mut at = from;
    loop {
        at = first_inside(intervals, at)?;
        let stops = at.after(stops_within);
        let inside = first_inside(intervals, stops)?;
        if inside == stops {
            return Some(at);
        }
        at = inside.before(stops_within);
    }
}

fn first_inside(intervals: &[Interval], from: Timestamp) -> Option<Timestamp> {
    let next = intervals.get(intervals.partition_point(|open| open.until <= from))?;
    Some(next.from.max(from))
}

fn contains(intervals: &[Interval], at: Timestamp) -> bool {
    first_inside(intervals, at) == Some(at)
}
