use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The time of the run: all moments of a run are durations since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    started: Instant,
    /// The time since boot at the start.
    booted_for: Duration,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), booted_for: since_boot() }
    }

    pub(crate) fn now(self) -> Duration {
        self.started.elapsed()
    }

    /// The moment at which the host had been up for this long.
    pub(crate) fn at(self, since_boot: Duration) -> Duration {
        since_boot.saturating_sub(self.booted_for)
    }

    /// Returns at this moment of the run, or immediately if it has passed.
    pub(crate) async fn reach(self, moment: Duration) {
        tokio::time::sleep(moment.saturating_sub(self.now())).await;
    }
}

/// The time since the host booted: the same for all processes.
pub(crate) fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).expect("the time since boot is not negative")
}
