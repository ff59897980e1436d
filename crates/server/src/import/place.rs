//! Where a contact is: a time zone, and a country or state.

use domain::ports::CallingRules;
use domain::{ContactPlace, Region, ZoneName};

use super::file_records::Reasons;
use super::line::both;

/// The fields of a contact that say where it is. None of them is empty.
#[derive(Default)]
pub(super) struct PlaceFields<'a> {
    pub(super) time_zone: Option<&'a str>,
    /// A country or state: `FR`, `US-FL`.
    pub(super) region: Option<&'a str>,
    /// The state of `country`: `FL`. With its country: `US-FL`.
    pub(super) state: Option<&'a str>,
    pub(super) country: Option<&'a str>,
}

pub(super) fn read(fields: PlaceFields<'_>, rules: &dyn CallingRules) -> Result<ContactPlace, Reasons> {
    let zone = fields.time_zone.map(|text| zone(text, rules)).transpose();
    let (zone, region) = both(zone, region(&fields))?;
    Ok(ContactPlace { zone, region })
}

/// A zone that the rules do not have would say nothing about the time of the contact.
fn zone(text: &str, rules: &dyn CallingRules) -> Result<ZoneName, Reasons> {
    let zone = ZoneName::parse(text).ok().filter(|zone| rules.knows_zone(zone));
    zone.ok_or_else(|| vec!["timeZone: not a time zone by its name, like America/New_York".to_owned()])
}

fn region(fields: &PlaceFields<'_>) -> Result<Option<Region>, Reasons> {
    let parsed =
        |field: &str, code: &str| Region::parse(code).map_err(|error| vec![format!("{field}: {error}")]);
    match (fields.region, fields.state, fields.country) {
        (None, None, None) => Ok(None),
        (Some(region), None, None) => parsed("region", region).map(Some),
        (Some(_), _, _) => Err(vec!["region: leave it out, or state and country".to_owned()]),
        (None, None, Some(country)) => {
            let region = parsed("country", country)?;
            if region.is_state() { Err(vec!["country: names a state".to_owned()]) } else { Ok(Some(region)) }
        }
        (None, Some(state), country) if state.contains('-') => {
            let region = parsed("state", state)?;
            match country {
                Some(country) if country != region.country() => {
                    Err(vec!["state: is in another country than country".to_owned()])
                }
                _ => Ok(Some(region)),
            }
        }
        (None, Some(_), None) => Err(vec!["state: name its country too: country, or US-FL".to_owned()]),
        (None, Some(state), Some(country)) => parsed("state", &format!("{country}-{state}")).map(Some),
    }
}

#[cfg(test)]
mod tests;
