use super::super::*;
use crate::ports::Proximity;
use crate::{
    AppliedRule, Carrier, Interval, LocalDate, LocalMoment, MinuteOfDay, Modes, OpenTimes, OrganizationId,
    PhoneNumber, Place, PlaceBasis, Region, RuleId, UserId,
};

pub(super) const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

pub(super) fn minutes(minutes: i64) -> Timestamp {
    Timestamp::from_unix_millis(NOW.unix_millis() + minutes * 60_000)
}

/// Rule data that says the same of every number, within the span of the question. A day has 24 hours
/// from [`NOW`].
#[derive(Default)]
pub(super) struct Scripted {
    pub(super) applied: AppliedRules,
    pub(super) near: Vec<(PhoneNumber, Proximity)>,
    pub(super) states: Vec<(PhoneNumber, Region)>,
    pub(super) questions: std::sync::atomic::AtomicUsize,
}

impl Scripted {
    pub(super) fn of(rules: Vec<AppliedRule>) -> Self {
        Self { applied: AppliedRules { places: vec![place()], rules }, ..Self::default() }
    }

    pub(super) fn asked(&self) -> usize {
        self.questions.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl CallingRules for Scripted {
    fn apply(&self, question: &RuleQuestion<'_>) -> AppliedRules {
        self.questions.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut applied = self.applied.clone();
        let has_quiet_hours = question.open_hours.is_some();
        let has_packs = *question.packs != PackChoice::None;
        applied.rules.retain(|rule| if &*rule.id.0 == "quiet-hours" { has_quiet_hours } else { has_packs });
        for open in applied.rules.iter_mut().filter_map(|rule| rule.open.as_mut()) {
            for interval in &mut open.intervals {
                interval.from = interval.from.max(question.span.from);
                interval.until = interval.until.min(question.span.until);
            }
            open.intervals.retain(|interval| interval.from < interval.until);
        }
        applied
    }

    fn local_time(&self, _: &ZoneName, at: Timestamp) -> Option<LocalMoment> {
        let passed = at.unix_millis() - NOW.unix_millis();
        let minute = u16::try_from(passed.rem_euclid(86_400_000) / 60_000).ok()?;
        let day = 100 + passed.div_euclid(86_400_000);
        let date = LocalDate::new(2026, u8::try_from(1 + day / 28).ok()?, u8::try_from(1 + day % 28).ok()?);
        Some(LocalMoment { date: date.ok()?, minute: MinuteOfDay::from_minutes(minute)? })
    }

    fn start_of_day(&self, _: &ZoneName, at: Timestamp) -> Option<Timestamp> {
        let passed = (at.unix_millis() - NOW.unix_millis()).rem_euclid(86_400_000);
        Some(Timestamp::from_unix_millis(at.unix_millis() - passed))
    }

    fn proximity(&self, one: &PhoneNumber, _: &PhoneNumber) -> Proximity {
        let near = self.near.iter().find(|(number, _)| number == one);
        near.map_or(Proximity::Elsewhere, |(_, proximity)| *proximity)
    }

    fn states(&self, number: &PhoneNumber) -> Vec<Region> {
        self.states.iter().filter(|(of, _)| of == number).map(|(_, state)| state.clone()).collect()
    }

    fn knows(&self, _: &RuleId) -> bool {
        true
    }

    fn knows_zone(&self, _: &ZoneName) -> bool {
        true
    }
}

pub(super) fn place() -> Place {
    Place { region: None, basis: PlaceBasis::Number, zones: vec![ZoneName::utc()] }
}

pub(super) fn rule(id: &str) -> AppliedRule {
    AppliedRule {
        id: RuleId(id.into()),
        version: 1,
        source: "a law".into(),
        place: 0,
        open: None,
        caps: Vec::new(),
        cool_downs: Vec::new(),
        consent: None,
        do_not_call_list: None,
        least_ring: None,
        bars_local_number: false,
    }
}

/// A rule that is open in these minutes from [`NOW`].
pub(super) fn open(id: &str, hours: &[(i64, i64)]) -> AppliedRule {
    let interval = |(from, until): &(i64, i64)| Interval { from: minutes(*from), until: minutes(*until) };
    let intervals = hours.iter().map(interval).collect();
    AppliedRule { open: Some(OpenTimes { intervals, closed: None }), ..rule(id) }
}

pub(super) fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

pub(super) fn caller(text: &str) -> CallerNumber {
    CallerNumber {
        organization_id: OrganizationId::parse("o1").expect("an id"),
        user_id: UserId::parse("u1").expect("an id"),
        phone_number: number(text),
        carrier: Carrier::named("sinch"),
        ai_enabled: true,
        on_trunk: true,
        provider_number_id: None,
    }
}

/// A call with everything that a test does not change.
pub(super) struct Asked {
    pub(super) facts: CallingFacts,
    pub(super) policy: CallingPolicy,
    pub(super) purpose: CallPurpose,
    pub(super) callers: Vec<CallerNumber>,
    pub(super) waits_for: Duration,
    pub(super) rings_for: Duration,
}

impl Asked {
    /// All rules are enforced.
    pub(super) fn enforcing() -> Self {
        Self {
            facts: CallingFacts::default(),
            policy: CallingPolicy { modes: Modes::all(Mode::Enforce), ..CallingPolicy::default() },
            purpose: CallPurpose::Telemarketing,
            callers: vec![caller("+14165550100"), caller("+16135550100"), caller("+12125550100")],
            waits_for: Duration::ZERO,
            rings_for: Duration::from_secs(60),
        }
    }

    pub(super) fn of(self, rules: &Scripted) -> Decided {
        self.ask(rules, |question| decide(rules, question))
    }

    pub(super) fn ask<T>(&self, _: &Scripted, asking: impl FnOnce(&Question<'_>) -> T) -> T {
        let plan = crate::NumberingPlan::default();
        let destination = Destination::new(number("+14165550110"), &plan).expect("a destination");
        asking(&Question {
            facts: &self.facts,
            policy: &self.policy,
            revision: 7,
            purpose: self.purpose,
            destination: &destination,
            callers: &self.callers,
            is_requested: false,
            now: NOW,
            waits_for: self.waits_for,
            rings_for: self.rings_for,
        })
    }
}

pub(super) fn codes(decision: &Decision) -> Vec<RefusalCode> {
    decision.refusals.iter().map(|refusal| refusal.code).collect()
}
