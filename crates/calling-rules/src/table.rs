//! The table of the documentation.

use std::fmt::Write as _;

use domain::{Cap, Cause, ConsentKind, CoolDown, OpenHours};

use crate::Rules;
use crate::clock::Day;
use crate::rule_book::{RuleVersion, WeekHours};

const DAY_HOURS: u64 = 24;

/// The rules as tables in Markdown, for `docs/calling-rules-data.md`.
#[must_use]
pub fn markdown(rules: &Rules) -> String {
    let mut text = String::from(
        "| Rule | Version | In force | Places | Calls | Mon–Fri | Sat | Sun | Holidays | Also | Source | Conf. |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for rule in &rules.book().rules {
        for version in &rule.versions {
            let id = &rule.id.0;
            _ = writeln!(text, "| `{id}` | {} |", cells(version).join(" | "));
        }
    }
    text.push_str("\nThe area code counts as the place of the callee in:\n\n");
    text.push_str("| State | Source | Conf. |\n|---|---|---|\n");
    for law in &rules.book().area_code_counts {
        _ = writeln!(text, "| {} | {} | {} |", law.region.as_str(), law.source, law.confidence);
    }
    let states = rules.numbers().all_states();
    let without = states.into_iter().filter(|state| {
        let versions = rules.book().rules.iter().flat_map(|rule| &rule.versions);
        state.country() == "US"
            && !versions.flat_map(|version| &version.regions).any(|region| region == *state)
    });
    let without: Vec<&str> = without.map(|state| &state.as_str()["US-".len()..]).collect();
    _ = writeln!(text, "\nStates with the federal rules alone: {}.", without.join(", "));
    text
}

fn cells(version: &RuleVersion) -> [String; 11] {
    let [weekdays, saturday, sunday, holidays] = hours(version.hours.as_ref());
    let regions: Vec<&str> = version.regions.iter().map(domain::Region::as_str).collect();
    let purposes: Vec<&str> = version.purposes.iter().map(|purpose| purpose.as_str()).collect();
    let unknown_state = if version.only_unknown_state { ", state unknown" } else { "" };
    [
        version.version.to_string(),
        in_force(version),
        format!("{}{unknown_state}", regions.join(" ")),
        purposes.join(", "),
        weekdays,
        saturday,
        sunday,
        holidays,
        also(version),
        version.source.to_string(),
        version.confidence.clone(),
    ]
}

fn in_force(version: &RuleVersion) -> String {
    let date = |day: Option<Day>| day.and_then(Day::date).map(|date| date.to_string());
    match (date(version.valid_from), date(version.valid_to)) {
        (None, None) => "always".into(),
        (Some(from), None) => format!("from {from}"),
        (None, Some(to)) => format!("to {to}"),
        (Some(from), Some(to)) => format!("{from} to {to}"),
    }
}

fn hours(week: Option<&WeekHours>) -> [String; 4] {
    let Some(week) = week else { return std::array::from_fn(|_| "–".into()) };
    let [weekdays, _, _, _, _, saturday, sunday] = &week.days;
    let holidays = week.holidays.as_ref().map(|holidays| {
        let eve = week.eve.as_deref().map(|eve| format!("; day before: {}", spans(eve)));
        format!("{} ({}){}", spans(&holidays.hours), holidays.calendar_id, eve.unwrap_or_default())
    });
    [spans(weekdays), spans(saturday), spans(sunday), holidays.unwrap_or_else(|| "–".into())]
}

fn spans(hours: &[OpenHours]) -> String {
    let spans: Vec<String> = hours.iter().map(|span| format!("{}–{}", span.from(), span.until())).collect();
    if spans.is_empty() { "closed".into() } else { spans.join(", ") }
}

fn also(version: &RuleVersion) -> String {
    let mut parts: Vec<String> = version.caps.iter().map(cap).collect();
    parts.extend(version.cool_downs.iter().map(cool_down));
    parts.extend(version.consent.map(|kind| match kind {
        ConsentKind::Express => "express consent".into(),
        ConsentKind::Written => "written consent".into(),
    }));
    parts.extend(version.do_not_call_list.as_ref().map(|list| format!("do-not-call list `{list}`")));
    parts.extend(version.least_ring.map(|ring| format!("rings for {} s at least", ring.as_secs())));
    parts.extend(version.bars_local_number.then(|| "no caller number of the same state".into()));
    parts.extend(version.note.clone());
    if parts.is_empty() { "–".into() } else { parts.join("; ") }
}

fn cap(cap: &Cap) -> String {
    let hours = cap.within.as_secs() / 3600;
    let within = if hours > DAY_HOURS && hours.is_multiple_of(DAY_HOURS) {
        format!("{} d", hours / DAY_HOURS)
    } else {
        format!("{hours} h")
    };
    let without = if cap.unless_consent { " without consent" } else { "" };
    let attempts = if cap.attempts == 1 { "attempt" } else { "attempts" };
    format!("{} {attempts} in {within}{without}", cap.attempts)
}

fn cool_down(cool_down: &CoolDown) -> String {
    let cause = match cool_down.after {
        Cause::Conversation => "a conversation",
        Cause::Decline => "a decline",
    };
    format!("none for {} d after {cause}", cool_down.lasts.as_secs() / 3600 / DAY_HOURS)
}
