//! When hours are open: in one zone by its local time, and in all zones of a place at the same time.

use domain::{Interval, LocalMoment, MinuteOfDay, OpenTimes, TimeOfRule, Timestamp};

use crate::clock::{DAY_MILLIS, Day, MINUTE_MILLIS, Stretch, Zone, moment};
use crate::rule_book::DayHours;

/// The longest span that is answered for. A longer one is cut.
const MAX_SPAN_MILLIS: i64 = 366 * DAY_MILLIS;

/// The zones of a place, with their offsets during the span of a question.
#[derive(Debug)]
pub(crate) struct PlaceClock {
    start: Timestamp,
    zones: Vec<(Zone, Vec<Stretch>)>,
}

/// Instants in milliseconds: from the first, up to and without the second.
type Spans = Vec<(i64, i64)>;

impl PlaceClock {
    /// `None` if there is no zone.
    pub(crate) fn new(zones: Vec<Zone>, span: Interval) -> Option<Self> {
        let from = span.from.unix_millis();
        let until = span.until.unix_millis().min(from.checked_add(MAX_SPAN_MILLIS)?).max(from);
        let with_stretches = |zone: Zone| {
            let stretches = zone.stretches(from, until)?;
            Some((zone, stretches))
        };
        let zones: Vec<_> = zones.into_iter().map(with_stretches).collect::<Option<_>>()?;
        (!zones.is_empty()).then_some(Self { start: span.from, zones })
    }

    /// The local day at the beginning of the span, in the first zone.
    pub(crate) fn first_day(&self) -> Option<Day> {
        self.zones.first()?.0.local(self.start).map(|(day, _)| day)
    }

    /// When every zone is within the hours of its local day.
    pub(crate) fn open_times<'a>(&self, hours_on: impl Fn(Day) -> DayHours<'a>) -> OpenTimes {
        let each = self.zones.iter().map(|(_, stretches)| open_spans(stretches, &hours_on));
        let open = each.reduce(|one, other| intersection(&one, &other)).unwrap_or_default();
        let instant = Timestamp::from_unix_millis;
        OpenTimes {
            intervals: open
                .into_iter()
                .map(|(from, until)| Interval { from: instant(from), until: instant(until) })
                .collect(),
            closed: self.zones.iter().find_map(|(zone, _)| closed(zone, self.start, &hours_on)),
        }
    }
}

fn closed<'a>(zone: &Zone, at: Timestamp, hours_on: impl Fn(Day) -> DayHours<'a>) -> Option<TimeOfRule> {
    let (day, minute) = zone.local(at)?;
    let LocalMoment { date, minute } = moment(day, minute)?;
    match hours_on(day) {
        DayHours::AllDay => None,
        DayHours::Open(hours) if hours.iter().any(|span| span.from() <= minute && minute < span.until()) => {
            None
        }
        DayHours::Open(_) => Some(TimeOfRule::Hours(date, minute)),
        DayHours::Closed(name) => Some(TimeOfRule::Day(date, name.into())),
    }
}

/// When one zone is within the hours of its local days. Within a stretch, local time runs without a
/// step. So hours that begin in the gap of a change begin at its end, and hours that are repeated by a
/// change are open twice.
fn open_spans<'a>(stretches: &[Stretch], hours_on: impl Fn(Day) -> DayHours<'a>) -> Spans {
    let mut spans: Spans = Vec::new();
    for stretch in stretches.iter().filter(|stretch| stretch.from < stretch.until) {
        let first = (stretch.from + stretch.offset).div_euclid(DAY_MILLIS);
        let last = (stretch.until - 1 + stretch.offset).div_euclid(DAY_MILLIS);
        for day in first..=last {
            let midnight = day * DAY_MILLIS - stretch.offset;
            let mut open = |from: i64, until: i64| {
                let from = (midnight + from).max(stretch.from);
                let until = (midnight + until).min(stretch.until);
                if from < until {
                    add(&mut spans, from, until);
                }
            };
            match hours_on(Day(day)) {
                DayHours::AllDay => open(0, DAY_MILLIS),
                DayHours::Open(hours) => {
                    hours.iter().for_each(|span| open(millis(span.from()), millis(span.until())))
                }
                DayHours::Closed(_) => {}
            }
        }
    }
    spans
}

fn millis(minute: MinuteOfDay) -> i64 {
    i64::from(minute.minutes()) * MINUTE_MILLIS
}

/// Adds a span that begins after all others, or where the last one ends.
fn add(spans: &mut Spans, from: i64, until: i64) {
    match spans.last_mut() {
        Some(last) if last.1 == from => last.1 = until,
        _ => spans.push((from, until)),
    }
}

fn intersection(one: &[(i64, i64)], other: &[(i64, i64)]) -> Spans {
    let mut both = Spans::new();
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    while let (Some(&&a), Some(&&b)) = (one.peek(), other.peek()) {
        let (from, until) = (a.0.max(b.0), a.1.min(b.1));
        if from < until {
            both.push((from, until));
        }
        if a.1 < b.1 {
            one.next()
        } else {
            other.next()
        };
    }
    both
}
