//! The system under test: three replicas with the real `PlaceCall`, their stores and the provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use domain::ports::BackgroundWork;
use domain::{CallPolicy, PlaceCallCommand, RawPlaceCall, Reconcile, ReconcileTimes};
use futures_util::FutureExt as _;
use testkit::clock::ManualClock;
use testkit::fixtures::Tenant;

use crate::gate::{Action, Network};
use crate::history::{Happened, History, Process};
use crate::provider::Provider;
use crate::replica::{Ids, Replica, Surroundings};
use crate::script::{Response, Script, Store, reason};
use crate::stores::Stores;
use crate::transition::{Plan, REPLICAS, Transition};

pub(crate) struct World {
    pub(crate) history: History,
    pub(crate) stores: Stores,
    time: Arc<ManualClock>,
    around: Surroundings,
    replicas: Vec<Replica>,
    /// Work that the stores do later.
    late: Vec<BackgroundWork>,
    tenant: Tenant,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        let (time, tenant, history) = (Arc::new(ManualClock::new()), Tenant::new(), History::default());
        let stores = Stores::new(&time, &tenant);
        let provider = Provider {
            time: time.clone(),
            answers: plan.answers,
            history: history.clone(),
            stores: stores.clone(),
        };
        let around = Surroundings {
            provider,
            network: Network::default(),
            ids: Arc::new(Ids::default()),
            mutant: plan.scope.mutant,
            has_records: plan.has_records,
        };
        let start = |replica| Replica::start(Process { replica, life: 0 }, &around);
        let replicas = (0..REPLICAS).map(start).collect();
        Self { history, stores, time, around, replicas, late: Vec::new(), tenant }
    }

    pub(crate) fn apply(&mut self, transition: Transition) {
        match transition {
            Transition::Request(replica, script) => self.request(replica, script),
            Transition::Pass(secs) => self.pass(secs),
            Transition::PassUntilFree(store) => self.pass_until_free(store),
            Transition::Reconcile => self.reconcile(),
            Transition::Arm(replica, op, side, action) => self.replicas[replica].gate.arm(op, side, action),
            Transition::Pause(replica) => {
                self.replicas[replica].gate.pause();
                self.history.happened(Happened::Paused);
            }
            Transition::Resume => self.replicas.iter().for_each(|replica| replica.gate.resume()),
            Transition::Crash(replica) => self.restart(replica),
            Transition::LoseLocks => {
                self.stores.redis.tables().locks.clear();
                self.history.happened(Happened::LostLocks);
            }
            Transition::Unavailable(store) => {
                self.stores.set_available(store, false);
                self.history.happened(Happened::Unavailable(store));
            }
            Transition::Available(store) => self.stores.set_available(store, true),
            Transition::Step(store, secs) => self.stores.step(store, secs, &self.history),
        }
        self.run();
    }

    fn request(&mut self, replica: usize, script: Script) {
        let contact_id = self.tenant.contact_id();
        let reason = reason(self.history.events().faults.len(), script);
        let raw = RawPlaceCall {
            contact_id: Some(contact_id.as_str()),
            call_reason: Some(&reason),
            ..RawPlaceCall::default()
        };
        let command = PlaceCallCommand::parse(self.tenant.user.id.clone(), &raw).expect("a valid request");
        let replica = &mut self.replicas[replica];
        let (place_call, history) = (replica.place_call.clone(), self.history.clone());
        replica.tasks.push(Box::pin(async move {
            let answer = place_call.execute(command).await;
            let mut events = history.events();
            if let Ok(placed) = answer
                && !events.accepted().iter().any(|(dial, _)| dial.call_id == placed.reference.call_id)
            {
                events.broken.push("a client got a call that the provider has not accepted".to_owned());
            }
        }));
    }

    /// Lets time pass: second by second while a request runs.
    fn pass(&mut self, secs: u64) {
        for passed in 0..secs {
            if self.is_idle() {
                self.time.jump(Duration::from_secs(secs - passed));
                break;
            }
            self.time.jump(Duration::from_secs(1));
            self.run();
        }
    }

    /// Lets time pass until the intent is free in this store, as far as it is known now.
    fn pass_until_free(&mut self, store: Store) {
        self.pass(self.stores.held_for(store).as_secs());
    }

    /// Runs the worker of one process. A store that is unavailable makes it wait for the next run.
    fn reconcile(&self) {
        let postgres = Arc::new(self.stores.postgres.clone());
        let times = ReconcileTimes {
            decided_within: CallPolicy::default().reserve_for(),
            reported_within: Duration::from_mins(30),
            pause: Duration::from_mins(1),
            given_up_after: Duration::from_hours(48),
        };
        let records = self.around.records();
        let reconcile = Reconcile::new(postgres.clone(), postgres, records, self.time.clone(), times);
        let _ = reconcile.run_once().now_or_never().expect("memory and the provider's records do not wait");
    }

    fn is_idle(&self) -> bool {
        self.late.is_empty() && self.replicas.iter().all(|replica| replica.tasks.is_empty())
    }

    fn restart(&mut self, replica: usize) {
        let process = self.replicas[replica].process;
        let process = Process { life: process.life + 1, ..process };
        self.replicas[replica] = Replica::start(process, &self.around);
        self.history.happened(Happened::Crashed);
    }

    /// Runs every task until all of them wait for time to pass or for their process to resume.
    fn run(&mut self) {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        // Wakes the sleepers whose time has come.
        let time = self.time.clone();
        let mut waking = std::pin::pin!(time.advance(Duration::ZERO));
        while waking.as_mut().poll(&mut context).is_pending() {}
        while woken.0.swap(false, Ordering::SeqCst) {
            self.late.extend(self.around.network.take());
            self.late.retain_mut(|work| work.as_mut().poll(&mut context).is_pending());
            for index in 0..self.replicas.len() {
                self.replicas[index].poll(&mut context);
                self.report_faults(index);
            }
            let sent = self.around.network.take();
            woken.0.fetch_or(!sent.is_empty(), Ordering::SeqCst);
            self.late.extend(sent);
        }
        self.check_locks();
    }

    fn report_faults(&mut self, replica: usize) {
        for (op, action) in self.replicas[replica].gate.acted() {
            match (action, op.store()) {
                (Action::Pause, _) => self.history.happened(Happened::Paused),
                (Action::Lose | Action::Delay(_), Some(store)) => {
                    self.history.happened(Happened::Unavailable(store));
                }
                (Action::Crash, _) | (Action::Lose | Action::Delay(_), None) => {}
            }
        }
        if self.replicas[replica].gate.has_crashed() {
            self.restart(replica);
        }
    }

    fn check_locks(&self) {
        let mut events = self.history.events();
        let in_flight = events.dials.iter().filter(|dial| dial.is_in_flight);
        let broken: Vec<_> = in_flight
            .filter_map(|dial| self.stores.held_by(&dial.call_id).broken_during_the_dial(&events))
            .collect();
        events.broken.extend(broken);
    }

    /// Ends every fault, waits until nothing rings or is held, and returns whether the next request
    /// is dialled.
    pub(crate) fn recovers(&mut self) -> bool {
        for replica in &self.replicas {
            replica.gate.disarm();
            replica.gate.resume();
        }
        self.stores.set_available(Store::Both, true);
        self.run();
        self.pass(400);
        if !self.is_idle() {
            return false;
        }
        for _ in 0..4 {
            self.time.jump(Duration::from_mins(30));
            self.reconcile();
        }
        let before = self.history.events().dials.len();
        let script = Script { acts_after: 0, rings_for: 1, is_answered: true, response: Response::Delivered };
        self.request(0, script);
        self.run();
        self.history.events().dials.len() == before + 1
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
