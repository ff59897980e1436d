//! A question, and its parts.

use std::sync::LazyLock;
use std::time::Duration;

use domain::ports::{CallingRules, RuleQuestion};
use domain::{
    AppliedRule, AppliedRules, CallPurpose, ContactPlace, Country, Interval, LocalDate, MinuteOfDay,
    OpenHours, PackChoice, PhoneNumber, Region, RuleId, Timestamp, ZoneName,
};

use crate::Rules;

pub(super) static RULES: LazyLock<Rules> = LazyLock::new(Rules::new);

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) const NEW_YORK: &str = "America/New_York";

#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) number: PhoneNumber,
    pub(super) country: Option<Country>,
    pub(super) stated: ContactPlace,
    pub(super) purpose: CallPurpose,
    pub(super) packs: PackChoice,
    pub(super) open_hours: Option<OpenHours>,
    pub(super) closed_days: Vec<LocalDate>,
    pub(super) default_zones: Vec<(Country, ZoneName)>,
    pub(super) span: Interval,
}

impl Question {
    /// A marketing call to this number, on a Wednesday that is no holiday.
    pub(super) fn about(number: &str, country: &str) -> Self {
        let from = instant("2026-12-02T17:00Z");
        Self {
            number: PhoneNumber::parse(number).unwrap(),
            country: Country::parse(country).ok(),
            stated: ContactPlace::default(),
            purpose: CallPurpose::Telemarketing,
            packs: PackChoice::Auto,
            open_hours: None,
            closed_days: Vec::new(),
            default_zones: Vec::new(),
            span: Interval { from, until: from.after(MINUTE) },
        }
    }

    pub(super) fn stated_zone(mut self, name: &str) -> Self {
        self.stated.zone = Some(zone(name));
        self
    }

    pub(super) fn stated_region(mut self, code: &str) -> Self {
        self.stated.region = Some(region(code));
        self
    }

    pub(super) fn purpose(mut self, purpose: CallPurpose) -> Self {
        self.purpose = purpose;
        self
    }

    pub(super) fn named(mut self, ids: &[&str]) -> Self {
        self.packs = PackChoice::Named(ids.iter().map(|id| RuleId((*id).into())).collect());
        self
    }

    pub(super) fn over(mut self, from: Timestamp, lasts: Duration) -> Self {
        self.span = Interval { from, until: from.after(lasts) };
        self
    }

    pub(super) fn apply(&self) -> AppliedRules {
        RULES.apply(&RuleQuestion {
            number: &self.number,
            country: self.country,
            stated: &self.stated,
            purpose: self.purpose,
            packs: &self.packs,
            open_hours: self.open_hours,
            closed_days: &self.closed_days,
            default_zones: &self.default_zones,
            span: self.span,
        })
    }

    /// Whether each hour of each rule allows a call at the beginning and at the end of this ring.
    pub(super) fn allows(&self, at: Timestamp, ring: Duration) -> bool {
        let applied = self.clone().over(at, ring + Duration::from_millis(1)).apply();
        assert!(applied.places.iter().all(|place| !place.zones.is_empty()), "a zone is not known");
        applied.rules.iter().filter_map(|rule| rule.open.as_ref()).all(|open| {
            let is_open = |at| open.intervals.iter().any(|open| open.from <= at && at < open.until);
            is_open(at) && is_open(at.after(ring))
        })
    }
}

pub(super) fn rule<'a>(applied: &'a AppliedRules, id: &str) -> &'a AppliedRule {
    applied.rules.iter().find(|rule| &*rule.id.0 == id).unwrap_or_else(|| panic!("{id} applies"))
}

pub(super) fn ids(applied: &AppliedRules) -> Vec<&str> {
    applied.rules.iter().map(|rule| &*rule.id.0).collect()
}

pub(super) fn instant(text: &str) -> Timestamp {
    Timestamp::from_unix_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

/// A local time that the zone has once.
pub(super) fn local(text: &str, zone: &str) -> Timestamp {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(zone).unwrap();
    let time: jiff::civil::DateTime = text.parse().unwrap();
    let at = zone.to_ambiguous_timestamp(time).unambiguous().unwrap();
    Timestamp::from_unix_millis(at.as_millisecond())
}

pub(super) fn zone(name: &str) -> ZoneName {
    ZoneName::parse(name).unwrap()
}

pub(super) fn region(code: &str) -> Region {
    Region::parse(code).unwrap()
}

pub(super) fn hours(from: &str, until: &str) -> OpenHours {
    OpenHours::new(MinuteOfDay::parse(from).unwrap(), MinuteOfDay::parse(until).unwrap()).unwrap()
}

pub(super) fn date(text: &str) -> LocalDate {
    LocalDate::parse(text).unwrap()
}

/// The regions, bases and zones of places.
pub(super) fn shown(applied: &AppliedRules) -> Vec<String> {
    let places = applied.places.iter().map(|place| {
        let zones: Vec<&str> = place.zones.iter().map(ZoneName::as_str).collect();
        let region = place.region.as_ref().map_or("?", Region::as_str);
        format!("{region} {:?} {}", place.basis, zones.join(" "))
    });
    places.collect()
}
