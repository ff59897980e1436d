use domain::{Timestamp, ZoneName};

use super::Finding;
use super::stores::Listing;
use crate::wiring::calling_rules;

const ZONES: &str = "zones";

/// Noon in Greenwich on a day in winter and on a day in summer, and the local time in New York.
const KNOWN: [(i64, &str); 2] = [(1_767_268_800_000, "07:00"), (1_782_907_200_000, "08:00")];

/// Whether the time zones that are part of the program are right, and the stored policies use no other.
pub(super) fn check(listing: &Listing) -> Finding {
    let rules = calling_rules();
    let new_york = ZoneName::parse("America/New_York").expect("a name of the tz database");
    for (instant, expected) in KNOWN {
        let local = rules.local_time(&new_york, Timestamp::from_unix_millis(instant));
        if local.is_none_or(|local| local.minute.to_string() != expected) {
            let found = "the time zones of this program are wrong, and so are calling hours";
            return Finding::failed(ZONES, found, "install a released build of this program");
        }
    }
    let Ok(stored) = listing else {
        return Finding::ok(ZONES, "those of this program are right; the stored policies could not be read");
    };
    let policies = stored.directory.organizations.iter().filter_map(|it| Some((it, it.policy.as_ref()?)));
    let unknown: Vec<&str> = policies
        .filter(|(_, policy)| {
            let mut zones = std::iter::once(&policy.time_zone).chain(policy.default_zones.values());
            zones.any(|zone| !rules.knows_zone(zone))
        })
        .map(|(organization, _)| organization.organization_id.as_str())
        .collect();
    if unknown.is_empty() {
        return Finding::ok(ZONES, "the time zones of this program are right, and policies use no others");
    }
    let found =
        format!("the calling policies of {} have a time zone that this program lacks", unknown.join(", "));
    Finding::failed(ZONES, found, "put another time zone into these policies, or install the newest release")
}
