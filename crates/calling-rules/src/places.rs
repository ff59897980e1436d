//! Where the callee may be: from the contact's record, from the number, and by the law of the
//! number's state.

use std::time::Duration;

use domain::ports::RuleQuestion;
use domain::{Country, Place, PlaceBasis, Region, Timestamp, ZoneName};

use crate::clock::{Zone, Zones};
use crate::countries::Countries;
use crate::numbers::Numbers;
use crate::rule_book::AreaCodeCounts;

/// Zones whose clocks differ by more than this leave less than an hour of 10:00 to 18:00 (the hours of
/// `us-strict`) in which all of them are open: nothing is known then. It is so for the country row of
/// +1, which toll-free numbers have, with 21 hours from Guam to American Samoa, and for that of +7 with
/// 10 hours. It is not so for the states of the US together (5 or 6 hours).
const MAX_DIFFERENCE_MILLIS: i64 = 7 * 60 * 60 * 1000;
/// Two zones have the same clock if they agree now and half a year later.
const HALF_A_YEAR: Duration = Duration::from_secs(182 * 24 * 60 * 60);
/// Territories that ISO 3166-2 also lists as parts of the US. Their numbers belong to countries of
/// their own.
const TERRITORIES: [&str; 5] = ["AS", "GU", "MP", "PR", "VI"];

/// What a place is found by.
pub(crate) struct Atlas<'a> {
    pub(crate) zones: &'a Zones,
    pub(crate) numbers: &'a Numbers,
    pub(crate) countries: &'a Countries,
    pub(crate) area_code_counts: &'a [AreaCodeCounts],
}

impl Atlas<'_> {
    /// Every place where the callee may be.
    pub(crate) fn places(&self, question: &RuleQuestion<'_>) -> Vec<Place> {
        let by_number = self.by_number(question);
        let mut places = match self.by_contact(question, &by_number) {
            None => by_number,
            Some(mut by_contact) => {
                let by_law = by_number.into_iter().filter(|place| self.counts_by_law(place));
                let by_law = by_law.filter(|place| !by_contact.iter().any(|known| is_within(known, place)));
                let by_law: Vec<_> =
                    by_law.map(|place| Place { basis: PlaceBasis::AreaCodeByLaw, ..place }).collect();
                by_contact.extend(by_law);
                by_contact
            }
        };
        for place in &mut places {
            self.settle_zones(place, question);
        }
        places
    }

    fn by_number(&self, question: &RuleQuestion<'_>) -> Vec<Place> {
        let zones = self.numbers.zones(question.number);
        let place = |region| Place { region, basis: PlaceBasis::Number, zones: zones.clone() };
        let country = question.country.map(Country::as_str);
        let states = self.numbers.states(question.number).iter();
        let states: Vec<_> =
            states.filter(|state| country.is_none_or(|country| state.country() == country)).collect();
        if states.is_empty() {
            vec![place(country.and_then(|country| Region::parse(country).ok()))]
        } else {
            states.into_iter().map(|state| place(Some(state.clone()))).collect()
        }
    }

    /// `None` if the record says nothing, or only names the country that the number belongs to.
    fn by_contact(&self, question: &RuleQuestion<'_>, by_number: &[Place]) -> Option<Vec<Place>> {
        let zone = question.stated.zone.as_ref().filter(|name| self.zones.get(name).is_some());
        let region = question.stated.region.as_ref().map(without_territory);
        let place = |region: Option<Region>, zones| Place { region, basis: PlaceBasis::Contact, zones };
        let is_of_number = |country: &Region| {
            let of_number = by_number.iter().filter_map(|place| place.region.as_ref());
            !country.is_state() && of_number.map(Region::country).any(|known| known == country.as_str())
        };
        match (zone, region) {
            (None, None) => None,
            (None, Some(country)) if is_of_number(&country) => None,
            (None, Some(region)) => {
                let zones = self.zones_of(&region);
                Some(vec![place(Some(region), zones)])
            }
            (Some(zone), Some(region)) if !is_of_number(&region) => {
                Some(vec![place(Some(region), vec![zone.clone()])])
            }
            (Some(zone), _) => {
                let regions = self.regions_of(zone, question.span.from, by_number);
                Some(regions.into_iter().map(|region| place(region, vec![zone.clone()])).collect())
            }
        }
    }

    /// The regions of a contact with this zone whose record names no state: those of the number that
    /// have the zone, else the country that has it.
    fn regions_of(&self, zone: &ZoneName, now: Timestamp, by_number: &[Place]) -> Vec<Option<Region>> {
        let has_zone = |zones: &[ZoneName]| zones.iter().any(|other| self.have_same_clock(zone, other, now));
        let fitting: Vec<_> = by_number
            .iter()
            .filter(|place| {
                let of_region =
                    || place.region.as_ref().map(|region| self.zones_of(region)).unwrap_or_default();
                has_zone(&place.zones) || has_zone(&of_region())
            })
            .map(|place| place.region.clone())
            .collect();
        if !fitting.is_empty() {
            return fitting;
        }
        let of_number = by_number.iter().find_map(|place| place.region.as_ref()).map(Region::country);
        let country = match of_number {
            Some(country) if has_zone(self.countries.zones(country)) => Some(country),
            _ => self.countries.country_of(zone).or(of_number),
        };
        vec![country.and_then(|country| Region::parse(country).ok())]
    }

    /// Every zone of a state by its area codes, or of a country.
    fn zones_of(&self, region: &Region) -> Vec<ZoneName> {
        let by_area_code = self.numbers.zones_of_state(region);
        if by_area_code.is_empty() { self.countries.zones(region.country()).to_vec() } else { by_area_code }
    }

    fn counts_by_law(&self, place: &Place) -> bool {
        let region = place.region.as_ref();
        region.is_some_and(|region| self.area_code_counts.iter().any(|law| law.region == *region))
    }

    /// Takes the operator's zone if the zones leave the time open.
    fn settle_zones(&self, place: &mut Place, question: &RuleQuestion<'_>) {
        if self.is_time_known(&place.zones, question.span.from) {
            return;
        }
        place.zones.clear();
        let region = place.region.as_ref().map(Region::country);
        let country = region.or(question.country.map(Country::as_str));
        let default = question.default_zones.iter().find(|(of, _)| Some(of.as_str()) == country);
        if let Some((_, zone)) = default.filter(|(_, zone)| self.zones.get(zone).is_some()) {
            place.zones.push(zone.clone());
            place.basis = PlaceBasis::DefaultZone;
        }
    }

    fn is_time_known(&self, zones: &[ZoneName], now: Timestamp) -> bool {
        let offset = |zone: &ZoneName| self.zones.get(zone)?.offset_at(now);
        let offsets: Option<Vec<i64>> = zones.iter().map(offset).collect();
        let offsets = offsets.unwrap_or_default();
        let bounds = offsets.iter().min().zip(offsets.iter().max());
        bounds.is_some_and(|(least, greatest)| greatest - least <= MAX_DIFFERENCE_MILLIS)
    }

    fn have_same_clock(&self, one: &ZoneName, other: &ZoneName, now: Timestamp) -> bool {
        let clock = |zone: &Zone| Some((zone.offset_at(now)?, zone.offset_at(now.after(HALF_A_YEAR))?));
        let [one, other] = [one, other].map(|name| self.zones.get(name).and_then(|zone| clock(&zone)));
        one.is_some() && one == other
    }
}

/// Whether one place is in the region and the zones of another one.
fn is_within(one: &Place, other: &Place) -> bool {
    one.region == other.region && one.zones.iter().all(|zone| other.zones.contains(zone))
}

fn without_territory(region: &Region) -> Region {
    let territory = region.as_str().strip_prefix("US-").filter(|code| TERRITORIES.contains(code));
    territory.and_then(|code| Region::parse(code).ok()).unwrap_or_else(|| region.clone())
}
