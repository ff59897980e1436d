//! The form of `data/rules.toml`.

use std::time::Duration;

use domain::{
    CallPurpose, Cap, Cause, ConsentKind, CoolDown, LocalDate, MinuteOfDay, OpenHours, Region, RuleId,
};
use serde::Deserialize;

use super::{AreaCodeCounts, HolidayHours, Rule, RuleBook, RuleVersion, WeekHours};
use crate::clock::Day;
use crate::holidays::Calendars;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileRow {
    area_code_counts: Vec<AreaCodeRow>,
    rule: Vec<RuleRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaCodeRow {
    region: String,
    source: String,
    confidence: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RuleRow {
    id: String,
    version: u32,
    valid_from: Option<String>,
    valid_to: Option<String>,
    regions: Vec<String>,
    #[serde(default)]
    only_unknown_state: bool,
    purposes: Vec<String>,
    hours: Option<HoursRow>,
    #[serde(default)]
    caps: Vec<CapRow>,
    #[serde(default)]
    cool_downs: Vec<CoolDownRow>,
    consent: Option<String>,
    do_not_call_list: Option<Box<str>>,
    least_ring_seconds: Option<u64>,
    #[serde(default)]
    bars_local_number: bool,
    source: Box<str>,
    confidence: String,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoursRow {
    weekdays: String,
    saturday: String,
    sunday: String,
    holidays: Option<HolidayRow>,
    eve: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HolidayRow {
    calendar: Box<str>,
    hours: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CapRow {
    attempts: u32,
    hours: u64,
    #[serde(default)]
    unless_consent: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CoolDownRow {
    after: String,
    days: u64,
}

const HOUR: Duration = Duration::from_secs(60 * 60);

pub(super) fn read(text: &str, calendars: &Calendars) -> Result<RuleBook, String> {
    let file: FileRow = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut rules: Vec<Rule> = Vec::new();
    for row in file.rule {
        let id = RuleId(row.id.as_str().into());
        let version = version(row, calendars).map_err(|problem| format!("{}: {problem}", id.0))?;
        match rules.iter_mut().find(|rule| rule.id == id) {
            Some(rule) => rule.versions.push(version),
            None => rules.push(Rule { id, versions: vec![version] }),
        }
    }
    let area_code_counts = file.area_code_counts.into_iter().map(|row| {
        Ok(AreaCodeCounts { region: region(&row.region)?, source: row.source, confidence: row.confidence })
    });
    Ok(RuleBook { rules, area_code_counts: area_code_counts.collect::<Result<_, String>>()? })
}

fn version(row: RuleRow, calendars: &Calendars) -> Result<RuleVersion, String> {
    let purpose = |name: &String| CallPurpose::parse(name).map_err(|error| error.to_string());
    Ok(RuleVersion {
        version: row.version,
        valid_from: row.valid_from.as_deref().map(day).transpose()?,
        valid_to: row.valid_to.as_deref().map(day).transpose()?,
        regions: row.regions.iter().map(|code| region(code)).collect::<Result<_, _>>()?,
        only_unknown_state: row.only_unknown_state,
        purposes: row.purposes.iter().map(purpose).collect::<Result<_, _>>()?,
        hours: row.hours.map(|hours| week(hours, calendars)).transpose()?,
        caps: row.caps.iter().map(cap).collect(),
        cool_downs: row.cool_downs.iter().map(cool_down).collect::<Result<_, _>>()?,
        consent: row.consent.as_deref().map(consent).transpose()?,
        do_not_call_list: row.do_not_call_list,
        least_ring: row.least_ring_seconds.map(Duration::from_secs),
        bars_local_number: row.bars_local_number,
        source: row.source,
        confidence: row.confidence,
        note: row.note,
    })
}

fn region(code: &str) -> Result<Region, String> {
    Region::parse(code).map_err(|error| format!("{code}: {error}"))
}

fn day(date: &str) -> Result<Day, String> {
    LocalDate::parse(date).ok().and_then(Day::of).ok_or_else(|| format!("{date} is no date"))
}

fn week(row: HoursRow, calendars: &Calendars) -> Result<WeekHours, String> {
    let weekdays = hours(&row.weekdays)?;
    let [saturday, sunday] = [hours(&row.saturday)?, hours(&row.sunday)?];
    let holidays = row.holidays.map(|holidays| {
        let calendar = calendars.get(&*holidays.calendar);
        Ok::<_, String>(HolidayHours {
            calendar: calendar.ok_or_else(|| format!("{} is no calendar", holidays.calendar))?.clone(),
            calendar_id: holidays.calendar,
            hours: hours(&holidays.hours)?,
        })
    });
    let [mon, tue, wed, thu] = std::array::from_fn(|_| weekdays.clone());
    Ok(WeekHours {
        days: [mon, tue, wed, thu, weekdays, saturday, sunday],
        holidays: holidays.transpose()?,
        eve: row.eve.as_deref().map(hours).transpose()?,
    })
}

/// `closed`, or spans like `08:00-20:00` in their order, with spaces between them.
fn hours(text: &str) -> Result<Vec<OpenHours>, String> {
    if text == "closed" {
        return Ok(Vec::new());
    }
    let span = |span: &str| {
        let (from, until) = span.split_once('-')?;
        OpenHours::new(MinuteOfDay::parse(from).ok()?, MinuteOfDay::parse(until).ok()?).ok()
    };
    let spans: Option<Vec<OpenHours>> = text.split(' ').map(span).collect();
    let spans = spans.ok_or_else(|| format!("{text} is no span of hours"))?;
    let is_in_order = spans.is_sorted_by(|one, next| one.until() <= next.from());
    if is_in_order { Ok(spans) } else { Err(format!("{text}: the spans overlap")) }
}

const fn cap(row: &CapRow) -> Cap {
    Cap {
        attempts: row.attempts,
        within: Duration::from_secs(row.hours * HOUR.as_secs()),
        unless_consent: row.unless_consent,
    }
}

fn cool_down(row: &CoolDownRow) -> Result<CoolDown, String> {
    let after = match row.after.as_str() {
        "conversation" => Cause::Conversation,
        "decline" => Cause::Decline,
        other => return Err(format!("{other} is no cause")),
    };
    Ok(CoolDown { after, lasts: Duration::from_secs(row.days * 24 * HOUR.as_secs()) })
}

fn consent(name: &str) -> Result<ConsentKind, String> {
    let kinds = ConsentKind::ALL.into_iter();
    kinds.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| format!("{name} is no consent"))
}
