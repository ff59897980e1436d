//! Rule data for tests: what a test says, and a clock of UTC.

use std::time::Duration;

use domain::ports::{CallingRules, Proximity, RuleQuestion};
use domain::{
    AppliedRules, LocalDate, LocalMoment, MinuteOfDay, PhoneNumber, Region, RuleId, Timestamp, ZoneName,
};

/// Says the same of every number. By default it knows no place and no rule, so that every call is
/// allowed. Every zone has the time of UTC.
#[derive(Debug, Clone, Default)]
pub struct ScriptedRules {
    /// What it says. Open times are not cut to the span of the question.
    pub applied: AppliedRules,
    /// The only id that it knows; `None` if it knows every id.
    pub only_rule: Option<&'static str>,
    /// The only zone that does not exist.
    pub no_zone: Option<&'static str>,
    /// How far the days of every zone begin before those of UTC.
    pub days_begin_before: Duration,
}

const DAY_MILLIS: i64 = 86_400_000;

impl CallingRules for ScriptedRules {
    fn apply(&self, _: &RuleQuestion<'_>) -> AppliedRules {
        self.applied.clone()
    }

    fn local_time(&self, _: &ZoneName, at: Timestamp) -> Option<LocalMoment> {
        let minute = u16::try_from(at.unix_millis().rem_euclid(DAY_MILLIS) / 60_000).ok()?;
        let date = date(at.unix_millis().div_euclid(DAY_MILLIS))?;
        Some(LocalMoment { date, minute: MinuteOfDay::from_minutes(minute)? })
    }

    fn start_of_day(&self, zone: &ZoneName, at: Timestamp) -> Option<Timestamp> {
        let passed = at.after(self.days_begin_before).unix_millis().rem_euclid(DAY_MILLIS);
        self.knows_zone(zone).then(|| Timestamp::from_unix_millis(at.unix_millis() - passed))
    }

    fn proximity(&self, _: &PhoneNumber, _: &PhoneNumber) -> Proximity {
        Proximity::Elsewhere
    }

    fn states(&self, _: &PhoneNumber) -> Vec<Region> {
        Vec::new()
    }

    fn knows(&self, id: &RuleId) -> bool {
        self.only_rule.is_none_or(|only| *id.0 == *only)
    }

    fn knows_zone(&self, zone: &ZoneName) -> bool {
        self.no_zone != Some(zone.as_str())
    }
}

/// The date of a day since 1970-01-01.
fn date(day: i64) -> Option<LocalDate> {
    let mut left = day;
    for year in 1970..=9999 {
        for month in 1..=12 {
            let days = (28..=31).rev().find(|last| LocalDate::new(year, month, *last).is_ok())?;
            if left < i64::from(days) {
                return LocalDate::new(year, month, u8::try_from(left + 1).ok()?).ok();
            }
            left -= i64::from(days);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_has_the_dates_of_the_calendar() {
        let at = |secs: i64| {
            let at = Timestamp::from_unix_millis(secs * 1000);
            ScriptedRules::default().local_time(&ZoneName::utc(), at).expect("a time")
        };
        let shown = |moment: LocalMoment| format!("{} {}", moment.date, moment.minute);
        assert_eq!(shown(at(0)), "1970-01-01 00:00");
        assert_eq!(shown(at(1_709_208_000)), "2024-02-29 12:00");
        assert_eq!(shown(at(1_790_000_000)), "2026-09-21 14:13");
    }
}
