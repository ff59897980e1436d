//! The nights in which the clocks change.

use domain::{Interval, OpenHours, PackChoice};

use super::world::{DAY, NEW_YORK, Question, hours, instant, local, rule};

/// The open times of these hours in New York, in a span of a day from noon.
fn open(hours: OpenHours, noon: &str) -> Vec<(String, String)> {
    let mut question = Question::about("+12125550123", "US").over(local(noon, NEW_YORK), DAY);
    question.packs = PackChoice::None;
    question.open_hours = Some(hours);
    let applied = question.apply();
    let intervals = &rule(&applied, "quiet-hours").open.as_ref().unwrap().intervals;
    let text = |at: domain::Timestamp| {
        jiff::Timestamp::from_millisecond(at.unix_millis()).unwrap().strftime("%d %H:%M").to_string()
    };
    intervals.iter().map(|open| (text(open.from), text(open.until))).collect()
}

fn span(from: &str, until: &str) -> (String, String) {
    (from.to_owned(), until.to_owned())
}

// 2026-03-08: 02:00 EST (07:00 UTC) becomes 03:00 EDT.

#[test]
fn dst_hours_that_begin_in_the_gap_begin_at_its_end() {
    assert_eq!(open(hours("02:30", "04:00"), "2026-03-07T12:00"), [span("08 07:00", "08 08:00")]);
}

#[test]
fn dst_hours_that_end_in_the_gap_end_at_its_beginning() {
    assert_eq!(open(hours("01:00", "02:30"), "2026-03-07T12:00"), [span("08 06:00", "08 07:00")]);
}

#[test]
fn dst_hours_within_the_gap_are_not_open() {
    assert_eq!(open(hours("02:10", "02:50"), "2026-03-07T12:00"), []);
}

#[test]
fn dst_hours_around_the_gap_are_an_hour_shorter() {
    assert_eq!(open(hours("01:30", "03:30"), "2026-03-07T12:00"), [span("08 06:30", "08 07:30")]);
}

// 2026-11-01: 02:00 EDT (06:00 UTC) becomes 01:00 EST.

#[test]
fn dst_hours_that_are_repeated_are_open_twice() {
    let twice = [span("01 05:10", "01 05:50"), span("01 06:10", "01 06:50")];
    assert_eq!(open(hours("01:10", "01:50"), "2026-10-31T12:00"), twice);
}

#[test]
fn dst_hours_that_begin_in_the_fold_are_interrupted() {
    let begin = [span("01 05:30", "01 06:00"), span("01 06:30", "01 08:00")];
    assert_eq!(open(hours("01:30", "03:00"), "2026-10-31T12:00"), begin);
}

#[test]
fn dst_hours_that_end_in_the_fold_reopen() {
    let end = [span("01 04:00", "01 05:30"), span("01 06:00", "01 06:30")];
    assert_eq!(open(hours("00:00", "01:30"), "2026-10-31T12:00"), end);
}

#[test]
fn dst_the_hours_of_the_day_move_with_the_clock() {
    let question = Question::about("+12125550123", "US");
    let opens = |noon: &str| {
        let applied = question.clone().over(local(noon, NEW_YORK), DAY).apply();
        rule(&applied, "us-federal").open.as_ref().unwrap().intervals[1]
    };
    let until = |noon| local(noon, NEW_YORK);
    let spring = Interval { from: instant("2026-03-08T12:00:00Z"), until: until("2026-03-08T13:00") };
    assert_eq!(opens("2026-03-07T12:00"), spring, "08:00 EDT, not 08:00 EST");
    let autumn = Interval { from: instant("2026-11-01T13:00:00Z"), until: until("2026-11-01T11:00") };
    assert_eq!(opens("2026-10-31T12:00"), autumn, "08:00 EST, not 08:00 EDT");
}

#[test]
fn dst_a_day_that_a_zone_skips_is_in_no_hours() {
    // Samoa went from 2011-12-29 to 2011-12-31.
    let mut question = Question::about("+6857212345", "WS");
    question.packs = PackChoice::None;
    question.open_hours = Some(hours("08:00", "21:00"));
    let applied = question.over(instant("2011-12-29T12:00:00Z"), 2 * DAY).apply();
    let intervals = rule(&applied, "quiet-hours").open.as_ref().unwrap().intervals.clone();
    let starts: Vec<_> = intervals.iter().map(|open| open.from).collect();
    assert_eq!(starts, [instant("2011-12-29T18:00:00Z"), instant("2011-12-30T18:00:00Z")]);
}
