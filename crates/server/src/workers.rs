//! The background loops of every replica: merging provider events, reconciling overdue calls,
//! fetching recordings, publishing call events and delivering them.

mod deliveries;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::{Background, BackgroundWork, PortUnavailable};
use domain::{ReceiveEvent, Reconcile, RecoverRecordings};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The running workers.
pub(crate) struct Workers {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Finds events that another replica stored, or that were postponed.
const INBOX_POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The pause of a worker after a store was unavailable.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// How long a stop waits for running work. Another worker repeats what is not finished by then.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// When a worker without work looks for work again.
struct Schedule {
    poll_interval: Duration,
    /// The pause after a store was unavailable.
    retry_pause: Duration,
    /// Ends a pause early.
    woken_by: Arc<Notify>,
}

impl Schedule {
    /// Always the same pause, and no early end.
    fn every(pause: Duration) -> Self {
        Self { poll_interval: pause, retry_pause: pause, woken_by: Arc::default() }
    }
}

impl Workers {
    pub(crate) fn new() -> Self {
        Self { stop: CancellationToken::new(), tasks: TaskTracker::new() }
    }

    /// Runs work beside requests; a stop waits for it.
    pub(crate) fn background(&self) -> Arc<dyn Background> {
        Arc::new(Tracked(self.tasks.clone()))
    }

    /// Merges provider events into the ledger, immediately after one was stored. A stop waits
    /// [`STOP_TIMEOUT`] for the current batch: storing a recording may take half a minute, or fail.
    pub(crate) fn apply_events(&self, receive_event: Arc<ReceiveEvent>, accepted: Arc<Notify>) {
        let stop = self.stop.clone();
        let schedule =
            Schedule { poll_interval: INBOX_POLL_INTERVAL, retry_pause: RETRY_PAUSE, woken_by: accepted };
        self.repeat(schedule, "could not merge provider events; they stay in the inbox", move || {
            let (receive_event, stop) = (receive_event.clone(), stop.clone());
            async move {
                tokio::select! {
                    () = stop_timeout(&stop) => Ok(0),
                    applied = receive_event.apply_open() => applied,
                }
            }
        });
    }

    /// Asks the provider about overdue calls. A stop cancels the current batch, because a provider
    /// that does not respond may take minutes for it. Another worker asks about these calls again.
    pub(crate) fn reconcile(&self, reconcile: Reconcile, every: Duration) {
        let (reconcile, stop) = (Arc::new(reconcile), self.stop.clone());
        self.repeat(
            Schedule::every(every),
            "could not reconcile overdue calls; trying again later",
            move || {
                let (reconcile, stop) = (reconcile.clone(), stop.clone());
                async move {
                    let report = tokio::select! {
                        () = stop.cancelled() => return Ok(0),
                        report = reconcile.run_once() => report?,
                    };
                    if report.asked > 0 {
                        let (asked, found) = (report.asked, report.found);
                        tracing::info!(
                            calls.asked = asked,
                            calls.found = found,
                            "asked the provider about overdue calls"
                        );
                    }
                    Ok(report.asked)
                }
            },
        );
    }

    /// Fetches recordings that the provider did not deliver. A stop cancels the current batch;
    /// another worker fetches it again.
    pub(crate) fn recover_recordings(&self, recover: RecoverRecordings, every: Duration) {
        let (recover, stop) = (Arc::new(recover), self.stop.clone());
        self.repeat(
            Schedule::every(every),
            "could not fetch overdue recordings; trying again later",
            move || {
                let (recover, stop) = (recover.clone(), stop.clone());
                async move {
                    let asked = tokio::select! {
                        () = stop.cancelled() => return Ok(0),
                        asked = recover.run_once() => asked?,
                    };
                    if asked > 0 {
                        tracing::info!(calls.asked = asked, "asked the provider for recordings");
                    }
                    Ok(asked)
                }
            },
        );
    }

    /// Runs `work` until a stop: again immediately while it returns that it did something,
    /// otherwise by the schedule.
    fn repeat<W>(&self, schedule: Schedule, failure: &'static str, work: impl Fn() -> W + Send + 'static)
    where
        W: Future<Output = Result<usize, PortUnavailable>> + Send,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                let pause = match work().await {
                    Ok(0) => schedule.poll_interval,
                    Ok(_) => Duration::ZERO,
                    Err(error) => {
                        tracing::warn!(%error, "{failure}");
                        schedule.retry_pause
                    }
                };
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = schedule.woken_by.notified(), if !pause.is_zero() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Lets running merges and deliveries finish for [`STOP_TIMEOUT`], and cancels questions to the
    /// provider.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

struct Tracked(TaskTracker);

impl Background for Tracked {
    fn run(&self, work: BackgroundWork) {
        // Its log lines belong to the request that started it.
        self.0.spawn(work.in_current_span());
    }
}

/// Returns [`STOP_TIMEOUT`] after a stop.
async fn stop_timeout(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_TIMEOUT).await;
}

#[cfg(test)]
mod tests {
    use domain::ports::{
        CallLookup, MockCallUpdater, MockContextCache, MockEventInbox, MockProviderWebhook,
        MockUnfinishedCalls, OpenEvent, PortUnavailable, ProviderEvent, ProviderLookup, ProviderRecords,
        RecordingStore,
    };
    use domain::{
        Audio, AudioFormat, CallId, CallUpdate, ReceiveEventPorts, ReconcileTimes, RecordingAccess,
        RecordingKey, Timestamp,
    };

    use super::*;
    use crate::system::SystemClock;

    /// A port that never returns, and notifies when it is called.
    struct Silent(Arc<Notify>);

    #[async_trait::async_trait]
    impl ProviderRecords for Silent {
        async fn find(&self, _: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
            self.0.notify_one();
            std::future::pending().await
        }
    }

    #[async_trait::async_trait]
    impl RecordingStore for Silent {
        async fn put(&self, _: &RecordingKey, _: AudioFormat, _: Vec<u8>) -> Result<(), PortUnavailable> {
            self.0.notify_one();
            std::future::pending().await
        }

        async fn fetch(&self, _: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_does_not_wait_long_for_a_recording_that_is_not_stored() {
        let lookup = CallLookup { call_id: None, conversation_id: None, parties: None };
        let recording = Some(Audio { format: AudioFormat::Mp3, bytes: b"voice".to_vec() });
        let event =
            ProviderEvent { key: "audio".into(), kind: "audio".into(), lookup, update: None, recording };
        let open =
            OpenEvent { key: "audio".into(), body: Vec::new(), received_at: Timestamp::from_unix_millis(0) };
        let (mut webhook, mut inbox) = (MockProviderWebhook::new(), MockEventInbox::new());
        webhook.expect_read().return_const(Ok(event));
        inbox.expect_lease().returning(move |_, _| Ok(vec![open.clone()]));
        let mut updater = MockCallUpdater::new();
        updater.expect_locate().return_const(Ok(Some(CallId::mint(1, [1; 8]))));
        let asked = Arc::new(Notify::new());
        let receive_event = ReceiveEvent::new(ReceiveEventPorts {
            webhook: Arc::new(webhook),
            inbox: Arc::new(inbox),
            updater: Arc::new(updater),
            contexts: Arc::new(MockContextCache::new()),
            recordings: Some(Arc::new(Silent(asked.clone()))),
            clock: Arc::new(SystemClock::start()),
        });
        let workers = Workers::new();
        workers.apply_events(Arc::new(receive_event), Arc::new(Notify::new()));
        asked.notified().await;
        let stopped = tokio::time::timeout(STOP_TIMEOUT * 2, workers.stop()).await;
        assert!(stopped.is_ok(), "the worker still waits for the recording store");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_background_work() {
        let workers = Workers::new();
        let (done, is_done) = tokio::sync::oneshot::channel();
        workers.background().run(Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            done.send(()).expect("the test waits");
        }));
        workers.stop().await;
        assert_eq!(is_done.await, Ok(()));
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_a_provider_that_says_nothing() {
        let overdue = ProviderLookup {
            call_id: CallId::mint(1, [1; 8]),
            conversation_id: None,
            provider_agent_id: None,
            booked_at: Timestamp::from_unix_millis(0),
        };
        let mut unfinished = MockUnfinishedCalls::new();
        unfinished.expect_lease_overdue().returning(move |_| Ok(vec![overdue.clone()]));
        let (asked, second) = (Arc::new(Notify::new()), Duration::from_secs(1));
        let times = ReconcileTimes {
            decided_within: second,
            reported_within: second,
            pause: second,
            given_up_after: second,
        };
        let records = Arc::new(Silent(asked.clone()));
        let reconcile = Reconcile::new(
            Arc::new(unfinished),
            Arc::new(MockCallUpdater::new()),
            records,
            Arc::new(SystemClock::start()),
            times,
        );
        let workers = Workers::new();
        workers.reconcile(reconcile, second);
        asked.notified().await;
        let stopped = tokio::time::timeout(Duration::from_secs(10), workers.stop()).await;
        assert!(stopped.is_ok(), "the worker still waits for the provider");
    }
}
