use std::time::Duration;

use super::findings::{Findings, Reason, Source};
use super::{Question, consent};
use crate::ports::CallingRules;
use crate::{
    AppliedRules, CallPurpose, ConsentKind, DoNotCallList, LocalDate, RefusalCode, RuleGroup, ZoneName,
};

pub(super) const SUPPRESSIONS: &str = "suppressions";
/// The greatest age of a copy of a do-not-call list that a rule asks for.
const MAX_AGE: Duration = Duration::from_hours(31 * 24);

/// Checks opt-outs and do-not-call lists.
pub(super) fn check(
    findings: &mut Findings,
    question: &Question<'_>,
    rules: &dyn CallingRules,
    applied: &AppliedRules,
) {
    let facts = question.facts;
    findings.ask(RuleGroup::Suppressions, question.own_rule(SUPPRESSIONS), || {
        let detail = "the number or the contact is suppressed: the person asked for no more calls";
        let opted_out = facts.is_suppressed.then(|| Reason::new(RefusalCode::CalleeOptedOut, detail));
        opted_out.into_iter().collect()
    });
    if question.purpose == CallPurpose::Emergency {
        return;
    }
    // A permission exempts from the lists, as it does by 47 CFR 64.1200(c)(2).
    let needed = match question.purpose {
        CallPurpose::Telemarketing => ConsentKind::Written,
        _ => ConsentKind::Express,
    };
    let is_exempt = consent::state(question, needed).is_ok();
    if !facts.do_not_call_lists.is_empty() {
        findings.ask(RuleGroup::Suppressions, question.own_rule("do-not-call-lists"), || {
            let listing = facts.do_not_call_lists.iter().filter(|list| list.has_number && !is_exempt);
            let reason = |list: &DoNotCallList| {
                let detail = format!("the number is on the list {} of {}", list.name, list.dated);
                Reason::new(RefusalCode::OnDoNotCallList, detail)
            };
            listing.map(reason).collect()
        });
    }
    for rule in &applied.rules {
        let Some(name) = &rule.do_not_call_list else { continue };
        findings.ask(RuleGroup::Suppressions, Source::from(rule), || {
            let copy = facts.do_not_call_lists.iter().find(|list| list.name == *name);
            let detail = match copy {
                None => format!("the list {name} that the rule asks for was never imported"),
                Some(copy) if is_stale(copy.dated, question, rules) => {
                    format!("the list {name} of {} is older than 31 days", copy.dated)
                }
                Some(_) => return Vec::new(),
            };
            if is_exempt {
                return Vec::new();
            }
            vec![Reason::new(RefusalCode::DoNotCallListStale, detail)]
        });
    }
}

fn is_stale(dated: LocalDate, question: &Question<'_>, rules: &dyn CallingRules) -> bool {
    let oldest = question.now.before(MAX_AGE);
    let local = rules.local_time(&question.policy.time_zone, oldest);
    local.or_else(|| rules.local_time(&ZoneName::utc(), oldest)).is_none_or(|oldest| dated < oldest.date)
}
