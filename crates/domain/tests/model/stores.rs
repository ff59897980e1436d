//! The two stores of the model, each with a clock that can be set.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::Clock as _;
use domain::{CallId, DialOutcome};
use testkit::clock::ManualClock;
use testkit::fixtures::Tenant;
use testkit::memory::Memory;

use crate::clocks::SettableClock;
use crate::history::{Events, Happened, History};
use crate::script::Store;

/// Redis, which holds the locks, and Postgres, which holds the ledger and the directory.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) redis: Memory,
    pub(crate) postgres: Memory,
    redis_clock: Arc<SettableClock>,
    postgres_clock: Arc<SettableClock>,
}

/// What the process of a call holds.
pub(crate) struct Held {
    /// The position of the call in the ledger.
    pub(crate) position: Option<usize>,
    lock: bool,
    reservation: bool,
}

impl Stores {
    pub(crate) fn new(time: &Arc<ManualClock>, tenant: &Tenant) -> Self {
        let [redis_clock, postgres_clock] = [(); 2].map(|()| Arc::new(SettableClock::new(time)));
        let postgres = Memory::new(postgres_clock.clone());
        postgres.import(&tenant.records());
        Self { redis: Memory::new(redis_clock.clone()), postgres, redis_clock, postgres_clock }
    }

    /// Sets the clock of a store, or of the host of both.
    pub(crate) fn step(&self, store: Store, secs: i64, history: &History) {
        if store != Store::Postgres {
            self.redis_clock.step(secs);
        }
        if store != Store::Redis {
            self.postgres_clock.step(secs);
        }
        history.happened(Happened::Stepped(store, secs));
    }

    pub(crate) fn set_available(&self, store: Store, is_available: bool) {
        for (each, memory) in [(Store::Redis, &self.redis), (Store::Postgres, &self.postgres)] {
            if store == each || store == Store::Both {
                if is_available { memory.restore() } else { memory.lose() }
            }
        }
    }

    /// How long this store still holds the intent.
    pub(crate) fn held_for(&self, store: Store) -> Duration {
        let (until, now) = match store {
            Store::Redis => {
                let tables = self.redis.tables();
                (tables.locks.values().map(|lock| lock.until).max(), self.redis_clock.now())
            }
            Store::Postgres | Store::Both => {
                let tables = self.postgres.tables();
                let reservations = tables.reservations.values();
                (reservations.map(|held| held.until).max(), self.postgres_clock.now())
            }
        };
        until.map_or(Duration::ZERO, |until| until.since(now))
    }

    /// The calls whose outcome is in the ledger.
    pub(crate) fn decided_calls(&self) -> Vec<CallId> {
        let tables = self.postgres.tables();
        let decided = tables.calls.iter().filter(|call| {
            call.dial.as_ref().is_some_and(|(outcome, _)| !matches!(outcome, DialOutcome::Unknown(_)))
        });
        decided.map(|call| call.booking.identity.call_id.clone()).collect()
    }

    /// What the process of this call holds now.
    pub(crate) fn held_by(&self, call_id: &CallId) -> Held {
        let postgres = self.postgres.tables();
        let position = postgres.calls.iter().position(|call| call.booking.identity.call_id == *call_id);
        let Some(call) = position.and_then(|position| postgres.calls.get(position)) else {
            return Held { position, lock: false, reservation: false };
        };
        let (key, token) = (&call.booking.key, &call.booking.token);
        let reservation = postgres.reservations.get(key);
        let lock = self.redis.tables().locks.get(key).cloned();
        let (now_redis, now_postgres) = (self.redis_clock.now(), self.postgres_clock.now());
        Held {
            position,
            lock: lock
                .is_some_and(|lock| lock.token == *token && lock.result.is_none() && lock.until > now_redis),
            reservation: reservation.is_some_and(|held| held.token == *token && held.until > now_postgres),
        }
    }
}

impl Held {
    /// The promises that are broken if a dial is sent now.
    pub(crate) fn broken_at_the_send(&self, events: &Events) -> Vec<String> {
        let mut broken = Vec::new();
        if self.position.is_none() {
            broken.push("a dial was sent that is not in the ledger".to_owned());
        }
        if !self.reservation && events.reservations_are_safe() {
            broken.push("a dial was sent without the reservation".to_owned());
        }
        broken.extend(self.broken_during_the_dial(events));
        broken
    }

    /// The promise that is broken if the process still waits for the response of its dial.
    pub(crate) fn broken_during_the_dial(&self, events: &Events) -> Option<String> {
        let is_lost = !self.lock && events.locks_are_safe();
        is_lost.then(|| "a process dials without the lock, although Redis is healthy".to_owned())
    }
}
