//! The port.

use std::sync::Arc;

use domain::ports::{CallingRules, Proximity, RuleQuestion};
use domain::{
    AppliedRule, AppliedRules, LocalMoment, OpenTimes, PackChoice, PhoneNumber, Place, Region, RuleId,
    Timestamp, ZoneName,
};

use crate::clock::{DAY_MILLIS, Day, Zones, moment};
use crate::countries::Countries;
use crate::holidays;
use crate::hours::PlaceClock;
use crate::numbers::{Numbers, is_north_america};
use crate::places::Atlas;
use crate::rule_book::{DayHours, Rule, RuleBook, RuleVersion};

/// The id of the organization's open hours.
const QUIET_HOURS: &str = "quiet-hours";
/// The id of the organization's closed days.
const CLOSED_DAYS: &str = "closed-days";
const OF_THE_ORGANIZATION: &str = "the organization's policy";

/// The rule data of this build. A clone shares it.
#[derive(Debug, Clone)]
pub struct Rules(Arc<Data>);

#[derive(Debug)]
struct Data {
    zones: Zones,
    numbers: Numbers,
    countries: Countries,
    book: RuleBook,
}

impl Rules {
    /// Reads the data that are compiled in. It takes some milliseconds: make one and clone it.
    #[must_use]
    pub fn new() -> Self {
        const READABLE: &str = "the data of this build are readable, as a test checks";
        let calendars = holidays::read().expect(READABLE);
        let numbers = Numbers::read().expect(READABLE);
        Self(Arc::new(Data {
            zones: Zones::bundled(numbers.all_zones()),
            numbers,
            countries: Countries::read(),
            book: RuleBook::read(&calendars).expect(READABLE),
        }))
    }

    /// The ids of all rules, in the order of the data.
    pub fn ids(&self) -> impl Iterator<Item = &RuleId> {
        self.0.book.rules.iter().map(|rule| &rule.id)
    }

    pub(crate) fn book(&self) -> &RuleBook {
        &self.0.book
    }

    pub(crate) fn numbers(&self) -> &Numbers {
        &self.0.numbers
    }

    /// The rules of a place that are in force on a day.
    fn rules_at<'a>(
        &'a self,
        place: &Place,
        day: Day,
        question: &RuleQuestion<'_>,
    ) -> Vec<(&'a Rule, &'a RuleVersion)> {
        let in_force = |rule: &'a Rule| Some((rule, rule.on(day)?));
        match question.packs {
            PackChoice::None => Vec::new(),
            PackChoice::Named(ids) => {
                let named = self.0.book.rules.iter().filter(|rule| ids.contains(&rule.id));
                named.filter_map(in_force).collect()
            }
            PackChoice::Auto => {
                let Some(region) = &place.region else { return Vec::new() };
                let rules = self.0.book.rules.iter().filter_map(in_force);
                rules.filter(|(_, version)| version.binds(question.purpose, region)).collect()
            }
        }
    }

    fn clock(&self, place: &Place, question: &RuleQuestion<'_>) -> Option<PlaceClock> {
        let zones = place.zones.iter().filter_map(|name| self.0.zones.get(name)).collect();
        PlaceClock::new(zones, question.span)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}

impl CallingRules for Rules {
    fn apply(&self, question: &RuleQuestion<'_>) -> AppliedRules {
        let atlas = Atlas {
            zones: &self.0.zones,
            numbers: &self.0.numbers,
            countries: &self.0.countries,
            area_code_counts: &self.0.book.area_code_counts,
        };
        let places = atlas.places(question);
        let closed_days: Vec<Day> = question.closed_days.iter().filter_map(|date| Day::of(*date)).collect();
        let mut rules = Vec::new();
        for (index, place) in places.iter().enumerate() {
            let clock = self.clock(place, question);
            // Without a zone, the day of UTC decides what is in force.
            let utc_day = || Day(question.span.from.unix_millis().div_euclid(DAY_MILLIS));
            let day = clock.as_ref().and_then(PlaceClock::first_day).unwrap_or_else(utc_day);
            if let Some(hours) = question.open_hours {
                let every_day = [hours];
                let open = clock.as_ref().map(|clock| clock.open_times(|_| DayHours::Open(&every_day)));
                rules.push(of_organization(QUIET_HOURS, index, open));
            }
            if !closed_days.is_empty() {
                let open = clock.as_ref().map(|clock| {
                    clock.open_times(|day| {
                        if closed_days.contains(&day) {
                            DayHours::Closed("closed day")
                        } else {
                            DayHours::AllDay
                        }
                    })
                });
                rules.push(of_organization(CLOSED_DAYS, index, open));
            }
            for (rule, version) in self.rules_at(place, day, question) {
                let has_hours = rule.versions.iter().any(|version| version.hours.is_some());
                let open = clock.as_ref().filter(|_| has_hours).map(|clock| {
                    clock.open_times(|day| {
                        let hours = rule.on(day).and_then(|version| version.hours.as_ref());
                        hours.map_or(DayHours::AllDay, |hours| hours.on(day))
                    })
                });
                rules.push(applied(rule, version, index, open));
            }
        }
        AppliedRules { places, rules }
    }

    fn local_time(&self, zone: &ZoneName, at: Timestamp) -> Option<LocalMoment> {
        let (day, minute) = self.0.zones.get(zone)?.local(at)?;
        moment(day, minute)
    }

    fn start_of_day(&self, zone: &ZoneName, at: Timestamp) -> Option<Timestamp> {
        self.0.zones.get(zone)?.start_of_day(at)
    }

    fn proximity(&self, one: &PhoneNumber, other: &PhoneNumber) -> Proximity {
        let numbers = &self.0.numbers;
        let [calling_code, other_code] = [one, other].map(|number| numbers.calling_code(number));
        if calling_code.is_none() || calling_code != other_code {
            return Proximity::Elsewhere;
        }
        let area = numbers.area(one);
        if area.is_some() && area == numbers.area(other) {
            return Proximity::SameAreaCode;
        }
        let is_same_region = if calling_code.is_some_and(is_north_america) {
            numbers.states(one).iter().any(|state| numbers.states(other).contains(state))
        } else {
            true
        };
        if is_same_region { Proximity::SameRegion } else { Proximity::Elsewhere }
    }

    fn states(&self, number: &PhoneNumber) -> Vec<Region> {
        self.0.numbers.states(number).to_vec()
    }

    fn knows(&self, id: &RuleId) -> bool {
        self.0.book.rule(id).is_some()
    }

    fn knows_zone(&self, zone: &ZoneName) -> bool {
        self.0.zones.get(zone).is_some()
    }
}

fn applied(rule: &Rule, version: &RuleVersion, place: usize, open: Option<OpenTimes>) -> AppliedRule {
    AppliedRule {
        id: rule.id.clone(),
        version: version.version,
        source: version.source.clone(),
        place,
        open,
        caps: version.caps.clone(),
        cool_downs: version.cool_downs.clone(),
        consent: version.consent,
        do_not_call_list: version.do_not_call_list.clone(),
        least_ring: version.least_ring,
        bars_local_number: version.bars_local_number,
    }
}

fn of_organization(id: &str, place: usize, open: Option<OpenTimes>) -> AppliedRule {
    AppliedRule {
        id: RuleId(id.into()),
        version: 0,
        source: OF_THE_ORGANIZATION.into(),
        place,
        open,
        caps: Vec::new(),
        cool_downs: Vec::new(),
        consent: None,
        do_not_call_list: None,
        least_ring: None,
        bars_local_number: false,
    }
}
