use std::time::Duration;

use super::Question;
use super::consent;
use super::findings::{Findings, Reason, Source};
use crate::{
    AppliedRules, AttemptCount, Cap, Cause, ConsentKind, CoolDown, Mode, RefusalCode, RuleGroup, Timestamp,
};

/// The rule of a refusal by the booking, which does not say which cap was reached.
pub(super) const BOOKED: &str = "attempts";

/// Checks caps and pauses, and returns how the booking counts the attempt.
pub(super) fn check(
    findings: &mut Findings,
    question: &Question<'_>,
    applied: &AppliedRules,
) -> Option<AttemptCount> {
    let mode = findings.mode(RuleGroup::Caps);
    if mode == Mode::Off {
        return None;
    }
    let mut counted = AttemptCount { caps: Vec::new(), remember_for: Duration::ZERO };
    for (rule, caps, cool_downs) in rules(question, applied) {
        let has_consent = consent::state(question, ConsentKind::Express).is_ok();
        let binding: Vec<_> = caps.iter().filter(|cap| !(cap.unless_consent && has_consent)).collect();
        if !caps.is_empty() || !cool_downs.is_empty() {
            findings.ask(RuleGroup::Caps, rule, || {
                let reached = binding.iter().filter_map(|cap| reached(cap, question));
                reached.chain(cool_downs.iter().filter_map(|pause| paused(pause, question))).collect()
            });
        }
        counted.remember_for = caps.iter().map(|cap| cap.within).fold(counted.remember_for, Ord::max);
        for cap in binding {
            if mode == Mode::Enforce && !counted.caps.contains(cap) {
                counted.caps.push(*cap);
            }
        }
    }
    (!counted.remember_for.is_zero()).then_some(counted)
}

/// The rules with caps and pauses: the organization's own, and those of the rule data.
fn rules(question: &Question<'_>, applied: &AppliedRules) -> Vec<(Source, Vec<Cap>, Vec<CoolDown>)> {
    let policy = question.policy;
    let own = [
        (Cause::Conversation, policy.cool_down_after_conversation),
        (Cause::Decline, policy.cool_down_after_decline),
    ];
    let pauses =
        own.into_iter().filter_map(|(after, lasts)| Some(CoolDown { after, lasts: lasts? })).collect();
    let own = [
        (question.own_rule("attempt-caps"), policy.caps.clone(), Vec::new()),
        (question.own_rule("cool-downs"), Vec::new(), pauses),
    ];
    let of_data =
        applied.rules.iter().map(|rule| (Source::from(rule), rule.caps.clone(), rule.cool_downs.clone()));
    own.into_iter().chain(of_data).collect()
}

fn reached(cap: &Cap, question: &Question<'_>) -> Option<Reason> {
    let since = question.now.before(cap.within);
    let mut counted: Vec<_> = question.facts.attempts.iter().filter(|at| **at > since).collect();
    counted.sort_unstable();
    let limit = usize::try_from(cap.attempts).unwrap_or(usize::MAX);
    let over = counted.len().checked_sub(limit)?;
    let (count, within) = (counted.len(), span(cap.within));
    let detail =
        format!("{count} attempts in {within}, of at most {}, for this number and subject", cap.attempts);
    // The next attempt is allowed once all but one less than the limit are too old.
    let opens_at = counted.get(over).map(|at| at.after(cap.within));
    Some(Reason { opens_at, ..Reason::new(RefusalCode::AttemptCap, detail) })
}

fn paused(pause: &CoolDown, question: &Question<'_>) -> Option<Reason> {
    let (last, what): (Option<Timestamp>, _) = match pause.after {
        Cause::Conversation => (question.facts.last_conversation, "a conversation"),
        Cause::Decline => (question.facts.last_decline, "the callee declined a call"),
    };
    let opens_at = last?.after(pause.lasts);
    let detail = format!("no call within {} after {what}", span(pause.lasts));
    let reason = Reason { opens_at: Some(opens_at), ..Reason::new(RefusalCode::CoolDown, detail) };
    (opens_at > question.now).then_some(reason)
}

fn span(time: Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    match time.as_secs() {
        secs if secs % DAY == 0 => format!("{} d", secs / DAY),
        secs if secs % 3600 == 0 => format!("{} h", secs / 3600),
        secs => format!("{secs} s"),
    }
}
