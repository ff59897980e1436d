//! Random runs of the model, and what each of them must keep.

use std::fmt;
use std::panic::resume_unwind;
use std::time::Duration;

use domain::CallPolicy;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use proptest_state_machine::{ReferenceStateMachine as _, Sequential, StateMachineTest};

use crate::history::{Events, Ring};
use crate::limits::Pair;
use crate::scope::{Limit, Scope};
use crate::transition::{Plan, Transition};
use crate::world::World;

/// The seed of every search, unless `PROPTEST_RNG_SEED` is set.
const SEED: u64 = 20_261_130;

/// A run that breaks a promise, as short as it can be made.
pub(crate) struct Counterexample {
    pub(crate) broken: String,
    pub(crate) seed: RngSeed,
    pub(crate) plan: Plan,
    pub(crate) transitions: Vec<Transition>,
}

/// Runs the model this often and returns a counterexample, if there is one. A run has up to 30
/// transitions.
pub(crate) fn search(scope: &Scope, cases: u32) -> Option<Counterexample> {
    let default = Config::default();
    let cases = cases.max(default.cases);
    let mut config = Config { cases, failure_persistence: None, max_shrink_iters: 4000, ..default };
    if config.rng_seed == RngSeed::Random {
        // Another seed for each scope.
        let seed = scope.faults.iter().fold(SEED, |seed, fault| seed * 8 + *fault as u64);
        config.rng_seed = RngSeed::Fixed(seed);
    }
    let seed = config.rng_seed;
    let scope = scope.clone();
    let plans = move || Plan::any(&scope);
    let strategy =
        Sequential::new((4..30).into(), plans, Plan::preconditions, Plan::transitions, Plan::apply);
    let mut runner = TestRunner::new(config.clone());
    let result = runner.run(&strategy, |(plan, transitions, seen)| {
        Model::test_sequential(config.clone(), plan, transitions, seen);
        Ok(())
    });
    match result {
        Ok(()) => None,
        Err(TestError::Fail(broken, (plan, transitions, _))) => {
            Some(Counterexample { broken: broken.message().to_owned(), seed, plan, transitions })
        }
        Err(TestError::Abort(reason)) => panic!("the search ended early: {reason}"),
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { scope, answers, has_records, .. } = &self.plan;
        writeln!(f, "{}", self.broken)?;
        writeln!(
            f,
            "    PROPTEST_RNG_SEED={}, {:?}, {answers:?}, records: {has_records}",
            self.seed, scope.faults
        )?;
        for transition in &self.transitions {
            writeln!(f, "    {transition:?}")?;
        }
        Ok(())
    }
}

struct Model;

impl StateMachineTest for Model {
    type SystemUnderTest = World;
    type Reference = Plan;

    fn init_test(plan: &Plan) -> World {
        World::new(plan)
    }

    fn apply(mut world: World, _: &Plan, transition: Transition) -> World {
        world.apply(transition);
        world
    }

    fn check_invariants(world: &World, plan: &Plan) {
        let broken = broken(&world.history.events(), plan);
        if let Some(broken) = broken {
            fail(broken);
        }
    }

    fn teardown(mut world: World, plan: Plan) {
        if plan.scope.checks_all && !world.recovers() {
            fail("after the end of all faults, an intent is not dialled".to_owned());
        }
        Self::check_invariants(&world, &plan);
    }
}

/// Ends the run without the message of a panic: the search makes the run shorter first.
fn fail(broken: String) -> ! {
    resume_unwind(Box::new(broken))
}

/// The promise that is broken, or the pair of dials that the limit of the search explains.
fn broken(events: &Events, plan: &Plan) -> Option<String> {
    let accepted = events.accepted();
    for (index, first) in accepted.iter().enumerate() {
        let in_window = |second: &&(_, Ring)| second.1.accepted_at < first.1.ends_at + window();
        for second in accepted[index + 1..].iter().filter(in_window) {
            let pair = Pair::new(*first, *second, plan.has_records);
            let explained = Limit::ALL.into_iter().find(|limit| limit.explains(&pair, events));
            if explained.is_none() || explained == plan.scope.limit {
                let gap = second.1.accepted_at.as_secs_f32() - first.1.accepted_at.as_secs_f32();
                let rings = first.1.ends_at - first.1.accepted_at;
                let why = explained.map_or("no limit explains it", Limit::text);
                return Some(format!(
                    "a second dial was accepted {gap} s after the first, which rang for {rings:?}: {why}"
                ));
            }
        }
    }
    events.broken.first().filter(|_| plan.scope.checks_all).cloned()
}

/// How long after its end a ring still blocks its intent: the TTL of the lock, less the time that a
/// request may take between its booking and its send.
fn window() -> Duration {
    let policy = CallPolicy::default();
    policy.lock_ttl() - policy.before_dial()
}
