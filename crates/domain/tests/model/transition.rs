//! The transitions of the model, and what a search may still do.

use domain::AnswerTime;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use crate::gate::{Action, Op, Side};
use crate::scope::{Fault, Limit, Scope};
use crate::script::{RESPONSES, Response, Script, Store};

/// The number of replicas.
pub(crate) const REPLICAS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    /// A client sends a request to a replica.
    Request(usize, Script),
    /// Seconds pass.
    Pass(u64),
    /// Time passes until the lock or the reservation has expired.
    PassUntilFree(Store),
    /// A worker asks the provider about overdue calls.
    Reconcile,
    /// A fault waits for the next request that arrives at this point.
    Arm(usize, Op, Side, Action),
    Pause(usize),
    /// Every paused process runs again.
    Resume,
    Crash(usize),
    LoseLocks,
    Unavailable(Store),
    Available(Store),
    Step(Store, i64),
}

impl Transition {
    fn fault(&self) -> Option<Fault> {
        match self {
            Self::Request(_, script) => script.is_slow().then_some(Fault::SlowProvider),
            Self::Pass(_) | Self::PassUntilFree(_) | Self::Reconcile | Self::Resume | Self::Available(_) => {
                None
            }
            Self::Pause(_) | Self::Arm(_, _, _, Action::Pause) => Some(Fault::Pause),
            Self::Crash(_) | Self::Arm(_, _, _, Action::Crash) => Some(Fault::Crash),
            Self::Arm(_, op, _, Action::Lose | Action::Delay(_)) => op.store().map(unavailable),
            Self::LoseLocks => Some(Fault::LostRedis),
            Self::Unavailable(store) => Some(unavailable(*store)),
            Self::Step(..) => Some(Fault::ClockStep),
        }
    }
}

const fn unavailable(store: Store) -> Fault {
    match store {
        Store::Redis => Fault::RedisDown,
        Store::Postgres | Store::Both => Fault::PostgresDown,
    }
}

/// The faults so far. All else is in the world.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) scope: Scope,
    pub(crate) answers: AnswerTime,
    pub(crate) has_records: bool,
    used: Vec<Fault>,
    /// The replica at which a fault was armed last. It gets every second request.
    armed: usize,
}

impl Plan {
    /// Any run of this scope.
    pub(crate) fn any(scope: &Scope) -> BoxedStrategy<Self> {
        let answers = &[AnswerTime::AfterRinging, AnswerTime::BeforeRinging][..];
        let records = scope.records.map_or(vec![true, false], |records| vec![records]);
        let scope = scope.clone();
        (prop::sample::select(answers), prop::sample::select(records))
            .prop_map(move |(answers, has_records)| Self {
                scope: scope.clone(),
                answers,
                has_records,
                used: Vec::new(),
                armed: 0,
            })
            .boxed()
    }

    fn allows(&self, fault: Fault) -> bool {
        self.used.iter().filter(|used| **used == fault).count() < self.scope.allows(fault)
    }

    fn scripts(&self) -> BoxedStrategy<Script> {
        let limit = self.scope.limit;
        let is_slow = self.allows(Fault::SlowProvider);
        let acts_after: &[u64] = match limit {
            Some(Limit::ProviderActsLate) => &[0, 125, 150],
            _ if is_slow => &[0, 0, 5, 29, 30],
            _ => &[0],
        };
        let rings_for: &[u64] =
            if limit == Some(Limit::PhoneRingsLonger) { &[20, 200] } else { &[1, 25, 45, 59, 60, 60] };
        let responses = if is_slow { &RESPONSES[..] } else { &RESPONSES[..2] };
        let fields = (
            prop::sample::select(acts_after),
            prop::sample::select(rings_for),
            any::<bool>(),
            prop_oneof![2 => Just(Response::Delivered), 1 => prop::sample::select(responses)],
        );
        let scripts = fields.prop_map(|(acts_after, rings_for, is_answered, response)| Script {
            acts_after,
            rings_for,
            is_answered,
            response,
        });
        if !is_slow {
            return scripts.boxed();
        }
        // The phone rings as late as the design allows, and the process does not get the outcome.
        let late = any::<bool>().prop_map(|is_answered| Script {
            acts_after: 30,
            rings_for: 60,
            is_answered,
            response: Response::Silence,
        });
        prop_oneof![2 => scripts, 1 => late].boxed()
    }

    fn points(&self) -> BoxedStrategy<(Op, Side)> {
        let ops = prop::sample::select(
            &[
                Op::Acquire,
                Op::Renew,
                Op::SettleLock,
                Op::ReleaseLock,
                Op::Book,
                Op::Book,
                Op::Undecided,
                Op::SettleLedger,
            ][..],
        );
        let sides = prop::sample::select(&[Side::Before, Side::After][..]);
        let dial =
            if self.scope.limit == Some(Limit::PausedBeforeTheSend) { Side::Before } else { Side::After };
        prop_oneof![8 => (ops, sides), 2 => Just((Op::Dial, dial))].boxed()
    }

    fn faults(&self) -> Vec<(u32, BoxedStrategy<Transition>)> {
        let replicas = 0..REPLICAS;
        let acting = |actions: &'static [Action]| {
            (replicas.clone(), self.points(), prop::sample::select(actions))
                .prop_map(|(replica, (op, side), action)| Transition::Arm(replica, op, side, action))
        };
        let broken = |store: Store| {
            let at_store = acting(&[Action::Lose, Action::Delay(1), Action::Delay(3), Action::Delay(40)])
                .prop_filter("a call of this store", move |transition| {
                    matches!(transition, Transition::Arm(_, op, ..) if op.store() == Some(store))
                });
            prop_oneof![3 => at_store, 1 => Just(Transition::Unavailable(store))].boxed()
        };
        let mut faults = Vec::new();
        let mut add = |fault, strategy: BoxedStrategy<Transition>| {
            if self.allows(fault) {
                faults.push((3, strategy));
            }
        };
        add(
            Fault::Crash,
            prop_oneof![
                3 => acting(&[Action::Crash]),
                1 => replicas.clone().prop_map(Transition::Crash)
            ]
            .boxed(),
        );
        add(
            Fault::Pause,
            prop_oneof![
                3 => acting(&[Action::Pause]),
                1 => replicas.clone().prop_map(Transition::Pause)
            ]
            .boxed(),
        );
        add(Fault::LostRedis, Just(Transition::LoseLocks).boxed());
        add(Fault::RedisDown, broken(Store::Redis));
        add(Fault::PostgresDown, broken(Store::Postgres));
        let stores = prop::sample::select(&[Store::Redis, Store::Postgres, Store::Both][..]);
        let secs = prop::sample::select(&[-130, -31, 31, 91, 121, 200][..]);
        add(Fault::ClockStep, (stores, secs).prop_map(|(store, secs)| Transition::Step(store, secs)).boxed());
        faults
    }
}

impl ReferenceStateMachine for Plan {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Self::any(&Scope::of(&[]))
    }

    fn transitions(state: &Self) -> BoxedStrategy<Transition> {
        let replica = prop_oneof![0..REPLICAS, Just(state.armed)];
        let request =
            (replica, state.scripts()).prop_map(|(replica, script)| Transition::Request(replica, script));
        let secs = prop::sample::select(&[1, 3, 10, 29, 30, 31, 60, 89, 91, 121][..]);
        let mut all = vec![
            (8, request.boxed()),
            (6, secs.prop_map(Transition::Pass).boxed()),
            (1, Just(Transition::PassUntilFree(Store::Redis)).boxed()),
            (2, Just(Transition::PassUntilFree(Store::Postgres)).boxed()),
            (1, Just(Transition::Reconcile).boxed()),
        ];
        if state.used.contains(&Fault::Pause) {
            all.push((3, Just(Transition::Resume).boxed()));
        }
        for (fault, store) in [(Fault::RedisDown, Store::Redis), (Fault::PostgresDown, Store::Postgres)] {
            if state.used.contains(&fault) {
                all.push((1, Just(Transition::Available(store)).boxed()));
            }
        }
        all.extend(state.faults());
        proptest::strategy::Union::new_weighted(all).boxed()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        state.used.extend(transition.fault());
        if let Transition::Arm(replica, ..) = transition {
            state.armed = *replica;
        }
        state
    }

    fn preconditions(state: &Self, transition: &Transition) -> bool {
        transition.fault().is_none_or(|fault| state.allows(fault))
    }
}
