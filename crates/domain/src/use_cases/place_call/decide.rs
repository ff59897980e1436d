//! Whether a call may be made now: a pure function over what the store and the rule data know.
//!
//! These are facts for a product, not legal advice.

mod attempts;
mod caller;
mod consent;
mod findings;
mod hours;
mod lists;

use std::time::Duration;

use self::findings::{Findings, Reason, Source};
use crate::ports::{CallingRules, RuleQuestion};
use crate::{
    AppliedRules, Area, AttemptCount, CallPurpose, CalleeTime, CallerNumber, CallingFacts, CallingPolicy,
    Country, Decision, Destination, Interval, LocalDate, Mode, PackChoice, Place, RefusalCode, RuleGroup,
    RuleId, Timestamp, ZoneName,
};

/// A call, as far as the decision depends on it.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) facts: &'a CallingFacts,
    pub(super) policy: &'a CallingPolicy,
    /// The revision of the policy.
    pub(super) revision: u64,
    pub(super) purpose: CallPurpose,
    pub(super) destination: &'a Destination,
    /// The numbers that the call may come from, in their order; at least one.
    pub(super) callers: &'a [CallerNumber],
    /// Whether the client requested the number.
    pub(super) is_requested: bool,
    pub(super) now: Timestamp,
    /// How long the call may wait before the phone rings.
    pub(super) waits_for: Duration,
    /// How long the phone may ring.
    pub(super) rings_for: Duration,
}

/// A decision, and what the booking does with it.
#[derive(Debug, Clone)]
pub(super) struct Decided {
    pub(super) decision: Decision,
    /// The caller number, by its index in [`Question::callers`].
    pub(super) caller: usize,
    pub(super) refuse_suppressed: bool,
    pub(super) attempt: Option<AttemptCount>,
}

/// How far ahead the next open time is looked for.
const LOOK_AHEAD: Duration = Duration::from_hours(31 * 24);
/// Open times are half-open: the instant at which the phone stops ringing is inside the span.
const INSIDE: Duration = Duration::from_secs(1);

/// Decides on a call. It collects every refusal, and asks the rule data a second time only if there
/// is one.
pub(super) fn decide(rules: &dyn CallingRules, question: &Question<'_>) -> Decided {
    let soon = question.now.after(question.stops_within()).after(INSIDE);
    let applied = question.ask(rules, Interval { from: question.now, until: soon });
    let mut findings = Findings::new(question.policy.modes);
    question.check_country(&mut findings);
    lists::check(&mut findings, question, rules, &applied);
    consent::check(&mut findings, question, &applied);
    hours::check(&mut findings, question, rules, &applied);
    question.check_zones(&mut findings, &applied);
    question.check_ring(&mut findings, &applied);
    let attempt = attempts::check(&mut findings, question, &applied);
    let (caller, why) = caller::pick(&mut findings, question, rules, &applied);
    let mut decision =
        Decision { callee_local_time: local_times(rules, &applied, question.now), ..findings.decision() };
    if !decision.is_allowed() {
        let opening = question.opening(rules, &findings, question.now);
        decision = Decision { callee_local_time: decision.callee_local_time, ..opening };
    }
    let number = question.callers.get(caller).map(|caller| caller.phone_number.clone());
    decision.caller_number = number.map(|number| (number, why));
    let refuse_suppressed = question.policy.modes.of(RuleGroup::Suppressions) == Mode::Enforce;
    Decided { decision, caller, refuse_suppressed, attempt }
}

impl Question<'_> {
    /// How long after the decision the phone may still ring.
    fn stops_within(&self) -> Duration {
        self.waits_for.saturating_add(self.rings_for)
    }

    /// Asks the rule data, unless no group needs it.
    fn ask(&self, rules: &dyn CallingRules, span: Interval) -> AppliedRules {
        const OF_PACKS: [RuleGroup; 4] =
            [RuleGroup::Suppressions, RuleGroup::CallingHours, RuleGroup::Caps, RuleGroup::Consent];
        let has_packs = OF_PACKS.into_iter().any(|group| self.is_on(group));
        let chosen = self.policy.packs.get(&self.purpose).unwrap_or(&PackChoice::Auto);
        let packs = if has_packs { chosen } else { &PackChoice::None };
        let closed_days = self.closed_days();
        if *packs == PackChoice::None && !self.has_quiet_hours() && closed_days.is_empty() {
            return AppliedRules::default();
        }
        let default_zones: Vec<(Country, ZoneName)> =
            self.policy.default_zones.iter().map(|(country, zone)| (*country, zone.clone())).collect();
        rules.apply(&RuleQuestion {
            number: self.destination.number(),
            country: country(self.destination),
            stated: &self.facts.place,
            purpose: self.purpose,
            packs,
            open_hours: self.has_quiet_hours().then_some(self.policy.open_hours),
            closed_days: &closed_days,
            default_zones: &default_zones,
            span,
        })
    }

    /// The rule of the organization's own with this name.
    fn own_rule(&self, id: &str) -> Source {
        Source {
            id: RuleId(id.into()),
            version: u32::try_from(self.revision).unwrap_or(u32::MAX),
            source: "the organization's calling policy".into(),
        }
    }

    /// The policy narrows the countries that the operator allows.
    fn check_country(&self, findings: &mut Findings) {
        let Some(allowed) = &self.policy.allowed_countries else { return };
        findings.ask(RuleGroup::Countries, self.own_rule("allowed-countries"), || {
            let area = self.destination.area();
            let is_allowed = match area {
                Area::Country(country) => allowed.contains(&country),
                Area::International => false,
                // The operator has named its prefix.
                Area::ExtraRange => true,
            };
            let list = allowed.iter().map(|country| country.as_str()).collect::<Vec<_>>().join(", ");
            let list = if list.is_empty() { "none" } else { &list };
            let detail = || format!("calls to numbers of {area} are not allowed; the policy allows: {list}");
            (!is_allowed).then(|| Reason::new(RefusalCode::CountryNotAllowed, detail())).into_iter().collect()
        });
    }

    /// The rule data has no hours for a place without a zone, so that only this protects the callee.
    fn check_zones(&self, findings: &mut Findings, applied: &AppliedRules) {
        let has_own_hours = self.has_quiet_hours() || !self.closed_days().is_empty();
        for (at, place) in applied.places.iter().enumerate() {
            let may_have_hours = self.is_on(RuleGroup::CallingHours)
                && applied
                    .rules
                    .iter()
                    .any(|rule| rule.place == at && hours::group(&rule.id) != RuleGroup::QuietHours);
            if !has_own_hours && !may_have_hours {
                continue;
            }
            findings.ask(RuleGroup::Zone, self.own_rule("callee-zone"), || {
                let detail = "the time zone of the number is not known, or it may be in zones without common hours: \
                              store the zone or the state of the contact";
                let is_unknown = place.zones.is_empty();
                is_unknown.then(|| Reason::new(RefusalCode::CalleeZoneUnknown, detail)).into_iter().collect()
            });
        }
    }

    fn is_on(&self, group: RuleGroup) -> bool {
        self.policy.modes.of(group) != Mode::Off
    }

    fn has_quiet_hours(&self) -> bool {
        self.is_on(RuleGroup::QuietHours) && self.purpose != CallPurpose::Emergency
    }

    fn closed_days(&self) -> Vec<LocalDate> {
        let days = self.policy.closed_days.iter().copied();
        if self.is_on(RuleGroup::CallingHours) { days.collect() } else { Vec::new() }
    }

    fn check_ring(&self, findings: &mut Findings, applied: &AppliedRules) {
        for rule in &applied.rules {
            let Some(least) = rule.least_ring else { continue };
            findings.ask(RuleGroup::CallingHours, Source::from(rule), || {
                let detail = || {
                    let rings_for = self.rings_for.as_secs();
                    format!(
                        "the phone rings for at most {rings_for} s and must ring for {} s",
                        least.as_secs()
                    )
                };
                let is_short = self.rings_for < least;
                is_short.then(|| Reason::new(RefusalCode::RingTooShort, detail())).into_iter().collect()
            });
        }
    }

    /// The decision with the times at which its refusals end. `earliest` is the time before which no
    /// call is made for another reason.
    fn opening(&self, rules: &dyn CallingRules, findings: &Findings, earliest: Timestamp) -> Decision {
        let from_now = self.ask(rules, ahead(self.now));
        let mut decision = findings.decision_with(|id, place| hours::next_of(&from_now, self, id, place));
        // Caps and pauses end once. Hours end and begin again, so they are asked for the time after them.
        let ends = decision.refusals.iter().map(|refusal| match refusal.code {
            RefusalCode::OutsideCallingHours | RefusalCode::ClosedDay => refusal.opens_at.map(|_| self.now),
            _ => refusal.opens_at,
        });
        let Some(others) = ends.collect::<Option<Vec<_>>>() else { return decision };
        let from = others.into_iter().fold(earliest.max(self.now), Ord::max);
        let then = if from > self.now { self.ask(rules, ahead(from)) } else { from_now };
        decision.opens_at = hours::next(&then, self, from);
        decision
    }
}

impl Decided {
    /// The decision after the lock or the booking refused the call: with this one refusal.
    pub(super) fn refused_by(
        &self,
        code: RefusalCode,
        rules: &dyn CallingRules,
        question: &Question<'_>,
    ) -> Decision {
        let (id, group, detail) = match code {
            RefusalCode::UserCallLimit => {
                ("user-calls-per-day", RuleGroup::Caps, "the user's calls of the day are used up")
            }
            RefusalCode::OrganizationCallLimit => (
                "organization-calls-per-day",
                RuleGroup::Caps,
                "the organization's calls of the day are used up",
            ),
            RefusalCode::CalleeOptedOut => {
                (lists::SUPPRESSIONS, RuleGroup::Suppressions, "the callee was suppressed a moment ago")
            }
            _ => (attempts::BOOKED, RuleGroup::Caps, "a concurrent call used up the last attempt"),
        };
        let opens_at = match code {
            RefusalCode::UserCallLimit | RefusalCode::OrganizationCallLimit => {
                next_day(rules, &question.policy.time_zone, question.now)
            }
            _ => None,
        };
        let mut findings = Findings::new(question.policy.modes.with(group, Mode::Enforce));
        findings.ask(group, question.own_rule(id), || vec![Reason { opens_at, ..Reason::new(code, detail) }]);
        let refused = match opens_at {
            Some(opens_at) => question.opening(rules, &findings, opens_at),
            None => findings.decision(),
        };
        let mut rules_applied = self.decision.rules_applied.clone();
        rules_applied.extend(refused.rules_applied);
        Decision {
            refusals: refused.refusals,
            opens_at: refused.opens_at,
            rules_applied,
            ..self.decision.clone()
        }
    }
}

fn ahead(from: Timestamp) -> Interval {
    Interval { from, until: from.after(LOOK_AHEAD) }
}

/// When the next day of the calendar begins.
fn next_day(rules: &dyn CallingRules, zone: &ZoneName, now: Timestamp) -> Option<Timestamp> {
    // A day has 23 to 25 hours, so this is within the next one.
    const INTO_THE_NEXT_DAY: Duration = Duration::from_hours(26);
    rules.start_of_day(zone, rules.start_of_day(zone, now)?.after(INTO_THE_NEXT_DAY))
}

const fn country(destination: &Destination) -> Option<Country> {
    match destination.area() {
        Area::Country(country) => Some(country),
        Area::International | Area::ExtraRange => None,
    }
}

fn local_times(rules: &dyn CallingRules, applied: &AppliedRules, now: Timestamp) -> Vec<CalleeTime> {
    let of_place = |place: &Place| {
        let (region, basis) = (place.region.clone(), place.basis);
        let times = place.zones.iter().filter_map(move |zone| {
            let at = rules.local_time(zone, now)?;
            Some(CalleeTime { region: region.clone(), basis, zone: zone.clone(), at })
        });
        times.collect::<Vec<_>>()
    };
    applied.places.iter().flat_map(of_place).collect()
}

#[cfg(test)]
mod tests;
