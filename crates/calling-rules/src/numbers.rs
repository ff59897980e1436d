//! What a phone number says of its place: libphonenumber's tables of time zones, and of the states
//! and provinces of North American area codes.
//!
//! Both are hints: numbers are portable, and people move. For a mobile number, the table has the zone
//! of its area code.

mod states;

use std::collections::{BTreeSet, HashMap};

use domain::{PhoneNumber, Region, ZoneName};

pub(crate) static TIMEZONES: &str = include_str!("../data/libphonenumber/timezones.txt");
/// The rows of area codes of `data/libphonenumber/geocoding-en-1.txt`: see `build.rs`.
pub(crate) static AREA_CODES: &str = include_str!(concat!(env!("OUT_DIR"), "/area-codes.txt"));

/// `1` and three digits.
const AREA_CODE_LEN: usize = 4;
/// The row of `1` lists the zones of 25 countries.
const NORTH_AMERICA: &str = "1";

#[derive(Debug)]
pub(crate) struct Numbers {
    /// Prefixes of digits in E.164 without `+`, with `ZONE&ZONE`. Sorted by prefix.
    zones: Vec<(&'static str, &'static str)>,
    /// `1` and an area code, with its states.
    states: HashMap<&'static str, Vec<Region>>,
    by_state: HashMap<Region, Vec<&'static str>>,
}

impl Numbers {
    /// `Err` has a row that cannot be read, or that names a place which is no state.
    pub(crate) fn read() -> Result<Self, &'static str> {
        let rows = TIMEZONES.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut zones: Vec<_> = rows.map(|row| row.split_once('|').ok_or(row)).collect::<Result<_, _>>()?;
        zones.sort_unstable();
        let mut states = HashMap::new();
        let mut by_state: HashMap<Region, Vec<&'static str>> = HashMap::new();
        for row in AREA_CODES.lines() {
            let mut fields = row.split('|');
            let (Some(area_code), Some(name), Some(towns)) = (fields.next(), fields.next(), fields.next())
            else {
                return Err(row);
            };
            let found = states::of(name, towns).ok_or(row)?;
            for state in &found {
                by_state.entry(state.clone()).or_default().push(area_code);
            }
            states.insert(area_code, found);
        }
        Ok(Self { zones, states, by_state })
    }

    /// The zones that a phone with this number may be in, by the longest prefix. Empty if no row
    /// matches. A number that is bound to no place, like a toll-free one, has the zones of its country.
    pub(crate) fn zones(&self, number: &PhoneNumber) -> Vec<ZoneName> {
        match self.longest_prefix(number) {
            // Some area codes have rows for a part of their exchanges only.
            Some((NORTH_AMERICA, _)) if !self.states(number).is_empty() => {
                number.digits().get(..AREA_CODE_LEN).map(|code| self.zones_below([code])).unwrap_or_default()
            }
            Some((_, zones)) => names(zones).collect(),
            None => Vec::new(),
        }
    }

    /// The states or provinces of a North American number; empty if it shows none.
    pub(crate) fn states(&self, number: &PhoneNumber) -> &[Region] {
        number.digits().get(..AREA_CODE_LEN).and_then(|code| self.states.get(code)).map_or(&[], Vec::as_slice)
    }

    /// All zones of the area codes of a state or province; empty if it has none.
    pub(crate) fn zones_of_state(&self, state: &Region) -> Vec<ZoneName> {
        self.zones_below(self.by_state.get(state).into_iter().flatten().copied())
    }

    /// Every zone of the table, once.
    pub(crate) fn all_zones(&self) -> BTreeSet<ZoneName> {
        self.zones.iter().flat_map(|(_, zones)| names(zones)).collect()
    }

    /// All zones of the rows that begin with one of these prefixes.
    fn zones_below<'a>(&self, prefixes: impl IntoIterator<Item = &'a str>) -> Vec<ZoneName> {
        let rows = prefixes.into_iter().flat_map(|wanted| {
            let from = self.zones.partition_point(|(prefix, _)| *prefix < wanted);
            self.zones[from..].iter().take_while(move |(prefix, _)| prefix.starts_with(wanted))
        });
        let zones: BTreeSet<ZoneName> = rows.flat_map(|(_, zones)| names(zones)).collect();
        zones.into_iter().collect()
    }

    /// The prefix that shows where the number belongs within its country. `None` if it shows only the
    /// country, or not even that.
    pub(crate) fn area(&self, number: &PhoneNumber) -> Option<&'static str> {
        let country = self.calling_code(number)?;
        let area = if country == NORTH_AMERICA {
            let code = number.digits().get(..AREA_CODE_LEN)?;
            let at = self.zones.partition_point(|(prefix, _)| *prefix < code);
            self.zones.get(at)?.0.get(..AREA_CODE_LEN).filter(|found| *found == code)?
        } else {
            self.longest_prefix(number)?.0
        };
        (area.len() > country.len()).then_some(area)
    }

    /// The calling code: the shortest prefix that has a row.
    pub(crate) fn calling_code(&self, number: &PhoneNumber) -> Option<&'static str> {
        (1..=3).find_map(|len| self.row(number.digits().get(..len)?)).map(|row| row.0)
    }

    fn longest_prefix(&self, number: &PhoneNumber) -> Option<(&'static str, &'static str)> {
        let digits = number.digits();
        (1..=digits.len()).rev().find_map(|len| self.row(digits.get(..len)?))
    }

    fn row(&self, prefix: &str) -> Option<(&'static str, &'static str)> {
        let at = self.zones.binary_search_by_key(&prefix, |row| row.0).ok()?;
        self.zones.get(at).copied()
    }

    /// Every state and province that has an area code.
    pub(crate) fn all_states(&self) -> BTreeSet<&Region> {
        self.by_state.keys().collect()
    }
}

fn names(zones: &'static str) -> impl Iterator<Item = ZoneName> {
    zones.split('&').filter_map(|name| ZoneName::parse(name).ok())
}

/// Whether a calling code is shared by so many countries that two of its numbers have nothing in
/// common.
pub(crate) fn is_north_america(calling_code: &str) -> bool {
    calling_code == NORTH_AMERICA
}
