use std::time::Duration;

use async_trait::async_trait;

use crate::Timestamp;

/// The time, as the domain sees it.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall clock, for the ledger.
    fn now(&self) -> Timestamp;

    /// The time since a fixed moment; never decreases, and is not affected if the wall clock is set.
    /// Includes the time in which the host was suspended, where the host can measure it. Measures
    /// durations.
    fn monotonic(&self) -> Duration;

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}
