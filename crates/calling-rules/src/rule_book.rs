//! The rules, from `data/rules.toml`.

mod rows;

use std::sync::Arc;
use std::time::Duration;

use domain::{CallPurpose, Cap, ConsentKind, CoolDown, OpenHours, Region, RuleId};

use crate::clock::Day;
use crate::holidays::{Calendar, Calendars};

pub(crate) static TEXT: &str = include_str!("../data/rules.toml");

/// All rules.
#[derive(Debug)]
pub(crate) struct RuleBook {
    pub(crate) rules: Vec<Rule>,
    /// The states whose law takes the area code for the place.
    pub(crate) area_code_counts: Vec<AreaCodeCounts>,
}

#[derive(Debug)]
pub(crate) struct AreaCodeCounts {
    pub(crate) region: Region,
    pub(crate) source: String,
    pub(crate) confidence: String,
}

/// A rule with all its versions: at most one is in force on a day.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    /// In the order of their dates.
    pub(crate) versions: Vec<RuleVersion>,
}

#[derive(Debug)]
pub(crate) struct RuleVersion {
    pub(crate) version: u32,
    /// The first and the last day in force.
    pub(crate) valid_from: Option<Day>,
    pub(crate) valid_to: Option<Day>,
    pub(crate) regions: Vec<Region>,
    pub(crate) only_unknown_state: bool,
    pub(crate) purposes: Vec<CallPurpose>,
    pub(crate) hours: Option<WeekHours>,
    pub(crate) caps: Vec<Cap>,
    pub(crate) cool_downs: Vec<CoolDown>,
    pub(crate) consent: Option<ConsentKind>,
    pub(crate) do_not_call_list: Option<Box<str>>,
    pub(crate) least_ring: Option<Duration>,
    pub(crate) bars_local_number: bool,
    pub(crate) source: Box<str>,
    pub(crate) confidence: String,
    pub(crate) note: Option<String>,
}

/// The hours of a week. Hours of no span are a closed day.
#[derive(Debug, Clone)]
pub(crate) struct WeekHours {
    /// From Monday.
    pub(crate) days: [Vec<OpenHours>; 7],
    pub(crate) holidays: Option<HolidayHours>,
    /// The day before a holiday.
    pub(crate) eve: Option<Vec<OpenHours>>,
}

#[derive(Debug, Clone)]
pub(crate) struct HolidayHours {
    pub(crate) calendar_id: Box<str>,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) hours: Vec<OpenHours>,
}

/// What a rule says about a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayHours<'a> {
    AllDay,
    Open(&'a [OpenHours]),
    /// With the name of the weekday or holiday.
    Closed(&'a str),
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl RuleBook {
    /// The rules of `data/rules.toml`. `Err` says what cannot be read.
    pub(crate) fn read(calendars: &Calendars) -> Result<Self, String> {
        rows::read(TEXT, calendars)
    }

    pub(crate) fn rule(&self, id: &RuleId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == *id)
    }
}

impl Rule {
    /// The version in force on a day.
    pub(crate) fn on(&self, day: Day) -> Option<&RuleVersion> {
        self.versions.iter().find(|version| version.is_in_force(day))
    }
}

impl RuleVersion {
    pub(crate) fn is_in_force(&self, day: Day) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_to.is_none_or(|to| day <= to)
    }

    /// Whether it binds a call for this purpose to this place.
    pub(crate) fn binds(&self, purpose: CallPurpose, region: &Region) -> bool {
        let is_here =
            |rule: &Region| rule == region || (!self.only_unknown_state && rule.as_str() == region.country());
        self.purposes.contains(&purpose) && self.regions.iter().any(is_here)
    }
}

impl WeekHours {
    /// A closed weekday stays closed on a holiday, and a holiday is no eve of the next one.
    pub(crate) fn on(&self, day: Day) -> DayHours<'_> {
        let weekday = day.weekday();
        let mut hours = &self.days[weekday];
        let mut name = WEEKDAYS[weekday];
        if !hours.is_empty()
            && let Some(holidays) = &self.holidays
        {
            if let Some(holiday) = holidays.calendar.holiday(day) {
                hours = &holidays.hours;
                name = holiday;
            } else if let Some(eve) = &self.eve
                && holidays.calendar.holiday(day.next()).is_some()
            {
                hours = eve;
            }
        }
        if hours.is_empty() { DayHours::Closed(name) } else { DayHours::Open(hours) }
    }
}
