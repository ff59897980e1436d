//! Without a part of the design, the search finds two dials within the window.

use rstest::rstest;

use crate::mutants::Mutant;
use crate::scope::{Fault, Scope};
use crate::search::search;

/// The most runs of a search. It ends with the first counterexample.
const RUNS: u32 = 20_000;

/// The faults are those that the part exists for. The lock and the reservation guard each other, and
/// the question to the provider guards both. So the lock that is not renewed needs a reservation that
/// ends early, and the provider has no records.
#[rstest]
#[case::renewal(Mutant::Renewal, &[Fault::ClockStep])]
#[case::token_comparison(Mutant::TokenComparison, &[Fault::Pause])]
#[case::ownership_check(Mutant::OwnershipCheck, &[Fault::Pause])]
#[case::reservation(Mutant::Reservation, &[Fault::LostRedis])]
fn two_dials_are_found_without_the(#[case] mutant: Mutant, #[case] faults: &[Fault]) {
    let whole = Scope { records: Some(false), checks_all: false, ..Scope::of(faults) };
    let found = search(&Scope { mutant: Some(mutant), ..whole }, RUNS);
    println!("without {mutant:?}: {}", found.expect("the search finds two dials"));
}

/// The promise that renewing keeps alone, without any other fault.
#[test]
fn a_lock_is_found_lost_without_the_renewal() {
    let scope = Scope { mutant: Some(Mutant::Renewal), ..Scope::of(&[]) };
    let found = search(&scope, RUNS).expect("the search finds a lost lock");
    assert_eq!(found.broken, "a process dials without the lock, although Redis is healthy");
}
