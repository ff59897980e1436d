//! Each limit is still one: the search finds two dials that it explains. If a change of the design
//! closes a limit, its test fails, and the limit can be removed here and from the documentation.

use std::io::Write as _;

use rstest::rstest;

use crate::scope::{Fault, Limit, Scope};
use crate::search::search;

/// The most runs of a search. It ends with the first counterexample.
const RUNS: u32 = 20_000;

#[rstest]
#[case::paused_before_the_send(Limit::PausedBeforeTheSend, &[Fault::Pause])]
#[case::provider_acts_late(Limit::ProviderActsLate, &[Fault::SlowProvider])]
#[case::phone_rings_longer(Limit::PhoneRingsLonger, &[])]
#[case::both_clocks_set_forward(Limit::BothClocksSetForward, &[Fault::ClockStep])]
#[case::reservation_clock_set_forward(
    Limit::ReservationClockSetForwardWithoutLock,
    &[Fault::LostRedis, Fault::ClockStep]
)]
fn the_limit_remains(#[case] limit: Limit, #[case] faults: &[Fault]) {
    let scope = Scope { limit: Some(limit), records: Some(true), checks_all: false, ..Scope::of(faults) };
    let found = search(&scope, RUNS);
    let found = found.unwrap_or_else(|| panic!("{limit:?} is no limit any more: {}", limit.text()));
    assert!(found.broken.ends_with(limit.text()), "{limit:?}: {found}");
    // Also without `--nocapture`, which applies to macros only.
    let text = format!("limit {limit:?}: {found}");
    std::io::stderr().write_all(text.as_bytes()).expect("the error stream is open");
}
