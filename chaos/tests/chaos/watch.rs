use std::time::{Duration, Instant};

/// The time of the run: all moments of a run are durations since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// Returns at this moment of the run, or immediately if it has passed.
    pub(crate) async fn reach(self, moment: Duration) {
        tokio::time::sleep(moment.saturating_sub(self.now())).await;
    }
}
