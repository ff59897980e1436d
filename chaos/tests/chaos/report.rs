//! What a run prints.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::checker::Invariant;
use super::run::Outcome;

/// The tables of a run, as Markdown.
pub(crate) fn report(seed: u64, time: Duration, outcomes: &[Outcome]) -> String {
    let mut text = format!("Seed {seed}, {} s of load and faults.\n\n", time.as_secs());
    text += "| Stores and gateways | requests | dials | locks watched | faults | dials after a pause before the send | violations |\n";
    text += "|---|--:|--:|--:|--:|--:|--:|\n";
    for outcome in outcomes {
        let faults: usize = outcome.injected.values().sum();
        let Outcome { topology, requests, dials, watched, late_dials, violations, .. } = outcome;
        let violations = violations.len();
        let _ = writeln!(
            text,
            "| {topology} | {requests} | {dials} | {watched} | {faults} | {late_dials} | {violations} |"
        );
    }
    text += &table("Fault", outcomes.iter().flat_map(|outcome| &outcome.injected));
    text += &table("Response", outcomes.iter().flat_map(|outcome| &outcome.responses));
    text += "\n| Invariant | violations |\n|---|--:|\n";
    for invariant in Invariant::ALL {
        let violations = outcomes.iter().flat_map(|outcome| &outcome.violations);
        let count = violations.filter(|violation| violation.invariant == invariant).count();
        let _ = writeln!(text, "| {} | {count} |", invariant.name());
    }
    text
}

/// The sums of these counts.
fn table<'a>(name: &str, counts: impl Iterator<Item = (&'a String, &'a usize)>) -> String {
    let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
    counts.for_each(|(name, count)| *sums.entry(name).or_default() += count);
    let mut text = format!("\n| {name} | times |\n|---|--:|\n");
    for (name, sum) in sums {
        let _ = writeln!(text, "| {name} | {sum} |");
    }
    text
}
