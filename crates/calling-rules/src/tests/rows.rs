//! Each row of the rules: where it is written, a time within its hours, and one outside.

use domain::{Cause, ConsentKind, TimeOfRule};

use super::world::{MINUTE, Question, RULES, SECOND, date, local, rule};

/// What the source says, as the row must say it.
struct Row {
    id: &'static str,
    version: u32,
    source: &'static str,
    zone: &'static str,
    /// Local times at which a call is allowed. The last one is the last second of the hours.
    inside: &'static [&'static str],
    outside: &'static [&'static str],
}

const ET: &str = "America/New_York";
const CT: &str = "America/Chicago";
const MT: &str = "America/Denver";
const PT: &str = "America/Los_Angeles";

const fn row(
    id: &'static str,
    version: u32,
    source: &'static str,
    zone: &'static str,
    inside: &'static [&'static str],
    outside: &'static [&'static str],
) -> Row {
    Row { id, version, source, zone, inside, outside }
}

// 2026-12-01 is a Tuesday, 12-05 a Saturday, 12-06 a Sunday.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("us-federal", 1, "47 CFR 64.1200(c)(1)", ET, &["2026-12-06T08:00", "2026-12-01T20:59:59"], &["2026-12-01T07:59:59", "2026-12-01T21:00"]),
    row("us-debt", 1, "12 CFR 1006.14(b)(2)", ET, &["2026-12-06T08:00", "2026-12-01T20:59:59"], &["2026-12-01T07:59:59", "2026-12-01T21:00"]),
    row("us-strict", 1, "intersection of the rules of the states", CT, &["2026-12-01T10:00", "2026-12-05T16:59:59"], &["2026-12-01T09:59", "2026-12-05T17:00", "2026-12-06T12:00", "2026-12-25T12:00", "2026-11-26T12:00"]),
    row("us-al", 1, "dropcowboy.com", CT, &["2026-12-05T08:00", "2026-12-01T19:59:59"], &["2026-12-01T20:00", "2026-12-06T12:00", "2026-12-25T12:00", "2027-07-05T12:00"]),
    row("us-ct", 1, "Conn. Gen. Stat. 42-288a", ET, &["2026-12-06T09:00", "2026-12-01T19:59:59"], &["2026-12-01T08:59", "2026-12-01T20:00"]),
    row("us-fl", 1, "Fla. Stat. 501.616(6)", ET, &["2026-12-06T08:00", "2026-12-01T19:59:59"], &["2026-12-01T07:59", "2026-12-01T20:00"]),
    row("us-il", 1, "dropcowboy.com", CT, &["2026-12-06T08:00", "2026-12-01T20:59:59"], &["2026-12-01T21:00"]),
    row("us-ky", 1, "Call Desk", ET, &["2026-12-06T10:00", "2026-12-01T20:59:59"], &["2026-12-01T09:59", "2026-12-01T21:00"]),
    row("us-la", 1, "PSC General Order R-29617", CT, &["2026-12-05T08:00", "2026-12-01T19:59:59"], &["2026-12-01T20:00", "2026-12-06T12:00", "2027-02-09T12:00"]),
    row("us-ma", 1, "dropcowboy.com", ET, &["2026-12-06T08:00", "2026-12-01T19:59:59"], &["2026-12-01T20:00"]),
    row("us-md", 1, "Md. Com. Law 14-4502", ET, &["2026-12-06T08:00", "2026-12-01T19:59:59"], &["2026-12-01T20:00"]),
    row("us-me", 1, "Call Desk", ET, &["2026-12-01T09:00", "2026-12-01T16:59:59"], &["2026-12-01T17:00", "2026-12-05T12:00", "2026-12-06T12:00", "2026-12-25T12:00"]),
    row("us-mi", 1, "dropcowboy.com", ET, &["2026-12-06T09:00", "2026-12-01T20:59:59"], &["2026-12-01T08:59"]),
    row("us-mn", 1, "dropcowboy.com", CT, &["2026-12-06T09:00", "2026-12-01T20:59:59"], &["2026-12-01T08:59"]),
    row("us-nm", 1, "dropcowboy.com", MT, &["2026-12-06T09:00", "2026-12-01T20:59:59"], &["2026-12-01T08:59"]),
    row("us-ms", 1, "Miss. Code 77-3-603(a)", CT, &["2026-12-25T08:00", "2026-12-05T19:59:59"], &["2026-12-01T20:00", "2026-12-06T12:00"]),
    row("us-ne", 1, "291 Neb. Admin. Code 11", CT, &["2026-12-01T08:00", "2026-12-06T13:00", "2026-12-25T13:00", "2026-12-01T20:59:59"], &["2026-12-06T12:59", "2026-12-25T12:59"]),
    row("us-nv", 1, "NRS 597.814", PT, &["2026-12-06T09:00", "2026-12-01T19:59:59"], &["2026-12-01T08:59", "2026-12-01T20:00"]),
    row("us-ok", 1, "15 O.S. 775C.4", CT, &["2026-12-06T09:00", "2026-12-01T19:59:59"], &["2026-12-01T08:59", "2026-12-01T20:00"]),
    row("us-or", 1, "HB 3865", PT, &["2026-12-06T08:00", "2026-12-01T19:59:59"], &["2026-12-01T07:59", "2026-12-01T20:00"]),
    row("us-pa", 1, "Act 73 of 2019", ET, &["2026-10-11T09:00", "2026-10-13T18:59:59"], &["2026-10-13T08:59", "2026-10-13T19:00", "2026-10-12T12:00", "2026-06-14T12:00", "2026-04-03T12:00"]),
    row("us-pa", 2, "Act 73 of 2019", ET, &["2026-12-05T09:00", "2026-12-01T18:59:59"], &["2026-12-01T08:59", "2026-12-01T19:00", "2026-12-06T12:00", "2026-11-03T12:00", "2026-11-26T12:00"]),
    row("us-ri", 1, "R.I. Gen. Laws 5-61-2(2), 5-61-3.6", ET, &["2026-12-01T09:00", "2026-12-05T10:00", "2026-12-01T17:59:59"], &["2026-12-01T18:00", "2026-12-05T17:00", "2026-12-06T12:00", "2027-08-09T12:00", "2027-06-18T12:00"]),
    row("us-sd", 1, "SDCL 37-30-28", CT, &["2026-12-01T09:00", "2026-12-01T20:59:59"], &["2026-12-05T12:00", "2026-12-06T12:00", "2026-12-25T12:00"]),
    row("us-tx", 1, "Bus. & Com. Code 301.051", CT, &["2026-12-05T09:00", "2026-12-06T12:00", "2026-12-01T20:59:59"], &["2026-12-05T08:59", "2026-12-06T11:59"]),
    row("us-ut", 1, "Utah Code 13-25a-103(3)", MT, &["2026-12-05T08:00", "2026-12-01T20:59:59"], &["2026-12-01T21:00", "2026-12-06T12:00", "2026-07-24T12:00"]),
    row("us-wa", 1, "RCW 80.36.390", PT, &["2026-12-06T08:00", "2026-12-01T19:59:59"], &["2026-12-01T20:00"]),
    row("us-wy", 1, "Call Desk", MT, &["2026-12-06T08:00", "2026-12-01T19:59:59"], &["2026-12-01T20:00"]),
    row("ca-federal", 1, "CRTC", "America/Toronto", &["2026-12-05T10:00", "2026-12-06T17:59:59", "2026-12-01T21:29:59"], &["2026-12-01T08:59", "2026-12-01T21:30", "2026-12-05T18:00"]),
    row("ca-bc", 1, "consumerprotectionbc.ca", "America/Vancouver", &["2026-12-06T10:00", "2026-12-01T21:29:59"], &["2026-12-01T21:30", "2026-12-06T18:00", "2026-12-25T12:00", "2026-08-03T12:00"]),
    row("fr-hours", 1, "Code de la consommation D.223-9", "Europe/Paris", &["2026-12-01T10:00", "2026-12-01T12:59:59", "2026-12-01T14:00", "2026-12-01T19:59:59"], &["2026-12-01T09:59", "2026-12-01T13:00", "2026-12-01T20:00", "2026-12-05T12:00", "2026-12-06T12:00", "2026-07-14T11:00"]),
    row("it-conduct", 1, "Garante", "Europe/Rome", &["2026-12-01T09:00", "2026-12-05T10:00", "2026-12-07T10:00", "2026-12-01T19:59:59"], &["2026-12-05T19:00", "2026-12-06T12:00", "2026-12-08T12:00", "2026-12-07T09:30", "2026-12-07T19:00"]),
    row("au-hours", 1, "Industry Standard 2017", "Australia/Sydney", &["2026-12-01T09:00", "2026-12-05T16:59:59", "2026-12-01T19:59:59"], &["2026-12-01T20:00", "2026-12-05T17:00", "2026-12-06T12:00", "2026-12-25T12:00"]),
    row("in-hours", 1, "TRAI", "Asia/Kolkata", &["2026-12-06T10:00", "2026-12-01T20:59:59"], &["2026-12-01T09:59", "2026-12-01T21:00"]),
];

/// Rows without hours.
#[rustfmt::skip]
const WITHOUT_HOURS: &[(&str, &str)] = &[
    ("us-marketing-consent", "47 CFR 64.1200(a)(2)"),
    ("us-ai-voice-consent", "47 CFR 64.1200(a)(1)(iii)"),
    ("us-landline-informational", "47 CFR 64.1200(a)(3)(ii)-(iv)"),
    ("us-landline-healthcare", "47 CFR 64.1200(a)(3)(v)"),
    ("us-do-not-call", "47 CFR 64.1200(c)(2)"),
    ("us-ring", "16 CFR 310.4(b)(4)"),
    ("us-sc-local-number", "S.C."),
    ("us-va-local-number", "Va."),
    ("ca-adad-consent", "CRTC"),
    ("ca-do-not-call", "CRTC"),
    ("eu-consent", "Directive 2002/58/EC"),
    ("de-consent", "§ 7 UWG"),
    ("es-consent", "Ley 11/2022"),
    ("fr-consent", "L.223-1"),
    ("gb-consent", "PECR reg. 19"),
];

/// A question about one rule alone, in one zone.
fn alone(row: &Row) -> Question {
    Question::about("+12125550123", "US").stated_zone(row.zone).named(&[row.id])
}

#[test]
fn each_row_opens_and_closes_as_its_source_says() {
    for row in ROWS {
        for (is_inside, times) in [(true, row.inside), (false, row.outside)] {
            for time in times {
                let at = local(time, row.zone);
                let question = alone(row).over(at, MINUTE);
                let applied = question.apply();
                let rule = rule(&applied, row.id);
                assert_eq!(rule.version, row.version, "{} at {time}", row.id);
                assert!(rule.source.contains(row.source), "{}: {}", row.id, rule.source);
                let closed = &rule.open.as_ref().expect("hours").closed;
                assert_eq!(closed.is_none(), is_inside, "{} at {time}: {closed:?}", row.id);
                assert_eq!(question.allows(at, SECOND / 2), is_inside, "{} at {time}", row.id);
            }
        }
        let last = local(row.inside.last().expect("a time"), row.zone);
        assert!(!alone(row).allows(last, SECOND), "{}: the hours end a second later", row.id);
    }
}

#[test]
fn each_row_without_hours_has_its_source() {
    for (id, source) in WITHOUT_HOURS {
        let applied = Question::about("+12125550123", "US").named(&[id]).apply();
        let rule = rule(&applied, id);
        assert!(rule.source.contains(source), "{id}: {}", rule.source);
        assert_eq!(rule.open, None, "{id}");
    }
}

#[test]
fn each_version_of_each_rule_has_a_case() {
    let cases = ROWS.iter().map(|row| (row.id, row.version));
    let mut cases: Vec<_> = cases.chain(WITHOUT_HOURS.iter().map(|(id, _)| (*id, 1))).collect();
    let rules = &RULES.book().rules;
    let versions = rules.iter().flat_map(|rule| rule.versions.iter().map(|one| (&*rule.id.0, one.version)));
    let mut versions: Vec<_> = versions.collect();
    cases.sort_unstable();
    versions.sort_unstable();
    assert_eq!(cases, versions);
}

/// Attempts, hours, and whether a consent lifts it.
type Cap = (u32, u64, bool);

#[test]
fn each_cap_counts_as_its_source_says() {
    #[rustfmt::skip]
    let caps: [(&str, &[Cap]); 11] = [
        ("us-fl", &[(3, 24, false)]), ("us-md", &[(3, 24, false)]), ("us-ok", &[(3, 24, false)]), ("us-or", &[(3, 24, false)]),
        ("us-strict", &[(3, 24, false)]), ("us-me", &[(1, 8, false)]), ("us-debt", &[(7, 7 * 24, false)]),
        ("ca-bc", &[(1, 30 * 24, false)]), ("fr-hours", &[(4, 30 * 24, false)]),
        ("us-landline-informational", &[(3, 30 * 24, true)]), ("us-landline-healthcare", &[(1, 24, true), (3, 7 * 24, true)]),
    ];
    for version in
        RULES.book().rules.iter().flat_map(|rule| rule.versions.iter().map(move |one| (&rule.id, one)))
    {
        let (id, version) = version;
        let expected = caps.iter().find(|(known, _)| *known == &*id.0).map_or(&[][..], |found| found.1);
        let found: Vec<_> = version
            .caps
            .iter()
            .map(|cap| (cap.attempts, cap.within.as_secs() / 3600, cap.unless_consent))
            .collect();
        assert_eq!(found, expected, "{id:?}");
    }
}

#[test]
fn each_pause_consent_list_and_ring_is_as_its_source_says() {
    let of = |id: &str| Question::about("+12125550123", "US").named(&[id]).apply().rules[0].clone();
    let pauses = |id: &str| -> Vec<_> {
        of(id).cool_downs.iter().map(|pause| (pause.after, pause.lasts.as_secs() / 86_400)).collect()
    };
    assert_eq!(pauses("us-debt"), [(Cause::Conversation, 7)]);
    assert_eq!(pauses("fr-hours"), [(Cause::Decline, 60)]);
    assert_eq!(pauses("us-nv"), [(Cause::Decline, 5 * 365)]);
    assert_eq!(of("us-marketing-consent").consent, Some(ConsentKind::Written));
    let express = [
        "us-ai-voice-consent",
        "ca-adad-consent",
        "eu-consent",
        "de-consent",
        "es-consent",
        "fr-consent",
        "gb-consent",
    ];
    for id in express {
        assert_eq!(of(id).consent, Some(ConsentKind::Express), "{id}");
    }
    assert_eq!(of("us-do-not-call").do_not_call_list.as_deref(), Some("us-national"));
    assert_eq!(of("ca-do-not-call").do_not_call_list.as_deref(), Some("ca-national"));
    assert_eq!(of("us-ring").least_ring, Some(15 * SECOND));
    assert!(of("us-va-local-number").bars_local_number && of("us-sc-local-number").bars_local_number);
}

#[test]
fn a_closed_time_has_its_reason() {
    let closed = |time: &str| {
        let question = Question::about("+33612345678", "FR").over(local(time, "Europe/Paris"), MINUTE);
        rule(&question.apply(), "fr-hours").open.clone().and_then(|open| open.closed)
    };
    assert_eq!(closed("2026-12-01T11:00"), None);
    let lunch = domain::MinuteOfDay::parse("13:30").unwrap();
    assert_eq!(closed("2026-12-01T13:30:59"), Some(TimeOfRule::Hours(date("2026-12-01"), lunch)));
    assert_eq!(closed("2026-12-05T11:00"), Some(TimeOfRule::Day(date("2026-12-05"), "Saturday".into())));
    assert_eq!(closed("2026-07-14T11:00"), Some(TimeOfRule::Day(date("2026-07-14"), "National Day".into())));
}
