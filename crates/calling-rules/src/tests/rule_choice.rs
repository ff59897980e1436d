//! Which rules apply.

use std::time::Duration;

use domain::ports::CallingRules;
use domain::{CallPurpose, PackChoice, RuleId, TimeOfRule};

use super::world::{DAY, MINUTE, NEW_YORK, Question, RULES, SECOND, date, hours, ids, local, rule};

const US_MARKETING: [&str; 4] = ["us-federal", "us-marketing-consent", "us-do-not-call", "us-ring"];

#[test]
fn rules_bind_by_purpose_and_place() {
    let of = |number: &str, country: &str, purpose| {
        let applied = Question::about(number, country).purpose(purpose).apply();
        ids(&applied).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let marketing = |number, country| of(number, country, CallPurpose::Telemarketing);
    assert_eq!(marketing("+13035550123", "US"), US_MARKETING, "Colorado has the federal rules");
    assert_eq!(marketing("+12025550123", "US"), US_MARKETING, "and so has DC");
    assert_eq!(marketing("+17875550123", "PR"), US_MARKETING, "and so have the territories");
    assert_eq!(marketing("+13055550123", "US"), [&US_MARKETING[..], &["us-fl"]].concat());
    assert_eq!(marketing("+17035550123", "US"), [&US_MARKETING[..], &["us-va-local-number"]].concat());
    assert_eq!(marketing("+14165550123", "CA"), ["ca-federal", "ca-adad-consent", "ca-do-not-call"]);
    assert_eq!(marketing("+493012345678", "DE"), ["eu-consent", "de-consent"]);
    assert_eq!(marketing("+442079460123", "GB"), ["gb-consent"]);
    assert_eq!(marketing("+81312345678", "JP"), [""; 0]);
    let florida = |purpose| of("+13055550123", "US", purpose);
    assert_eq!(florida(CallPurpose::Informational), ["us-ai-voice-consent", "us-landline-informational"]);
    assert_eq!(florida(CallPurpose::Healthcare), ["us-ai-voice-consent", "us-landline-healthcare"]);
    assert_eq!(florida(CallPurpose::Debt), ["us-ai-voice-consent", "us-debt"]);
    assert_eq!(florida(CallPurpose::Emergency), [""; 0]);
}

#[test]
fn each_state_has_its_row_or_the_federal_rule_alone() {
    for state in RULES.numbers().all_states().into_iter().filter(|state| state.country() == "US") {
        let applied = Question::about("+33612345678", "FR").stated_region(state.as_str()).apply();
        let own = format!("us-{}", state.as_str()[3..].to_lowercase());
        let known = ids(&applied);
        assert!(known.starts_with(&US_MARKETING), "{state:?}: {known:?}");
        let others = known.iter().filter(|id| !US_MARKETING.contains(id));
        assert!(others.clone().all(|id| id.starts_with(&own)), "{state:?}: {known:?}");
        assert!(others.count() <= 1, "{state:?}: {known:?}");
    }
}

#[test]
fn named_rules_apply_everywhere_and_unknown_ids_are_ignored() {
    let question = Question::about("+33612345678", "FR").purpose(CallPurpose::Informational);
    let named = question.clone().named(&["us-strict", "no-such-rule", "in-hours"]).apply();
    assert_eq!(ids(&named), ["us-strict", "in-hours"]);
    let none = Question { packs: PackChoice::None, ..question };
    assert_eq!(ids(&none.apply()), [""; 0]);
    assert!(RULES.knows(&RuleId("us-strict".into())));
    assert!(!RULES.knows(&RuleId("no-such-rule".into())) && !RULES.knows(&RuleId("quiet-hours".into())));
    assert!(RULES.ids().all(|id| RULES.knows(id)));
}

#[test]
fn the_organizations_own_hours_apply_everywhere() {
    let mut question = Question::about("+12085550123", "US");
    question.packs = PackChoice::None;
    question.open_hours = Some(hours("10:00", "12:00"));
    question.closed_days = vec![date("2026-12-03")];
    assert_eq!(ids(&question.apply()), ["quiet-hours", "closed-days"]);
    let pacific = |time| local(time, "America/Los_Angeles");
    assert!(question.allows(pacific("2026-12-02T10:59"), SECOND));
    assert!(!question.allows(pacific("2026-12-02T11:00"), SECOND), "12:00 in Mountain time");
    assert!(!question.allows(pacific("2026-12-02T09:59"), SECOND), "before 10:00 in Pacific time");
    let closed = question.over(pacific("2026-12-03T10:30"), MINUTE).apply();
    let reason = rule(&closed, "closed-days").open.as_ref().unwrap().closed.clone();
    assert_eq!(reason, Some(TimeOfRule::Day(date("2026-12-03"), "closed day".into())));
}

#[test]
fn a_closed_day_is_closed_in_each_zone() {
    let mut question = Question::about("+12085550123", "US");
    question.closed_days = vec![date("2026-12-03")];
    let pacific = |time| local(time, "America/Los_Angeles");
    let span = question.over(pacific("2026-12-02T12:00"), 2 * DAY).apply();
    let open = rule(&span, "closed-days").open.as_ref().unwrap();
    // It begins at midnight in Mountain time, and ends at midnight in Pacific time.
    let spans: Vec<_> = open.intervals.iter().map(|open| (open.from, open.until)).collect();
    assert_eq!(
        spans,
        [
            (pacific("2026-12-02T12:00"), pacific("2026-12-02T23:00")),
            (pacific("2026-12-04T00:00"), pacific("2026-12-04T12:00")),
        ]
    );
}

#[test]
fn pennsylvania_closes_on_sundays_from_its_date() {
    let question = Question::about("+12155550123", "US");
    assert!(question.allows(local("2026-10-11T12:00", NEW_YORK), MINUTE));
    assert!(!question.allows(local("2026-10-18T12:00", NEW_YORK), MINUTE));
    let version = |time| rule(&question.clone().over(local(time, NEW_YORK), MINUTE).apply(), "us-pa").version;
    assert_eq!((version("2026-10-17T23:59:59"), version("2026-10-18T00:00")), (1, 2));
}

#[test]
fn a_span_follows_the_version_of_each_day() {
    let friday_evening = local("2026-10-16T20:00", NEW_YORK);
    let applied = Question::about("+12155550123", "US").over(friday_evening, 4 * DAY).apply();
    let open = rule(&applied, "us-pa").open.as_ref().unwrap();
    let starts: Vec<_> = open.intervals.iter().map(|open| open.from).collect();
    let [saturday, monday, tuesday] =
        ["2026-10-17T09:00", "2026-10-19T09:00", "2026-10-20T09:00"].map(|time| local(time, NEW_YORK));
    assert_eq!(starts, [saturday, monday, tuesday], "no Sunday: the second version is in force then");
}

#[test]
fn france_asks_for_consent_from_its_date() {
    let question = Question::about("+33612345678", "FR");
    let on = |time| question.clone().over(local(time, "Europe/Paris"), MINUTE).apply();
    assert!(!ids(&on("2026-08-10T23:59:59")).contains(&"fr-consent"));
    assert!(ids(&on("2026-08-11T00:00")).contains(&"fr-consent"));
}

#[test]
fn oregon_is_in_force_from_its_date() {
    let question = Question::about("+15035550123", "US");
    let on = |time| question.clone().over(local(time, "America/Los_Angeles"), MINUTE).apply();
    assert!(!ids(&on("2025-12-31T12:00")).contains(&"us-or"));
    assert!(ids(&on("2026-01-01T00:00")).contains(&"us-or"));
}

#[test]
fn an_empty_span_and_the_ends_of_time_are_no_failure() {
    let question = Question::about("+13055550123", "US");
    let noon = local("2026-12-02T12:00", NEW_YORK);
    let empty = question.clone().over(noon, Duration::ZERO).apply();
    let open = rule(&empty, "us-fl").open.as_ref().unwrap();
    assert_eq!((open.intervals.len(), &open.closed), (0, &None));
    let long = question.clone().over(noon, 10_000 * DAY).apply();
    assert_eq!(rule(&long, "us-fl").open.as_ref().unwrap().intervals.len(), 367, "cut after 366 days");
    for millis in [i64::MIN, i64::MAX] {
        let applied = question.clone().over(domain::Timestamp::from_unix_millis(millis), DAY).apply();
        assert!(applied.places.iter().all(|place| place.zones.is_empty()));
    }
}
