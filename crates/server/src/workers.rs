//! What goes on in the background, in every replica at once: events come into the books, overdue calls are asked for, and
//! what happened is published and sent to those who asked for it.

mod deliveries;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::PortUnavailable;
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
/// How long a stop waits for what is under way. What is not done by then is done again, by whoever comes next.
const DONE_WITHIN: Duration = Duration::from_secs(5);

/// When a worker that has nothing to do works again.
struct Pace {
    every: Duration,
    /// Where a store was away.
    after_failure: Duration,
    /// What ends the pause.
    woken_by: Arc<Notify>,
}

impl Pace {
    /// By the clock alone.
    fn steady(every: Duration) -> Self {
        Self { every, after_failure: every, woken_by: Arc::default() }
    }
}

impl Workers {
    pub(crate) fn new() -> Self {
        Self { stop: CancellationToken::new(), tasks: TaskTracker::new() }
    }

    /// Brings events into the books, at once when one was accepted. A stop waits for those at hand, and not long: a recording may
    /// take half a minute to be stored, or not to be.
    pub(crate) fn apply_events(&self, receive_event: Arc<ReceiveEvent>, accepted: Arc<Notify>) {
        let stop = self.stop.clone();
        let pace = Pace { every: LOOK_INTO_THE_INBOX_EVERY, after_failure: REST, woken_by: accepted };
        self.repeat(pace, "events wait in the inbox", move || {
            let (receive_event, stop) = (receive_event.clone(), stop.clone());
            async move {
                tokio::select! {
                    () = overdue(&stop) => Ok(0),
                    applied = receive_event.apply_open() => applied,
                }
            }
        });
    }

    /// Asks the provider for overdue calls. A stop breaks off what is being asked, since a provider that does not answer may
    /// take minutes for a batch: what was not written is asked for again.
    pub(crate) fn reconcile(&self, reconcile: Reconcile, every: Duration) {
        let (reconcile, stop) = (Arc::new(reconcile), self.stop.clone());
        self.repeat(Pace::steady(every), "overdue calls were not asked for", move || {
            let (reconcile, stop) = (reconcile.clone(), stop.clone());
            async move {
                let report = tokio::select! {
                    () = stop.cancelled() => return Ok(0),
                    report = reconcile.run_once() => report?,
                };
                if report.asked > 0 {
                    let (asked, found) = (report.asked, report.found);
                    tracing::info!(calls.asked = asked, calls.found = found, "asked for overdue calls");
                }
                Ok(report.asked)
            }
        });
    }

    /// Fetches recordings that were not brought. A stop breaks off what is being fetched: it is fetched again.
    pub(crate) fn recover_recordings(&self, recover: RecoverRecordings, every: Duration) {
        let (recover, stop) = (Arc::new(recover), self.stop.clone());
        self.repeat(Pace::steady(every), "overdue recordings were not asked for", move || {
            let (recover, stop) = (recover.clone(), stop.clone());
            async move {
                let asked = tokio::select! {
                    () = stop.cancelled() => return Ok(0),
                    asked = recover.run_once() => asked?,
                };
                if asked > 0 {
                    tracing::info!(calls.asked = asked, "asked for recordings");
                }
                Ok(asked)
            }
        });
    }

    /// Works until a stop: at once again while there was something to do, of which `work` says how much, and at its pace otherwise.
    fn repeat<W>(&self, pace: Pace, failure: &'static str, work: impl Fn() -> W + Send + 'static)
    where
        W: Future<Output = Result<usize, PortUnavailable>> + Send,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                let pause = match work().await {
                    Ok(0) => pace.every,
                    Ok(_) => Duration::ZERO,
                    Err(error) => {
                        tracing::warn!(%error, "{failure}");
                        pace.after_failure
                    }
                };
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = pace.woken_by.notified(), if !pause.is_zero() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Lets events that are at hand come into the books and to receivers, for a few seconds, and breaks off what the provider
    /// is asked.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Returns when a stop has waited for long enough.
async fn overdue(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(DONE_WITHIN).await;
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

    /// A provider that says nothing, and says when it was asked.
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
        let stopped = tokio::time::timeout(DONE_WITHIN * 2, workers.stop()).await;
        assert!(stopped.is_ok(), "the worker is still storing");
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
        assert!(stopped.is_ok(), "the worker is still asking");
    }
}
