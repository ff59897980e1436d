use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::Timestamp;
use domain::ports::Clock;

/// A wall clock that stands still until a test sets it, and a real monotonic clock.
pub(crate) struct FixedClock {
    now: AtomicI64,
    started: Instant,
}

impl FixedClock {
    /// Shows this time, in milliseconds since the Unix epoch.
    pub(crate) fn showing(unix_millis: i64) -> Self {
        Self { now: AtomicI64::new(unix_millis), started: Instant::now() }
    }

    pub(crate) fn set(&self, unix_millis: i64) {
        self.now.store(unix_millis, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.now.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
