//! The data files.

use std::path::Path;

use domain::{MinuteOfDay, ZoneName};
use sha2::{Digest, Sha256};

use super::world::{RULES, zone};
use crate::clock::Day;
use crate::countries::Countries;
use crate::rule_book::Rule;
use domain::ports::CallingRules;

#[test]
fn the_copied_files_are_unchanged() {
    let files = [
        ("libphonenumber/timezones.txt", "67b996160fb393952ace950e0fb93046271693ef097f849d6c2d07d5df28b3d4"),
        (
            "libphonenumber/geocoding-en-1.txt",
            "36aa62dc933bc26b99fad857dde1a8f94a5643642e2a6d9f07aa9b789b0d8b14",
        ),
        ("zone.tab", "e2e8e31c4e10f44576c79345e76060591dbb3eef6ce14e006afc8a373caa9593"),
        ("holidays.txt", "3f42a1f65e432ed715c6563665aa244d91c5893bd25579938ecb73400e85addb"),
    ];
    for (name, expected) in files {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name);
        let content = std::fs::read(path).unwrap();
        let found: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected, "{name}: after an update, read its difference and set the hash here");
    }
}

#[test]
fn every_zone_of_the_tables_is_known() {
    for zone in RULES.numbers().all_zones() {
        assert!(RULES.knows_zone(&zone), "{zone:?}");
    }
    for country in domain_countries() {
        let zones = Countries::read().zones(country).to_vec();
        assert!(zones.iter().all(|zone| RULES.knows_zone(zone)), "{country}: {zones:?}");
    }
    assert!(!RULES.knows_zone(&zone("America/Gotham")));
    assert!(!RULES.knows_zone(&zone("Etc/Unknown")));
}

fn domain_countries() -> impl Iterator<Item = &'static str> {
    let lines = crate::countries::TEXT.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.get(..2))
}

#[test]
fn every_area_code_of_the_states_has_zones() {
    for state in RULES.numbers().all_states() {
        assert!(!RULES.numbers().zones_of_state(state).is_empty(), "{state:?}");
    }
    assert_eq!(RULES.numbers().all_states().iter().filter(|state| state.country() == "US").count(), 51);
    assert_eq!(RULES.numbers().all_states().iter().filter(|state| state.country() == "CA").count(), 13);
}

#[test]
fn the_versions_of_a_rule_follow_each_other_without_gap() {
    // A rule that begins later would be missing from a span that begins before: see `rules.toml`.
    let data_are_from = Day::of(super::world::date("2026-11-30"));
    for Rule { id, versions } in &RULES.book().rules {
        assert!(versions[0].valid_from <= data_are_from, "{id:?}");
        for pair in versions.windows(2) {
            assert_eq!(pair[0].valid_to.map(Day::next), pair[1].valid_from, "{id:?}");
            assert!(pair[0].version < pair[1].version, "{id:?}");
        }
        assert_eq!(versions[versions.len() - 1].valid_to, None, "{id:?}");
    }
}

#[test]
fn every_calendar_has_its_years() {
    let calendars = crate::holidays::read().unwrap();
    for (id, calendar) in &calendars {
        for year in 2026..=2031 {
            let christmas = Day::of(domain::LocalDate::new(year, 12, 25).unwrap()).unwrap();
            assert!(calendar.holiday(christmas).is_some(), "{id} {year}");
        }
    }
    // Code du travail L3133-1 has 11 days.
    let france = |day: &i64| calendars["FR"].holiday(Day(*day)).is_some();
    let [first, last] = ["2026-01-01", "2026-12-31"].map(|day| Day::of(super::world::date(day)).unwrap());
    assert_eq!((first.0..=last.0).filter(france).count(), 11);
}

#[test]
fn no_rule_binds_emergency_calls() {
    let mut versions = RULES.book().rules.iter().flat_map(|rule| &rule.versions);
    assert!(versions.all(|version| !version.purposes.contains(&domain::CallPurpose::Emergency)));
}

#[test]
fn the_page_has_the_tables_of_the_data() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/calling-rules-data.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&crate::markdown(&RULES)), "run `make generate`");
}

#[test]
fn days_are_counted_as_in_the_calendar() {
    for (text, count, weekday) in [("1970-01-01", 0, 3), ("2026-11-30", 20_787, 0), ("2028-02-29", 21_243, 1)]
    {
        let day = Day::of(super::world::date(text)).unwrap();
        assert_eq!((day.0, day.weekday()), (count, weekday), "{text}");
        assert_eq!(day.date().unwrap().to_string(), text);
    }
}

#[test]
fn a_day_may_begin_after_midnight() {
    // Beirut sets its clocks forward at 00:00.
    let beirut = ZoneName::parse("Asia/Beirut").unwrap();
    let noon = super::world::local("2026-03-29T12:00", beirut.as_str());
    let start = RULES.start_of_day(&beirut, noon).unwrap();
    assert_eq!(start, super::world::instant("2026-03-28T22:00:00Z"));
    let first = RULES.local_time(&beirut, start).unwrap();
    assert_eq!(first.minute, MinuteOfDay::parse("01:00").unwrap());
    assert_eq!(RULES.local_time(&zone("America/Gotham"), noon), None);
    assert_eq!(RULES.start_of_day(&zone("America/Gotham"), noon), None);
}
