//! The gate between a process and its ports: a fault that is armed acts when a request arrives
//! there.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use domain::ports::{BackgroundWork, Clock as _, PortUnavailable};
use testkit::clock::ManualClock;
use tokio::sync::oneshot;

use crate::script::Store;

/// A call of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Acquire,
    Renew,
    SettleLock,
    ReleaseLock,
    Book,
    Undecided,
    SettleLedger,
    Dial,
}

impl Op {
    /// The store that does this.
    pub(crate) const fn store(self) -> Option<Store> {
        match self {
            Self::Acquire | Self::Renew | Self::SettleLock | Self::ReleaseLock => Some(Store::Redis),
            Self::Book | Self::Undecided | Self::SettleLedger => Some(Store::Postgres),
            Self::Dial => None,
        }
    }
}

/// Before the port gets the call, or after it has done its work and before the process sees the
/// result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// What happens to the next request that arrives at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Its process is paused.
    Pause,
    /// Its process dies.
    Crash,
    /// The call or its reply is lost.
    Lose,
    /// The store does the work later, also if the process does not wait for it.
    Delay(u64),
}

/// Work that a store does later.
#[derive(Clone, Default)]
pub(crate) struct Network(Arc<Mutex<Vec<BackgroundWork>>>);

impl Network {
    /// What was sent since the last time.
    pub(crate) fn take(&self) -> Vec<BackgroundWork> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

/// The gate of one process.
#[derive(Clone)]
pub(crate) struct Gate {
    time: Arc<ManualClock>,
    network: Network,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    armed: Vec<(Op, Side, Action)>,
    is_paused: bool,
    has_crashed: bool,
    /// What has acted and is not reported yet.
    acted: Vec<(Op, Action)>,
}

impl Gate {
    pub(crate) fn new(time: &Arc<ManualClock>, network: &Network) -> Self {
        Self { time: time.clone(), network: network.clone(), state: Arc::default() }
    }

    pub(crate) fn arm(&self, op: Op, side: Side, action: Action) {
        self.state().armed.push((op, side, action));
    }

    pub(crate) fn disarm(&self) {
        self.state().armed.clear();
    }

    pub(crate) fn pause(&self) {
        self.state().is_paused = true;
    }

    pub(crate) fn resume(&self) {
        self.state().is_paused = false;
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.state().is_paused
    }

    pub(crate) fn has_crashed(&self) -> bool {
        self.state().has_crashed
    }

    /// The armed faults that have acted since the last time.
    pub(crate) fn acted(&self) -> Vec<(Op, Action)> {
        std::mem::take(&mut self.state().acted)
    }

    /// Calls a store.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        op: Op,
        work: impl Future<Output = Result<T, PortUnavailable>> + Send + 'static,
    ) -> Result<T, PortUnavailable> {
        let result = match self.pass(op, Side::Before).await {
            Passed::Lost => return Err(lost()),
            Passed::Freely => work.await,
            Passed::Late(delay) => self.later(delay, work).await,
        };
        match self.pass(op, Side::After).await {
            Passed::Freely => result,
            Passed::Lost => Err(lost()),
            Passed::Late(delay) => self.later(delay, async { result }).await,
        }
    }

    /// Waits while the process is paused, and for ever once it has crashed.
    pub(crate) async fn pass(&self, op: Op, side: Side) -> Passed {
        self.until_scheduled().await;
        let action = {
            let mut state = self.state();
            let armed = state.armed.iter().position(|armed| (armed.0, armed.1) == (op, side));
            let action = armed.map(|index| state.armed.remove(index).2);
            state.acted.extend(action.map(|action| (op, action)));
            state.is_paused |= action == Some(Action::Pause);
            state.has_crashed |= action == Some(Action::Crash);
            action
        };
        self.until_scheduled().await;
        match action {
            None | Some(Action::Pause | Action::Crash) => Passed::Freely,
            Some(Action::Lose) => Passed::Lost,
            Some(Action::Delay(secs)) => Passed::Late(Duration::from_secs(secs)),
        }
    }

    async fn until_scheduled(&self) {
        poll_fn(|_| {
            let state = self.state();
            if state.is_paused || state.has_crashed { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// The result of work that does not end with the process that asked for it.
    async fn later<T: Send + 'static>(
        &self,
        delay: Duration,
        work: impl Future<Output = Result<T, PortUnavailable>> + Send + 'static,
    ) -> Result<T, PortUnavailable> {
        let (reply, replied) = oneshot::channel();
        let time = self.time.clone();
        self.network.0.lock().expect("no panic").push(Box::pin(async move {
            time.sleep(delay).await;
            // The process may have died, or may no longer wait.
            let _ = reply.send(work.await);
        }));
        replied.await.unwrap_or_else(|_| Err(lost()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }
}

/// How a call passes the gate.
pub(crate) enum Passed {
    Freely,
    Lost,
    Late(Duration),
}

fn lost() -> PortUnavailable {
    PortUnavailable::new("model", "the command or its reply is lost")
}
