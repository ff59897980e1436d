//! What goes on in the background, in every replica at once: events come into the books, and overdue calls are asked for.

use std::sync::Arc;
use std::time::Duration;

use domain::{ReceiveEvent, Reconcile};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The workers, until they are stopped.
pub(crate) struct Workers {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// How often the inbox is looked into without being told to: for events that another replica took in, or that waited.
const LOOK_INTO_THE_INBOX_EVERY: Duration = Duration::from_secs(2);
/// How long a worker rests when a store was away.
const REST: Duration = Duration::from_secs(2);

impl Workers {
    pub(crate) fn new() -> Self {
        Self { stop: CancellationToken::new(), tasks: TaskTracker::new() }
    }

    /// Brings events into the books, at once when one was accepted.
    pub(crate) fn apply_events(&self, receive_event: Arc<ReceiveEvent>, accepted: Arc<Notify>) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                let pause = match receive_event.apply_open().await {
                    Ok(0) => LOOK_INTO_THE_INBOX_EVERY,
                    Ok(_) => Duration::ZERO,
                    Err(error) => {
                        tracing::warn!(%error, "events wait in the inbox");
                        REST
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = accepted.notified(), if !pause.is_zero() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Asks the provider for overdue calls.
    pub(crate) fn reconcile(&self, reconcile: Reconcile, every: Duration) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                let pause = match reconcile.run_once().await {
                    Ok(report) if report.asked == 0 => every,
                    Ok(report) => {
                        tracing::info!(
                            calls.asked = report.asked,
                            calls.told = report.told,
                            "asked for overdue calls"
                        );
                        Duration::ZERO
                    }
                    Err(error) => {
                        tracing::warn!(%error, "overdue calls were not asked for");
                        every
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Lets each worker finish what it is at.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
