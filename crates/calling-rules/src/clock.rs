//! Instants and local time.

use std::collections::HashMap;

use domain::{LocalDate, LocalMoment, MinuteOfDay, Timestamp, ZoneName};
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

pub(crate) const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
pub(crate) const MINUTE_MILLIS: i64 = 60 * 1000;

/// The tz database that is compiled in. It is behind a lock, so the zones of the tables are kept.
#[derive(Debug)]
pub(crate) struct Zones {
    database: TimeZoneDatabase,
    of_tables: HashMap<ZoneName, Zone>,
}

/// No zone changes its offset twice within this time.
const SHORT_MILLIS: i64 = 60 * 60 * 1000;

/// A time zone.
#[derive(Debug, Clone)]
pub(crate) struct Zone(TimeZone);

/// A span in which a zone has one offset: local time is `instant + offset`. All in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) offset: i64,
}

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) i64);

impl Zones {
    pub(crate) fn bundled(of_tables: impl IntoIterator<Item = ZoneName>) -> Self {
        let mut zones = Self { database: TimeZoneDatabase::bundled(), of_tables: HashMap::new() };
        for name in of_tables {
            if let Some(zone) = zones.get(&name) {
                zones.of_tables.insert(name, zone);
            }
        }
        zones
    }

    pub(crate) fn get(&self, name: &ZoneName) -> Option<Zone> {
        if let Some(zone) = self.of_tables.get(name) {
            return Some(zone.clone());
        }
        let zone = self.database.get(name.as_str()).ok()?;
        (!zone.is_unknown()).then_some(Zone(zone))
    }
}

impl Zone {
    /// The difference to UTC in milliseconds; `None` for an instant beyond the calendar.
    pub(crate) fn offset_at(&self, at: Timestamp) -> Option<i64> {
        Some(millis(self.0.to_offset(instant(at.unix_millis())?)))
    }

    pub(crate) fn local(&self, at: Timestamp) -> Option<(Day, MinuteOfDay)> {
        let local = at.unix_millis().checked_add(self.offset_at(at)?)?;
        let minute = u16::try_from(local.rem_euclid(DAY_MILLIS) / MINUTE_MILLIS).ok()?;
        Some((Day(local.div_euclid(DAY_MILLIS)), MinuteOfDay::from_minutes(minute)?))
    }

    /// The offsets between two instants, without gap. `None` beyond the calendar.
    pub(crate) fn stretches(&self, from: i64, until: i64) -> Option<Vec<Stretch>> {
        let start = instant(from)?;
        let offset = millis(self.0.to_offset(start));
        let mut stretches = vec![Stretch { from, until, offset }];
        if until - from <= SHORT_MILLIS && millis(self.0.to_offset(instant(until)?)) == offset {
            return Some(stretches);
        }
        for change in self.0.following(start) {
            let at = change.timestamp().as_millisecond();
            if at >= until {
                break;
            }
            if let Some(last) = stretches.last_mut() {
                last.until = at;
            }
            stretches.push(Stretch { from: at, until, offset: millis(change.offset()) });
        }
        Some(stretches)
    }

    pub(crate) fn start_of_day(&self, at: Timestamp) -> Option<Timestamp> {
        let local = jiff::ZonedDateTime::new(instant(at.unix_millis())?, self.0.clone());
        let start = local.start_of_day().ok()?;
        Some(Timestamp::from_unix_millis(start.timestamp().as_millisecond()))
    }
}

impl Day {
    pub(crate) fn of(date: LocalDate) -> Option<Self> {
        let (year, month, day) = date.parts();
        let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        Some(Self(date.duration_since(EPOCH).as_hours() / 24))
    }

    pub(crate) fn date(self) -> Option<LocalDate> {
        let date = EPOCH.checked_add(jiff::SignedDuration::from_hours(self.0.checked_mul(24)?)).ok()?;
        let [month, day] = [date.month(), date.day()].map(i8::unsigned_abs);
        LocalDate::new(date.year(), month, day).ok()
    }

    /// The day of the week, from Monday: 0 to 6.
    pub(crate) const fn weekday(self) -> usize {
        // 1970-01-01 was a Thursday.
        (self.0 + 3).rem_euclid(7) as usize
    }

    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

pub(crate) fn moment(day: Day, minute: MinuteOfDay) -> Option<LocalMoment> {
    Some(LocalMoment { date: day.date()?, minute })
}

const EPOCH: Date = Date::constant(1970, 1, 1);

fn instant(millis: i64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(millis).ok()
}

fn millis(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * 1000
}
