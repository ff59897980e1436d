//! Open times against local time, instant by instant.

use std::time::Duration;

use domain::ports::CallingRules;
use domain::{AppliedRules, CallPurpose, Interval, LocalMoment, Place, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::world::{DAY, Question, RULES, hours, zone};
use crate::clock::Day;
use crate::rule_book::DayHours;

const NUMBERS: [(&str, &str); 16] = [
    ("+13055550123", "US"),
    ("+12082255555", "US"),
    ("+16055550123", "US"),
    ("+12155550123", "US"),
    ("+14015550123", "US"),
    ("+14025550123", "US"),
    ("+19285550123", "US"),
    ("+12085550123", "US"),
    ("+18005550123", "US"),
    ("+12505550123", "CA"),
    ("+18675550123", "CA"),
    ("+33612345678", "FR"),
    ("+393123456789", "IT"),
    ("+61412345678", "AU"),
    ("+919812345678", "IN"),
    ("+551123456789", "BR"),
];
/// Offsets of half an hour, a change of half an hour, changes at midnight, and none at all.
const ZONES: [&str; 8] = [
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Europe/Dublin",
];

prop_compose! {
    fn question()(
        number in select(&NUMBERS[..]),
        stated in prop::option::of(select(&ZONES[..])),
        purpose in select(&[CallPurpose::Telemarketing, CallPurpose::Debt][..]),
        from in 1_767_225_600_000..1_924_991_999_999_i64, // 2026 to 2030
        days in 0_u32..40,
        from_minute in 0_u16..1439,
        is_closed in any::<bool>(),
    ) -> Question {
        let mut question = Question::about(number.0, number.1).purpose(purpose);
        question.stated.zone = stated.map(zone);
        let until = format!("{:02}:{:02}", (from_minute + 1) / 60, (from_minute + 1) % 60);
        let from_text = format!("{:02}:{:02}", from_minute / 60, from_minute % 60);
        question.open_hours = Some(if from_minute < 720 { hours(&from_text, "21:00") } else { hours("08:00", &until) });
        let from = Timestamp::from_unix_millis(from);
        if is_closed {
            question.closed_days = Day(from.unix_millis() / 86_400_000 + 1).date().into_iter().collect();
        }
        question.over(from, DAY * days + Duration::from_secs(1))
    }
}

/// Whether the rule is open in all zones of the place, by the local time of each.
fn is_open_locally(question: &Question, place: &Place, id: &str, at: Timestamp) -> bool {
    place.zones.iter().all(|zone| {
        let LocalMoment { date, minute } = RULES.local_time(zone, at).unwrap();
        let own_hours = question.open_hours.unwrap();
        let day = Day::of(date).unwrap();
        match id {
            "quiet-hours" => own_hours.from() <= minute && minute < own_hours.until(),
            "closed-days" => !question.closed_days.contains(&date),
            _ => {
                let rule = RULES.book().rules.iter().find(|rule| &*rule.id.0 == id).unwrap();
                match rule.on(day).and_then(|version| version.hours.as_ref()).map(|hours| hours.on(day)) {
                    None | Some(DayHours::AllDay) => true,
                    Some(DayHours::Open(spans)) => {
                        spans.iter().any(|span| span.from() <= minute && minute < span.until())
                    }
                    Some(DayHours::Closed(_)) => false,
                }
            }
        }
    })
}

fn is_in(intervals: &[Interval], at: Timestamp) -> bool {
    intervals.iter().any(|open| open.from <= at && at < open.until)
}

/// Samples of the span, with the edges of all intervals.
fn samples(question: &Question, applied: &AppliedRules, random: &[Index]) -> Vec<Timestamp> {
    let Interval { from, until } = question.span;
    let millis = usize::try_from(until.unix_millis() - from.unix_millis()).unwrap();
    let random = random.iter().map(|index| from.after(Duration::from_millis(index.index(millis) as u64)));
    let open = applied.rules.iter().filter_map(|rule| rule.open.as_ref());
    let edges = open.flat_map(|open| &open.intervals).flat_map(|open| [open.from, open.until]);
    let one = Duration::from_millis(1);
    let around = edges.flat_map(|edge| [edge.before(one), edge, edge.after(one)]);
    random.chain(around).filter(|at| from <= *at && *at < until).collect()
}

proptest! {
    #[test]
    fn an_instant_is_open_if_every_zone_is_within_the_hours(
        question in question(),
        random in prop::collection::vec(any::<Index>(), 40),
    ) {
        let applied = question.apply();
        let samples = samples(&question, &applied, &random);
        for rule in &applied.rules {
            let place = &applied.places[rule.place];
            let Some(open) = &rule.open else { continue };
            prop_assert!(!place.zones.is_empty());
            prop_assert!(open.intervals.iter().all(|open| open.from < open.until));
            prop_assert!(open.intervals.is_sorted_by(|one, next| one.until < next.from));
            for at in &samples {
                let expected = is_open_locally(&question, place, &rule.id.0, *at);
                prop_assert_eq!(is_in(&open.intervals, *at), expected, "{:?} at {:?}", &rule.id, at);
            }
            let is_open_now = is_open_locally(&question, place, &rule.id.0, question.span.from);
            prop_assert_eq!(open.closed.is_none(), is_open_now);
        }
    }

    #[test]
    fn what_the_rules_allow_together_each_one_allows(question in question()) {
        // The first instant at which all rules are open is in each of them, and no earlier one is.
        let applied = question.apply();
        let opens: Vec<_> = applied.rules.iter().filter_map(|rule| Some((rule, rule.open.as_ref()?))).collect();
        let starts = opens.iter().flat_map(|(_, open)| &open.intervals).map(|open| open.from);
        let all_open = |at: &Timestamp| opens.iter().all(|(_, open)| is_in(&open.intervals, *at));
        let first = starts.filter(all_open).min();
        for (rule, _) in &opens {
            let place = &applied.places[rule.place];
            if let Some(first) = first {
                prop_assert!(is_open_locally(&question, place, &rule.id.0, first));
            }
        }
        let earlier = question.span.from.unix_millis()..first.unwrap_or(question.span.until).unix_millis();
        for millis in earlier.step_by(17 * 60 * 1000) {
            let at = Timestamp::from_unix_millis(millis);
            let all = opens.iter().all(|(rule, _)| {
                is_open_locally(&question, &applied.places[rule.place], &rule.id.0, at)
            });
            prop_assert!(opens.is_empty() || !all, "{:?} is earlier", at);
        }
    }
}
