//! The time zones of a country, from the tz database's `zone.tab`.

use std::collections::HashMap;

use domain::ZoneName;

pub(crate) static TEXT: &str = include_str!("../data/zone.tab");

#[derive(Debug, Default)]
pub(crate) struct Countries {
    zones: HashMap<&'static str, Vec<ZoneName>>,
    by_zone: HashMap<&'static str, &'static str>,
}

impl Countries {
    pub(crate) fn read() -> Self {
        let mut countries = Self::default();
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let (Some(country), Some(_), Some(name)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let Ok(zone) = ZoneName::parse(name) else { continue };
            countries.zones.entry(country).or_default().push(zone);
            countries.by_zone.insert(name, country);
        }
        countries
    }

    /// The zones of a country, by its ISO 3166 code.
    pub(crate) fn zones(&self, country: &str) -> &[ZoneName] {
        self.zones.get(country).map_or(&[], Vec::as_slice)
    }

    /// The country of a zone.
    pub(crate) fn country_of(&self, zone: &ZoneName) -> Option<&'static str> {
        self.by_zone.get(zone.as_str()).copied()
    }
}
