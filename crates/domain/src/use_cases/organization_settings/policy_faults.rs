//! Which policies are accepted. What is stored was accepted once, and is used as it is.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ports::CallingRules;
use crate::{CallingPolicy, Cap, PackChoice, PolicyFault, ZoneName};

/// What is wrong with a policy: limits, and names that the rules do not have.
#[must_use]
pub fn policy_faults(policy: &CallingPolicy, rules: &dyn CallingRules) -> Vec<PolicyFault> {
    let mut faults = Faults(Vec::new());
    let fits = |length: usize| length <= CallingPolicy::MAX_ENTRIES;
    faults.require(fits(policy.caps.len()), "caps", "must have at most 100 entries");
    faults.require(fits(policy.default_zones.len()), "defaultZones", "must have at most 100 entries");
    let days = policy.closed_days.len();
    faults.require(days <= CallingPolicy::MAX_CLOSED_DAYS, "closedDays", "must have at most 1000 entries");
    for (purpose, choice) in &policy.packs {
        let PackChoice::Named(ids) = choice else { continue };
        let field = || format!("packs.{}", purpose.as_str());
        faults.require(!ids.is_empty(), field(), "must name a rule: for none, write none");
        faults.require(fits(ids.len()), field(), "must have at most 100 entries");
        faults.require(ids.iter().all(|id| rules.knows(id)), field(), "must name rules that exist");
        let distinct = ids.iter().collect::<BTreeSet<_>>().len();
        faults.require(distinct == ids.len(), field(), "must name each rule once");
    }
    for (index, cap) in policy.caps.iter().enumerate().take(CallingPolicy::MAX_ENTRIES) {
        faults.of_cap(index, cap);
    }
    for (field, pause) in [
        ("coolDownAfterConversationSecs", policy.cool_down_after_conversation),
        ("coolDownAfterDeclineSecs", policy.cool_down_after_decline),
    ] {
        faults.require(pause.is_none_or(is_period), field, PERIOD);
    }
    for (field, limit) in [
        ("userCallsPerDay", policy.user_calls_per_day),
        ("organizationCallsPerDay", policy.organization_calls_per_day),
    ] {
        faults.require(limit != Some(0), field, "must be at least 1: leave it out for no limit");
    }
    let mut zone = |field: &str, zone: &ZoneName| {
        faults.require(rules.knows_zone(zone), field, "must be a time zone, like America/New_York");
    };
    zone("timeZone", &policy.time_zone);
    for (country, default) in &policy.default_zones {
        zone(&format!("defaultZones.{}", country.as_str()), default);
    }
    faults.0
}

const PERIOD: &str = "must be from 1 second to 366 days, in seconds";

fn is_period(period: Duration) -> bool {
    (Duration::from_secs(1)..=CallingPolicy::MAX_PERIOD).contains(&period)
}

struct Faults(Vec<PolicyFault>);

impl Faults {
    fn require(&mut self, holds: bool, field: impl AsRef<str>, message: &'static str) {
        if !holds {
            self.0.push(PolicyFault { field: field.as_ref().into(), message });
        }
    }

    fn of_cap(&mut self, index: usize, cap: &Cap) {
        let attempts = (1..=CallingPolicy::MAX_ATTEMPTS).contains(&cap.attempts);
        self.require(attempts, format!("caps[{index}].attempts"), "must be a whole number from 1 to 1000");
        self.require(is_period(cap.within), format!("caps[{index}].withinSecs"), PERIOD);
    }
}

#[cfg(test)]
mod tests;
