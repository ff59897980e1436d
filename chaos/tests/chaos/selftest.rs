//! Shows that the checker finds gateways without one of their protections.

use std::collections::BTreeMap;
use std::time::Duration;

use super::checker::Invariant;
use super::gateway::Mutant;
use super::run::{Run, run};
use super::say;
use super::topology::Topology;

/// Each mutant must be found within this time.
const TIME: Duration = Duration::from_secs(60);
const SEED: u64 = 7;

/// Returns whether every mutant was found.
pub(crate) async fn selftest() -> anyhow::Result<bool> {
    let mut all_found = true;
    say("| Mutant | found by | violations |\n|---|---|--:|");
    for mutant in Mutant::ALL {
        let topology = Topology::ALL[0];
        let outcome = run(Run { seed: SEED, topology, time: TIME, mutant: Some(mutant) }).await?;
        let mut found: BTreeMap<Invariant, usize> = BTreeMap::new();
        for violation in &outcome.violations {
            *found.entry(violation.invariant).or_default() += 1;
        }
        for (invariant, count) in &found {
            say(&format!("| {} | {} | {count} |", mutant.name(), invariant.name()));
        }
        if found.is_empty() {
            say(&format!("| {} | NOT FOUND | 0 |", mutant.name()));
            all_found = false;
        }
    }
    Ok(all_found)
}
