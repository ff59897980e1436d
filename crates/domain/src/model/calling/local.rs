use std::fmt;

use crate::{InvalidValue, Timestamp};

/// A place with calling rules of its own: a country like `FR`, or a state or province like `US-FL`
/// (ISO 3166-1 and 3166-2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Box<str>);

impl Region {
    /// Reads two capital letters, alone or followed by `-` and 1 to 3 capital letters or digits.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue =
            InvalidValue("a country or state by its ISO 3166 code, like FR or US-FL");
        let (country, state) =
            text.split_once('-').map_or((text, None), |(country, state)| (country, Some(state)));
        let is_country = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
        let is_state = state.is_none_or(|state| {
            (1..=3).contains(&state.len())
                && state.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        });
        if is_country && is_state { Ok(Self(text.into())) } else { Err(INVALID) }
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code of the country.
    #[must_use]
    pub fn country(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// Whether this is a state or province.
    #[must_use]
    pub fn is_state(&self) -> bool {
        self.0.contains('-')
    }
}

/// The name of a time zone in the tz database, like `America/New_York`. Whether the database has it
/// is up to [`CallingRules`](crate::ports::CallingRules).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneName(Box<str>);

impl ZoneName {
    /// Reads a name: 1 to 64 ASCII letters, digits, `/`, `_`, `-` and `+`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue = InvalidValue("a time zone by its name, like America/New_York");
        let is_name = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'));
        if is_name { Ok(Self(text.into())) } else { Err(INVALID) }
    }

    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self("UTC".into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A day of the calendar, without a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDate {
    year: i16,
    month: u8,
    day: u8,
}

impl LocalDate {
    /// The date, if the month has such a day.
    pub fn new(year: i16, month: u8, day: u8) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue = InvalidValue("a date like 2026-12-25");
        let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => 0,
        };
        let exists = (1..=9999).contains(&year) && (1..=days).contains(&day);
        if exists { Ok(Self { year, month, day }) } else { Err(INVALID) }
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let part = |range: std::ops::Range<usize>| {
            let digits = text.get(range).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
            digits.and_then(|digits| digits.parse::<i16>().ok()).unwrap_or_default()
        };
        let has_form = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        let [month, day] = [part(5..7), part(8..10)].map(|n| u8::try_from(n).unwrap_or_default());
        Self::new(if has_form { part(0..4) } else { 0 }, month, day)
    }

    /// The year, the month from 1, and the day from 1.
    #[must_use]
    pub const fn parts(self) -> (i16, u8, u8) {
        (self.year, self.month, self.day)
    }
}

impl fmt::Display for LocalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A time of a day, in minutes since midnight: 00:00 to 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinuteOfDay(u16);

impl MinuteOfDay {
    /// The start of the day.
    pub const MIDNIGHT: Self = Self(0);
    /// The end of the day.
    pub const END: Self = Self(24 * 60);

    /// Reads `HH:MM`, up to `24:00`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue = InvalidValue("a time of day like 08:00");
        let digits = |range: std::ops::Range<usize>| {
            let digits = text.get(range).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
            digits.parse::<u16>().ok()
        };
        match (digits(0..2), digits(3..5)) {
            (Some(hour), Some(minute)) if text.len() == 5 && text.get(2..3) == Some(":") && minute < 60 => {
                Self::from_minutes(hour * 60 + minute).ok_or(INVALID)
            }
            _ => Err(INVALID),
        }
    }

    /// This many minutes after midnight, at most 1440.
    #[must_use]
    pub const fn from_minutes(minutes: u16) -> Option<Self> {
        if minutes <= Self::END.0 { Some(Self(minutes)) } else { None }
    }

    /// Minutes since midnight.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for MinuteOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// Hours of one day: from the first minute, up to and without the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenHours {
    from: MinuteOfDay,
    until: MinuteOfDay,
}

impl OpenHours {
    /// 08:00 to 21:00.
    pub const FROM_8_TO_21: Self = Self { from: MinuteOfDay(8 * 60), until: MinuteOfDay(21 * 60) };

    /// The hours between two times of a day; the first is earlier.
    pub fn new(from: MinuteOfDay, until: MinuteOfDay) -> Result<Self, InvalidValue> {
        const INVALID: InvalidValue = InvalidValue("hours of a day: they begin before they end");
        if from < until { Ok(Self { from, until }) } else { Err(INVALID) }
    }

    /// The first minute.
    #[must_use]
    pub const fn from(self) -> MinuteOfDay {
        self.from
    }

    /// The minute after the last one.
    #[must_use]
    pub const fn until(self) -> MinuteOfDay {
        self.until
    }
}

/// A span of time: from the first instant, up to and without the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type says it")]
pub struct Interval {
    pub from: Timestamp,
    pub until: Timestamp,
}
