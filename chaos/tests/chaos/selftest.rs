//! Shows that the checker finds gateways without one of their protections.

use std::time::Duration;

use super::checker::Invariant;
use super::gateway::Mutant;
use super::run::{Run, run};
use super::say;
use super::topology::Topology;

/// Each mutant must be found within this time.
const TIME: Duration = Duration::from_secs(90);
const SEED: u64 = 7;

/// Returns whether every mutant was found, by a promise that it must break, and nothing was found without
/// a mutant.
pub(crate) async fn selftest() -> anyhow::Result<bool> {
    let topology = Topology::ALL[0];
    let mut is_fine = true;
    say("| Gateway | broken promise | violations |\n|---|---|--:|");
    for mutant in std::iter::once(None).chain(Mutant::ALL.map(Some)) {
        let outcome = run(Run { seed: SEED, topology, time: TIME, mutant, only_calls: true }).await?;
        let name = mutant.map_or("production", Mutant::name);
        let count = |invariant| {
            outcome.violations.iter().filter(|violation| violation.invariant == invariant).count()
        };
        for invariant in Invariant::ALL.into_iter().filter(|invariant| count(*invariant) > 0) {
            say(&format!("| {name} | {} | {} |", invariant.name(), count(invariant)));
        }
        if outcome.violations.is_empty() {
            say(&format!("| {name} | none | 0 |"));
        }
        is_fine &= match mutant {
            None => outcome.violations.is_empty(),
            Some(mutant) => mutant.breaks().iter().any(|invariant| count(*invariant) > 0),
        };
    }
    Ok(is_fine)
}

impl Mutant {
    /// It must break at least one of these promises.
    const fn breaks(self) -> &'static [Invariant] {
        match self {
            Self::RetryDial => &[Invariant::OneDialInTheWindow],
            Self::NoRenewal | Self::NoTokenComparison => &[Invariant::FreedByTheOwner],
            Self::NoReservation => &[Invariant::HeldWhileRinging],
            Self::ReleaseOnUnknown => &[Invariant::OneDialInTheWindow, Invariant::HeldWhileRinging],
        }
    }
}
