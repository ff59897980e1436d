use adapter_http::{AuthSettings, JwtKeys, KeySetSource};
use domain::ports::{
    AudioStream, CallLookup, EventOrigin, MockCallLedger, MockCallUpdater, MockContextCache, MockEventInbox,
    MockIdempotencyKeys, MockIdentifiers, MockProviderWebhook, MockRefusalCounts, MockSuppressions,
    MockUnfinishedCalls, MockUserRepo, OpenAudio, OpenEvent, PortUnavailable, ProviderEvent, ProviderLookup,
    ProviderRecords, PutError, RecordingAccess, RecordingStore,
};
use domain::{
    Audio, AudioFormat, AudioPart, CallId, CallUpdate, DestinationRules, OrganizationId, ReceiveEventPorts,
    ReconcileTimes, RecordOptOut, RecordOptOutPorts, RecordingKey, RefusalCode, Timestamp,
};

use std::sync::Mutex;

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
    async fn put(&self, _: &RecordingKey, _: AudioFormat, _: AudioStream) -> Result<u64, PutError> {
        self.0.notify_one();
        std::future::pending().await
    }

    async fn fetch(&self, _: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        std::future::pending().await
    }

    async fn open(&self, _: &RecordingKey, _: AudioPart) -> Result<Option<OpenAudio>, PortUnavailable> {
        std::future::pending().await
    }

    async fn remove(&self, _: &RecordingKey) -> Result<(), PortUnavailable> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_long_for_a_recording_that_is_not_stored() {
    let lookup = CallLookup { call_id: None, conversation_id: None, parties: None };
    let recording = Some(Audio { format: AudioFormat::Mp3, bytes: b"voice".to_vec() });
    let (origin, key) = (EventOrigin::default(), "audio".to_owned());
    let event = ProviderEvent { kind: key.clone(), key, lookup, origin, update: None, recording };
    let open = OpenEvent {
        key: "audio".into(),
        body: Vec::new(),
        received_at: Timestamp::from_unix_millis(0),
        organization_id: None,
    };
    let (mut webhook, mut inbox) = (MockProviderWebhook::new(), MockEventInbox::new());
    webhook.expect_read().return_const(Ok(event));
    inbox.expect_lease().returning(move |_| Ok(vec![open.clone()]));
    let mut updater = MockCallUpdater::new();
    updater.expect_locate().return_const(Ok(Some(CallId::mint(1, [1; 8]))));
    let asked = Arc::new(Notify::new());
    let receive_event = ReceiveEvent::new(ReceiveEventPorts {
        webhook: Arc::new(webhook),
        inbox: Arc::new(inbox),
        updater: Arc::new(updater),
        contexts: Arc::new(MockContextCache::new()),
        opt_outs: Arc::new(RecordOptOut::new(
            RecordOptOutPorts {
                suppressions: Arc::new(MockSuppressions::new()),
                updater: Arc::new(MockCallUpdater::new()),
                contexts: Arc::new(MockContextCache::new()),
                identifiers: Arc::new(MockIdentifiers::new()),
                clock: Arc::new(SystemClock),
            },
            DestinationRules::default(),
            "opt_out",
        )),
        recordings: Some(Arc::new(Silent(asked.clone()))),
        clock: Arc::new(SystemClock),
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
    let records: Option<Arc<dyn ProviderRecords>> = Some(Arc::new(Silent(asked.clone())));
    let reconcile = Reconcile::new(
        Arc::new(unfinished),
        Arc::new(MockCallUpdater::new()),
        records,
        Arc::new(SystemClock),
        times,
    );
    let workers = Workers::new();
    workers.reconcile(reconcile, second);
    asked.notified().await;
    let stopped = tokio::time::timeout(Duration::from_secs(10), workers.stop()).await;
    assert!(stopped.is_ok(), "the worker still waits for the provider");
}

/// Every five seconds, whatever there is to write; and at a stop what came since.
#[tokio::test(start_paused = true)]
async fn refusals_are_written_every_five_seconds_and_at_a_stop() {
    let organization = OrganizationId::parse("o1").expect("an id");
    let (written, mut counts) = (Arc::new(Mutex::new(Vec::new())), MockRefusalCounts::new());
    let seen = written.clone();
    counts.expect_add().returning(move |counts| {
        seen.lock().expect("no panic").push(counts[0].refusals);
        Ok(())
    });
    let (users, clock) = (Arc::new(MockUserRepo::new()), Arc::new(SystemClock));
    let refusals = Arc::new(RefusalLog::new(users, Arc::new(counts), clock));
    let (workers, start) = (Workers::new(), tokio::time::Instant::now());
    workers.write_refusals(refusals.clone());
    for refused in 1..=3 {
        for _ in 0..refused {
            refusals.note(&organization, RefusalCode::CoolDown);
        }
        if refused == 3 {
            break;
        }
        while written.lock().expect("no panic").len() < refused {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(start.elapsed().as_secs(), 5 * u64::try_from(refused - 1).expect("small"));
    }
    workers.stop().await;
    assert_eq!(*written.lock().expect("no panic"), [1, 2, 3]);
}

/// Batch by batch until there is none left, and again after five minutes: those that expired an hour
/// ago, and keys whose calls ended a day ago.
#[tokio::test(start_paused = true)]
async fn reservations_are_removed_an_hour_after_they_ended() {
    let (removed, mut batches) = (Arc::new(Notify::new()), [5000, 3, 0, 1, 0].into_iter());
    let (mut ledger, notified) = (MockCallLedger::new(), removed.clone());
    ledger.expect_remove_expired().returning(move |expired_for, _| {
        assert_eq!(expired_for, Duration::from_hours(1));
        let batch = batches.next().unwrap_or_default();
        if batch == 1 {
            notified.notify_one();
        }
        Ok(batch)
    });
    let mut keys = MockIdempotencyKeys::new();
    keys.expect_remove_ended().returning(|ended_for, _| {
        assert_eq!(ended_for, Duration::from_hours(24));
        Ok(0)
    });
    let (workers, start) = (Workers::new(), tokio::time::Instant::now());
    let keep_keys_for = Duration::from_hours(24);
    workers.remove_reservations(RemoveReservations::new(Arc::new(ledger), Arc::new(keys), keep_keys_for));
    removed.notified().await;
    assert_eq!(start.elapsed().as_secs(), 300);
    workers.stop().await;
}

/// Is read for nothing: it sends its reads to the test.
#[derive(Debug)]
struct CountedKeySet(tokio::sync::mpsc::UnboundedSender<()>);

#[async_trait::async_trait]
impl KeySetSource for CountedKeySet {
    async fn read(&self) -> Result<Vec<u8>, PortUnavailable> {
        self.0.send(()).expect("the test runs");
        Err(PortUnavailable::new("key set", "no response"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_set_is_read_at_its_interval_also_after_a_failure() {
    let (sender, mut reads) = tokio::sync::mpsc::unbounded_channel();
    let document = include_bytes!("../../../adapter-http/tests/keys/jwks.json").to_vec();
    let keys = JwtKeys::KeySet { document, source: Arc::new(CountedKeySet(sender)) };
    let settings = AuthSettings { keys, issuer: None, audience: None, leeway_secs: 0 };
    let authenticator = Arc::new(Authenticator::new(settings).expect("a usable key set"));
    let workers = Workers::new();
    let started = tokio::time::Instant::now();
    workers.refresh_keys(authenticator, Duration::from_secs(300));
    for _ in 0..3 {
        reads.recv().await;
    }
    assert_eq!(started.elapsed().as_secs(), 600);
    workers.stop().await;
}
