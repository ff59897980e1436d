//! What happened in a run: the dials, the faults and the answers, in one order.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use domain::CallId;

use crate::script::{Script, Store};

/// One life of a replica: from its start to its crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) replica: usize,
    pub(crate) life: usize,
}

/// A request that the provider got.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    pub(crate) call_id: CallId,
    pub(crate) process: Process,
    pub(crate) script: Script,
    /// The position of the call in the ledger.
    pub(crate) booked: Option<usize>,
    /// How many faults had happened when its request arrived.
    pub(crate) faults_before_request: usize,
    /// How many faults had happened when it was sent.
    pub(crate) faults_before_send: usize,
    /// The calls whose outcome the ledger had when it was sent.
    pub(crate) decided_before: Vec<CallId>,
    pub(crate) sent_at: Duration,
    /// Whether its process was paused between its last check and the send.
    pub(crate) was_paused_before: bool,
    /// `None` if the provider refused it.
    pub(crate) ring: Option<Ring>,
    /// Whether its process still waits for the response.
    pub(crate) is_in_flight: bool,
}

/// The dial as the callee notices it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ring {
    pub(crate) accepted_at: Duration,
    pub(crate) ends_at: Duration,
}

/// A fault that has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    Crashed,
    Paused,
    LostLocks,
    Unavailable(Store),
    Stepped(Store, i64),
}

/// The events of one run. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct History(Arc<Mutex<Events>>);

#[derive(Default)]
pub(crate) struct Events {
    pub(crate) dials: Vec<Dial>,
    pub(crate) faults: Vec<Happened>,
    /// Broken promises, except those about pairs of dials.
    pub(crate) broken: Vec<String>,
}

impl History {
    pub(crate) fn events(&self) -> MutexGuard<'_, Events> {
        self.0.lock().expect("no panic")
    }

    pub(crate) fn happened(&self, fault: Happened) {
        self.events().faults.push(fault);
    }
}

impl Events {
    /// The accepted dials, in the order of their acceptance.
    pub(crate) fn accepted(&self) -> Vec<(&Dial, Ring)> {
        let mut accepted: Vec<_> =
            self.dials.iter().filter_map(|dial| dial.ring.map(|ring| (dial, ring))).collect();
        accepted.sort_by_key(|(_, ring)| ring.accepted_at);
        accepted
    }

    /// Whether nothing has happened that may take a lock from a process that still dials.
    pub(crate) fn locks_are_safe(&self) -> bool {
        self.faults.iter().all(|fault| match fault {
            Happened::Crashed | Happened::Unavailable(Store::Postgres) => true,
            Happened::Stepped(store, _) => *store == Store::Postgres,
            Happened::Paused | Happened::LostLocks | Happened::Unavailable(_) => false,
        })
    }

    /// Whether nothing has happened that may end a reservation early.
    pub(crate) fn reservations_are_safe(&self) -> bool {
        self.faults.iter().all(|fault| !matches!(fault, Happened::Stepped(Store::Postgres | Store::Both, _)))
    }
}
