use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use domain::ports::Clock;
use tokio::sync::oneshot;

/// A clock that stands still until it is moved.
#[derive(Default)]
pub(crate) struct HandClock(Mutex<State>);

#[derive(Default)]
struct State {
    passed: Duration,
    sleepers: Vec<(Duration, oneshot::Sender<()>)>,
}

impl HandClock {
    /// Moves time on, waking each sleeper at its own moment and letting everything that follows from it happen.
    pub(crate) async fn pass(&self, duration: Duration) {
        let until = self.monotonic() + duration;
        settle_down().await;
        while let Some(woken) = self.next_sleeper(until) {
            let _ = woken.send(());
            settle_down().await;
        }
        self.stall_to(until);
    }

    /// Time goes by and nobody runs: a process that stood still.
    pub(crate) fn stall(&self, duration: Duration) {
        self.stall_to(self.monotonic() + duration);
    }

    fn stall_to(&self, moment: Duration) {
        self.0.lock().expect("no panic under the lock").passed = moment;
    }

    fn next_sleeper(&self, until: Duration) -> Option<oneshot::Sender<()>> {
        let mut state = self.0.lock().expect("no panic under the lock");
        let due = state.sleepers.iter().enumerate().filter(|(_, (at, _))| *at <= until);
        let (index, at) = due.min_by_key(|(_, (at, _))| *at).map(|(index, (at, _))| (index, *at))?;
        state.passed = state.passed.max(at);
        Some(state.sleepers.swap_remove(index).1)
    }
}

/// Lets every task that can go on do so.
async fn settle_down() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(1_790_000_000_000).after(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().expect("no panic under the lock").passed
    }

    async fn sleep(&self, duration: Duration) {
        let (wake, woken) = oneshot::channel();
        {
            let mut state = self.0.lock().expect("no panic under the lock");
            let at = state.passed + duration;
            state.sleepers.push((at, wake));
        }
        woken.await.expect("the clock outlives its sleepers");
    }
}
