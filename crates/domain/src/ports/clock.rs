use std::time::Duration;

use async_trait::async_trait;

use crate::Timestamp;

/// Time, as the domain sees it.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall clock: for the books.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment of this process; never goes back. For measuring how long something took.
    fn monotonic(&self) -> Duration;

    /// Returns once `duration` has passed.
    async fn sleep(&self, duration: Duration);
}
