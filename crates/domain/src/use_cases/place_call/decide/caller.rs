use super::Question;
use super::findings::{Findings, Reason, Source};
use crate::ports::{CallingRules, Proximity};
use crate::{
    AppliedRule, AppliedRules, CallerNumber, CallerNumberStrategy, CallerReason, Mode, PhoneNumber,
    RefusalCode, Region, RuleGroup,
};

/// Picks the caller number by the policy's strategy among those that no rule bars, by its index. If
/// all are barred, the first one, with its refusal.
pub(super) fn pick(
    findings: &mut Findings,
    question: &Question<'_>,
    rules: &dyn CallingRules,
    applied: &AppliedRules,
) -> (usize, CallerReason) {
    let bars = Bars::of(findings, question, rules, applied);
    let fit: Vec<_> = question.callers.iter().enumerate().filter(|(_, caller)| !bars.bar(caller)).collect();
    let (picked, why) = match fit.first() {
        Some(first) => strategy(question, rules, &fit, *first),
        None => (0, CallerReason::First),
    };
    for (rule, region) in &bars.rules {
        findings.ask(RuleGroup::CallingHours, Source::from(*rule), || {
            let caller = question.callers.get(picked);
            let is_barred = caller.is_some_and(|caller| bars.is_of(&caller.phone_number, region));
            let detail = || {
                let region = region.as_str();
                format!("a caller number of {region} must not call there without a place of business in it")
            };
            is_barred.then(|| Reason::new(RefusalCode::CallerNumberBarred, detail())).into_iter().collect()
        });
    }
    (picked, if question.is_requested { CallerReason::Requested } else { why })
}

fn strategy(
    question: &Question<'_>,
    rules: &dyn CallingRules,
    fit: &[(usize, &CallerNumber)],
    first: (usize, &CallerNumber),
) -> (usize, CallerReason) {
    let (first, callee) = ((first.0, CallerReason::First), question.destination.number());
    match question.policy.caller_number {
        CallerNumberStrategy::First => first,
        CallerNumberStrategy::Sticky => {
            let last = question.facts.last_caller.as_ref();
            let is_last = |(_, caller): &&(usize, &CallerNumber)| Some(&caller.phone_number) == last;
            fit.iter().find(is_last).map_or(first, |(at, _)| (*at, CallerReason::LastAnswered))
        }
        CallerNumberStrategy::Local => {
            let near = |wanted| {
                let is_near = |(_, caller): &&(usize, &CallerNumber)| {
                    rules.proximity(&caller.phone_number, callee) == wanted
                };
                fit.iter().find(is_near).map(|(at, _)| *at)
            };
            let same_area = near(Proximity::SameAreaCode).map(|at| (at, CallerReason::SameAreaCode));
            let same_region = || near(Proximity::SameRegion).map(|at| (at, CallerReason::SameRegion));
            same_area.or_else(same_region).unwrap_or(first)
        }
    }
}

/// The rules that bar caller numbers of their own regions.
struct Bars<'a> {
    rules: Vec<(&'a AppliedRule, &'a Region)>,
    /// The states of each number of the user; empty if no rule bars any.
    regions: Vec<(&'a PhoneNumber, Vec<Region>)>,
}

impl<'a> Bars<'a> {
    fn of(
        findings: &Findings,
        question: &Question<'a>,
        rules: &dyn CallingRules,
        applied: &'a AppliedRules,
    ) -> Self {
        if findings.mode(RuleGroup::CallingHours) == Mode::Off {
            return Self { rules: Vec::new(), regions: Vec::new() };
        }
        let barring = applied.rules.iter().filter(|rule| rule.bars_local_number);
        let barring =
            barring.filter_map(|rule| Some((rule, applied.places.get(rule.place)?.region.as_ref()?)));
        let barring: Vec<_> = barring.collect();
        let callers = if barring.is_empty() { &[] } else { question.callers };
        let regions = callers.iter().map(|caller| &caller.phone_number);
        let regions = regions.map(|number| (number, rules.states(number))).collect();
        Self { rules: barring, regions }
    }

    fn bar(&self, caller: &CallerNumber) -> bool {
        self.rules.iter().any(|(_, region)| self.is_of(&caller.phone_number, region))
    }

    fn is_of(&self, number: &PhoneNumber, region: &Region) -> bool {
        self.regions.iter().any(|(of, regions)| *of == number && regions.contains(region))
    }
}
