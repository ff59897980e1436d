//! A clock for tests.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use domain::ports::Clock;
use tokio::sync::oneshot;

/// A clock that shows the same time until a test moves it.
///
/// Share it as `Arc<ManualClock>` between the test and the ports or use cases.
pub struct ManualClock {
    start: Timestamp,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    passed: Duration,
    sleepers: Vec<Sleeper>,
}

struct Sleeper {
    due: Duration,
    wake: oneshot::Sender<()>,
}

impl ManualClock {
    /// The time that [`ManualClock::new`] starts at.
    pub const START: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

    /// A clock that shows [`ManualClock::START`].
    #[must_use]
    pub fn new() -> Self {
        Self::starting_at(Self::START)
    }

    /// A clock that shows this time.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, state: Mutex::default() }
    }

    /// Moves the clock forward by `duration`. Wakes each sleeper at its own time, in order, and
    /// then yields to the other tasks of a current-thread runtime, so that what a woken task does
    /// (sleep again, for example) happens at that time.
    pub async fn advance(&self, duration: Duration) {
        let until = self.monotonic() + duration;
        yield_to_tasks().await;
        while let Some(wake) = self.next_sleeper(until) {
            // A cancelled sleeper has dropped its receiver.
            let _ = wake.send(());
            yield_to_tasks().await;
        }
        let mut state = self.state();
        state.passed = state.passed.max(until);
    }

    /// Moves the clock forward by `duration` and runs no task meanwhile, as in a process that was
    /// paused. Sleepers whose time has passed wake at the next [`ManualClock::advance`].
    pub fn jump(&self, duration: Duration) {
        self.state().passed += duration;
    }

    fn next_sleeper(&self, until: Duration) -> Option<oneshot::Sender<()>> {
        let mut state = self.state();
        let due = state.sleepers.iter().enumerate().filter(|(_, sleeper)| sleeper.due <= until);
        let (index, due) =
            due.min_by_key(|(_, sleeper)| sleeper.due).map(|(index, sleeper)| (index, sleeper.due))?;
        state.passed = state.passed.max(due);
        Some(state.sleepers.swap_remove(index).wake)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while the clock is locked")
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Yields often enough for every task that can continue to do so.
async fn yield_to_tasks() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.start.after(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        self.state().passed
    }

    async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let (wake, woken) = oneshot::channel();
        {
            let mut state = self.state();
            let due = state.passed.saturating_add(duration);
            state.sleepers.push(Sleeper { due, wake });
        }
        woken.await.expect("the clock outlives its sleepers");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const A_SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn sleepers_wake_in_order_each_at_its_own_time() {
        let clock = Arc::new(ManualClock::new());
        let woken = Arc::new(Mutex::new(Vec::new()));
        for secs in [3, 1, 2] {
            let (clock, woken) = (clock.clone(), woken.clone());
            tokio::spawn(async move {
                clock.sleep(A_SECOND * secs).await;
                woken.lock().expect("no panic").push((secs, clock.now().since(ManualClock::START)));
            });
        }
        clock.advance(A_SECOND * 2).await;
        assert_eq!(*woken.lock().expect("no panic"), [(1, A_SECOND), (2, A_SECOND * 2)]);
        clock.advance(A_SECOND * 2).await;
        assert_eq!(woken.lock().expect("no panic").last(), Some(&(3, A_SECOND * 3)));
        assert_eq!(clock.now(), ManualClock::START.after(A_SECOND * 4));
    }

    #[tokio::test]
    async fn a_jump_wakes_no_sleeper() {
        let clock = Arc::new(ManualClock::new());
        let sleeping = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(A_SECOND).await }
        });
        yield_to_tasks().await;
        clock.jump(A_SECOND * 5);
        yield_to_tasks().await;
        assert!(!sleeping.is_finished());
        clock.advance(Duration::ZERO).await;
        assert!(sleeping.is_finished());
        assert_eq!(clock.monotonic(), A_SECOND * 5);
    }
}
