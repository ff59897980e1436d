//! Clocks that differ from the true time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use domain::ports::Clock;
use testkit::clock::ManualClock;

/// The clock of a store, which can be set.
pub(crate) struct SettableClock {
    time: Arc<ManualClock>,
    ahead_secs: AtomicI64,
}

impl SettableClock {
    pub(crate) fn new(time: &Arc<ManualClock>) -> Self {
        Self { time: time.clone(), ahead_secs: AtomicI64::new(0) }
    }

    /// Sets the clock forward, or back.
    pub(crate) fn step(&self, secs: i64) {
        self.ahead_secs.fetch_add(secs, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for SettableClock {
    fn now(&self) -> Timestamp {
        let ahead_millis = self.ahead_secs.load(Ordering::SeqCst) * 1000;
        Timestamp::from_unix_millis(self.time.now().unix_millis() + ahead_millis)
    }

    fn monotonic(&self) -> Duration {
        self.time.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.time.sleep(duration).await;
    }
}

/// A clock that shows a process that no time has passed, and still wakes it.
pub(crate) struct FrozenClock(pub(crate) Arc<ManualClock>);

#[async_trait]
impl Clock for FrozenClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}
