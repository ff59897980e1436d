use crate::{
    AppliedRule, Decision, Mode, Modes, Refusal, RefusalCode, RuleGroup, RuleId, RuleVerdict, Timestamp,
    UsedRule,
};

/// What the rules say about a call, as they are asked one after the other.
pub(super) struct Findings {
    modes: Modes,
    rules: Vec<UsedRule>,
    found: Vec<Found>,
}

struct Found {
    mode: Mode,
    rule: Source,
    reason: Reason,
}

/// A rule, and where it is written.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) id: RuleId,
    pub(super) version: u32,
    pub(super) source: Box<str>,
}

/// A reason against a call.
pub(super) struct Reason {
    pub(super) code: RefusalCode,
    pub(super) detail: Box<str>,
    pub(super) opens_at: Option<Timestamp>,
    /// The place in [`AppliedRules::places`](crate::AppliedRules), for hours.
    pub(super) place: Option<usize>,
}

impl Reason {
    pub(super) fn new(code: RefusalCode, detail: impl Into<Box<str>>) -> Self {
        Self { code, detail: detail.into(), opens_at: None, place: None }
    }
}

impl From<&AppliedRule> for Source {
    fn from(rule: &AppliedRule) -> Self {
        Self { id: rule.id.clone(), version: rule.version, source: rule.source.clone() }
    }
}

impl Findings {
    pub(super) const fn new(modes: Modes) -> Self {
        Self { modes, rules: Vec::new(), found: Vec::new() }
    }

    pub(super) const fn mode(&self, group: RuleGroup) -> Mode {
        self.modes.of(group)
    }

    /// Asks a rule, unless its group is off.
    pub(super) fn ask(&mut self, group: RuleGroup, rule: Source, asked: impl FnOnce() -> Vec<Reason>) {
        let mode = self.modes.of(group);
        if mode == Mode::Off {
            return;
        }
        let reasons = asked();
        let first = reasons.iter().map(|reason| reason.code).min();
        let used = self.rules.iter_mut().find(|used| used.id == rule.id && used.group == group);
        match (used, first) {
            // A rule is asked for each place and for each of its conditions.
            (Some(used), Some(code)) => {
                used.verdict = match used.verdict {
                    RuleVerdict::Allows => RuleVerdict::Refuses(code),
                    RuleVerdict::Refuses(before) => RuleVerdict::Refuses(before.min(code)),
                };
            }
            (Some(_), None) => {}
            (None, first) => self.rules.push(UsedRule {
                id: rule.id.clone(),
                version: rule.version,
                source: rule.source.clone(),
                group,
                mode,
                verdict: first.map_or(RuleVerdict::Allows, RuleVerdict::Refuses),
            }),
        }
        self.found.extend(reasons.into_iter().map(|reason| Found { mode, rule: rule.clone(), reason }));
    }

    /// The decision, as far as the rules were asked.
    pub(super) fn decision(&self) -> Decision {
        self.decision_with(|_, _| None)
    }

    /// The same, with the next open time of the rules that have hours, by id and place.
    pub(super) fn decision_with(&self, opening: impl Fn(&RuleId, usize) -> Option<Timestamp>) -> Decision {
        let of_mode = |mode| {
            let found = self.found.iter().filter(|found| found.mode == mode);
            let mut refusals: Vec<_> = found.map(|found| found.refusal(&opening)).collect();
            refusals.sort_by_key(|refusal| refusal.code);
            refusals.dedup();
            refusals
        };
        Decision {
            refusals: of_mode(Mode::Enforce),
            warnings: of_mode(Mode::Warn),
            rules_applied: self.rules.clone(),
            ..Decision::default()
        }
    }
}

impl Found {
    fn refusal(&self, opening: impl Fn(&RuleId, usize) -> Option<Timestamp>) -> Refusal {
        let opens_at = match self.reason.place {
            Some(place) => opening(&self.rule.id, place),
            None => self.reason.opens_at,
        };
        Refusal {
            code: self.reason.code,
            rule_id: self.rule.id.clone(),
            source: self.rule.source.clone(),
            detail: self.reason.detail.clone(),
            opens_at,
        }
    }
}
