//! What goes on in the background, in every replica at once: events come into the books, overdue calls are asked for, and
//! what happened is published and sent to those who asked for it.

mod deliveries;

use std::sync::Arc;
use std::time::Duration;

use domain::{ReceiveEvent, Reconcile, RecoverRecordings};
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

    /// Asks the provider for overdue calls. A stop breaks off what is being asked, since a provider that does not answer may
    /// take minutes for a batch: what was not written is asked for again.
    pub(crate) fn reconcile(&self, reconcile: Reconcile, every: Duration) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                let run = tokio::select! {
                    () = stop.cancelled() => return,
                    run = reconcile.run_once() => run,
                };
                let pause = match run {
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

    /// Fetches recordings that were not brought. A stop breaks off what is being fetched: it is fetched again.
    pub(crate) fn recover_recordings(&self, recover: RecoverRecordings, every: Duration) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                let run = tokio::select! {
                    () = stop.cancelled() => return,
                    run = recover.run_once() => run,
                };
                let pause = match run {
                    Ok(0) => every,
                    Ok(asked) => {
                        tracing::info!(calls.asked = asked, "asked for recordings");
                        Duration::ZERO
                    }
                    Err(error) => {
                        tracing::warn!(%error, "overdue recordings were not asked for");
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

    /// Lets events that are at hand come into the books, and breaks off what the provider is asked.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use domain::ports::{CallTrace, MockCallBooks, OverdueCall, PortUnavailable, ProviderRecords};
    use domain::{CallFact, CallId, ReconcileTimes, Timestamp};

    use super::*;
    use crate::system::SystemClock;

    /// A provider that says nothing, and says when it was asked.
    struct Silent(Arc<Notify>);

    #[async_trait::async_trait]
    impl ProviderRecords for Silent {
        async fn find(&self, _: &CallTrace) -> Result<Option<CallFact>, PortUnavailable> {
            self.0.notify_one();
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_a_provider_that_says_nothing() {
        let overdue = OverdueCall {
            call_id: CallId::mint(1, [1; 8]),
            conversation_id: None,
            provider_agent_id: None,
            booked_at: Timestamp::from_unix_millis(0),
        };
        let mut books = MockCallBooks::new();
        books.expect_claim_overdue().returning(move |_| Ok(vec![overdue.clone()]));
        let (asked, second) = (Arc::new(Notify::new()), Duration::from_secs(1));
        let times = ReconcileTimes {
            decided_within: second,
            told_within: second,
            pause: second,
            given_up_after: second,
        };
        let records = Arc::new(Silent(asked.clone()));
        let reconcile = Reconcile::new(Arc::new(books), records, Arc::new(SystemClock::start()), times);
        let workers = Workers::new();
        workers.reconcile(reconcile, second);
        asked.notified().await;
        let stopped = tokio::time::timeout(Duration::from_secs(10), workers.stop()).await;
        assert!(stopped.is_ok(), "the worker is still asking");
    }
}
