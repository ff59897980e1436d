use super::*;
use crate::wiring::calling_rules;

fn place(time_zone: &str, region: &str, state: &str, country: &str) -> Result<String, String> {
    fn given(text: &str) -> Option<&str> {
        (!text.is_empty()).then_some(text)
    }
    let fields = PlaceFields {
        time_zone: given(time_zone),
        region: given(region),
        state: given(state),
        country: given(country),
    };
    let shown = |place: ContactPlace| {
        let zone = place.zone.as_ref().map(ZoneName::as_str).unwrap_or_default();
        format!("{zone} {}", place.region.as_ref().map(Region::as_str).unwrap_or_default())
    };
    read(fields, calling_rules().as_ref()).map(shown).map_err(|reasons| reasons.join("; "))
}

#[test]
fn a_place_is_read_from_each_way_to_write_it() {
    for ((time_zone, region, state, country), expected) in [
        (("", "", "", ""), " "),
        (("America/Chicago", "", "", ""), "America/Chicago "),
        (("America/Chicago", "US-FL", "", ""), "America/Chicago US-FL"),
        (("", "FR", "", ""), " FR"),
        (("", "", "", "CA"), " CA"),
        (("", "", "FL", "US"), " US-FL"),
        (("", "", "US-FL", ""), " US-FL"),
        (("", "", "US-FL", "US"), " US-FL"),
    ] {
        assert_eq!(place(time_zone, region, state, country).as_deref(), Ok(expected));
    }
}

#[test]
fn an_unclear_place_is_refused_by_its_field() {
    for ((time_zone, region, state, country), fields) in [
        (("Eastern", "", "", ""), vec!["timeZone"]),
        (("", "Florida", "", ""), vec!["region"]),
        (("", "US-FL", "", "US"), vec!["region"]),
        (("", "", "FL", ""), vec!["state"]),
        (("", "", "Florida", "US"), vec!["state"]),
        (("", "", "US-FL", "CA"), vec!["state"]),
        (("", "", "", "USA"), vec!["country"]),
        (("", "", "", "US-FL"), vec!["country"]),
        (("Eastern", "", "", "USA"), vec!["timeZone", "country"]),
    ] {
        let refusal = place(time_zone, region, state, country).expect_err("it is unclear");
        let named: Vec<_> = refusal.split("; ").filter_map(|reason| reason.split(": ").next()).collect();
        assert_eq!(named, fields, "{refusal}");
        assert!(!refusal.contains("Florida") && !refusal.contains("Eastern"), "{refusal}");
    }
}
