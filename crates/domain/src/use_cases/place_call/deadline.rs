use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};

use crate::ports::Clock;

/// The time by which a call must be booked. After it, nothing is dialled.
pub(super) struct Deadline {
    clock: Arc<dyn Clock>,
    at: Duration,
}

impl Deadline {
    pub(super) fn after(time_limit: Duration, clock: &Arc<dyn Clock>) -> Self {
        Self { clock: clock.clone(), at: clock.monotonic().saturating_add(time_limit) }
    }

    pub(super) fn has_passed(&self) -> bool {
        self.time_left().is_zero()
    }

    /// The result of a step that takes nothing, or `None` if the deadline passes first.
    pub(super) async fn limit<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        let (step, overdue) = (pin!(step), pin!(self.clock.sleep(self.time_left())));
        match select(step, overdue).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }

    /// The result of a step that has a time limit of its own, by which the deadline moves.
    pub(super) async fn pause_for<T>(&mut self, limit: Duration, step: impl Future<Output = T>) -> Option<T> {
        let started = self.clock.monotonic();
        let result = Self::after(limit, &self.clock).limit(step).await;
        self.at = self.at.saturating_add(self.clock.monotonic().saturating_sub(started));
        result
    }

    /// The result of a step, or the unfinished step if the deadline passes first: it may have taken
    /// something, or take it later.
    pub(super) async fn finish<T>(&self, step: BoxFuture<'static, T>) -> Result<T, BoxFuture<'static, T>> {
        let overdue = pin!(self.clock.sleep(self.time_left()));
        match select(step, overdue).await {
            Either::Left((result, _)) => Ok(result),
            Either::Right(((), step)) => Err(step),
        }
    }

    fn time_left(&self) -> Duration {
        self.at.saturating_sub(self.clock.monotonic())
    }
}
