mod foreign_events;

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AcceptResult, CallLookup, ClosedBody, ContextCache, EventOrigin, KnownParties, LargeEvent,
    MockCallUpdater, MockContextCache, MockEventInbox, MockProviderWebhook, MockRecordingStore, OpenEvent,
    PortUnavailable, ProviderEvent, RecordingStore, UnreadableEvent, Unverified, WebhookCredentials,
};
use domain::{
    Audio, AudioFormat, CallFailure, CallId, CallUpdate, ConversationContext, ConversationId, InboundContext,
    NotConnectedReason, OrganizationId, PhoneNumber, ReceiveEvent, ReceiveEventError, ReceiveEventPorts,
    Timestamp, UpdateContent, UserId,
};
use testkit::clock::ManualClock;

use crate::world::{no_opt_outs, unavailable};

const NOW: Timestamp = ManualClock::START;

fn signed() -> WebhookCredentials {
    WebhookCredentials::new([("signature", b"a signature".as_slice())], None)
}

fn call_id() -> CallId {
    CallId::mint(1, [1; 8])
}

fn update() -> CallUpdate {
    let failure = CallFailure::new(NotConnectedReason::Busy, NOW);
    CallUpdate { conversation_id: None, carrier_call_id: None, content: UpdateContent::Failure(failure) }
}

fn event(update: Option<CallUpdate>) -> ProviderEvent {
    let conversation_id = Some(ConversationId::parse("conv_1").expect("an id"));
    ProviderEvent {
        key: "failure conv_1".to_owned(),
        kind: "failure".to_owned(),
        lookup: CallLookup { call_id: None, conversation_id, parties: None },
        origin: EventOrigin::default(),
        update,
        recording: None,
    }
}

/// What every port returns.
struct World {
    verified: Result<(), Unverified>,
    read: Result<ProviderEvent, UnreadableEvent>,
    accepted: Result<AcceptResult, PortUnavailable>,
    located: Result<Option<CallId>, PortUnavailable>,
    merged: Result<(), PortUnavailable>,
    context: Result<Option<ConversationContext>, PortUnavailable>,
    known: Result<KnownParties, PortUnavailable>,
    /// The result of storing a recording; `None` where recordings are not stored.
    put: Option<Result<(), PortUnavailable>>,
    /// How long the event has been in the inbox.
    waited: Duration,
}

impl World {
    fn working() -> Self {
        Self {
            verified: Ok(()),
            read: Ok(event(Some(update()))),
            accepted: Ok(AcceptResult::Accepted),
            located: Ok(Some(call_id())),
            merged: Ok(()),
            context: Err(unavailable()),
            known: Ok(KnownParties { agent: false, numbers: false }),
            put: Some(Ok(())),
            waited: Duration::ZERO,
        }
    }

    fn use_case(self) -> (ReceiveEvent, Arc<Mutex<Vec<String>>>) {
        let (ports, steps) = self.ports();
        (ReceiveEvent::new(ports), steps)
    }

    fn ports(self) -> (ReceiveEventPorts, Arc<Mutex<Vec<String>>>) {
        let steps = Arc::new(Mutex::new(Vec::new()));
        let note = |step: &'static str| {
            let steps = steps.clone();
            move |detail: String| steps.lock().expect("no panic").push(format!("{step}{detail}"))
        };
        let mut webhook = MockProviderWebhook::new();
        webhook.expect_check_headers().return_const(Ok(()));
        webhook.expect_verify().return_const(self.verified);
        webhook.expect_read().return_const(self.read);
        let mut contexts = MockContextCache::new();
        contexts.expect_find().return_const(self.context);
        let mut updater = MockCallUpdater::new();
        updater.expect_locate().return_const(self.located);
        updater.expect_known_parties().return_const(self.known);
        let (merge, merged) = (note("merge"), self.merged);
        updater.expect_merge().returning(move |_, _| {
            merge(String::new());
            merged.clone()
        });
        let attach = note("attach ");
        updater.expect_attach_recording().returning(move |_, recording| {
            attach(format!("{} of {} bytes", recording.key, recording.size_bytes));
            Ok(())
        });
        let recordings = self.put.map(|answer| {
            let (put, mut store) = (note("put "), MockRecordingStore::new());
            store.expect_put().returning(move |key, _, _| {
                put(key.to_string());
                answer.clone().map(|()| 5).map_err(Into::into)
            });
            Arc::new(store) as Arc<dyn RecordingStore>
        });
        let mut inbox = MockEventInbox::new();
        let (accept, accepted) = (note("accept"), self.accepted);
        inbox.expect_accept().returning(move |_| {
            accept(String::new());
            accepted.clone()
        });
        let received_at = NOW.before(self.waited);
        inbox.expect_lease().returning(move |_| {
            Ok(vec![OpenEvent {
                key: "failure conv_1".to_owned(),
                body: b"{}".to_vec(),
                received_at,
                organization_id: None,
            }])
        });
        let close = note("close");
        inbox.expect_close().returning(move |_, call_id, body| {
            let call = if call_id.is_some() { " with its call" } else { " without a call" };
            let body = if body == ClosedBody::Dropped { ", dropping its body" } else { "" };
            close(format!("{call}{body}"));
            Ok(())
        });
        let postpone = note("postpone ");
        inbox.expect_postpone().returning(move |_, pause| {
            postpone(format!("{} s", pause.as_secs()));
            Ok(())
        });
        let ports = ReceiveEventPorts {
            webhook: Arc::new(webhook),
            inbox: Arc::new(inbox),
            updater: Arc::new(updater),
            contexts: Arc::new(contexts),
            opt_outs: no_opt_outs(),
            recordings,
            clock: Arc::new(ManualClock::new()),
        };
        (ports, steps)
    }

    async fn receive(self) -> (Result<Option<CallId>, ReceiveEventError>, Vec<String>) {
        let (use_case, steps) = self.use_case();
        let source = use_case.source(None, &signed()).await.expect("the headers are right");
        let answer = use_case.receive(&source, &signed(), b"{}").await;
        let steps = std::mem::take(&mut *steps.lock().expect("no panic"));
        (answer, steps)
    }

    async fn apply(self) -> (Result<usize, PortUnavailable>, Vec<String>) {
        let (use_case, steps) = self.use_case();
        let answer = use_case.apply_open().await;
        let steps = std::mem::take(&mut *steps.lock().expect("no panic"));
        (answer, steps)
    }
}

#[tokio::test]
async fn what_is_acknowledged_is_in_the_inbox_and_what_is_refused_is_not() {
    assert_eq!(World::working().receive().await, (Ok(Some(call_id())), vec!["accept".to_owned()]));
    let known = World { accepted: Ok(AcceptResult::Known), ..World::working() };
    assert_eq!(
        known.receive().await.0,
        Ok(Some(call_id())),
        "a second delivery is acknowledged like the first"
    );
    let forged = World { verified: Err(Unverified), ..World::working() };
    assert_eq!(forged.receive().await, (Err(ReceiveEventError::Unverified(Unverified)), vec![]));
    let garbage = World { read: Err(UnreadableEvent), ..World::working() };
    assert_eq!(garbage.receive().await, (Err(ReceiveEventError::Unreadable(UnreadableEvent)), vec![]));
    let full = World { accepted: Err(unavailable()), ..World::working() };
    assert_eq!(full.receive().await.0, Err(ReceiveEventError::Unavailable(unavailable())));
    let stored = World { located: Err(unavailable()), ..World::working() };
    assert_eq!(stored.receive().await.0, Ok(None), "the event is stored, and its call is not known yet");
}

/// The body of a large event is not kept: what its finished form returns is received instead.
#[tokio::test]
async fn a_large_event_is_stored_in_its_shorter_form_or_refused() {
    struct Finished(Result<Option<Vec<u8>>, Unverified>);

    impl LargeEvent for Finished {
        fn receive(&mut self, _: &[u8]) {}

        fn finish(self: Box<Self>, now: Timestamp) -> Result<Option<Vec<u8>>, Unverified> {
            assert_eq!(now, NOW);
            self.0
        }
    }

    let shorter = Ok(Some(b"{}".to_vec()));
    let accept = vec!["accept".to_owned()];
    for (finished, expected, steps) in [
        (shorter.clone(), Ok(Some(call_id())), accept),
        (Ok(None), Err(ReceiveEventError::TooLarge), vec![]),
        (Err(Unverified), Err(ReceiveEventError::Unverified(Unverified)), vec![]),
    ] {
        let (use_case, seen) = World::working().use_case();
        let source = use_case.source(None, &signed()).await.expect("the headers are right");
        assert_eq!(use_case.receive_large(&source, Box::new(Finished(finished))).await, expected);
        assert_eq!(*seen.lock().expect("no panic"), steps);
    }
    let (use_case, _) = World { read: Err(UnreadableEvent), ..World::working() }.use_case();
    let source = use_case.source(None, &signed()).await.expect("the headers are right");
    let received = use_case.receive_large(&source, Box::new(Finished(shorter))).await;
    assert_eq!(received, Err(ReceiveEventError::Unreadable(UnreadableEvent)));

    let mut webhook = MockProviderWebhook::new();
    webhook.expect_check_headers().return_const(Ok(()));
    webhook.expect_receive_large().returning(|_| None);
    let (ports, _) = World::working().ports();
    let use_case = ReceiveEvent::new(ReceiveEventPorts { webhook: Arc::new(webhook), ..ports });
    let source = use_case.source(None, &signed()).await.expect("the headers are right");
    assert!(matches!(use_case.start_large(&source, &signed()), Err(ReceiveEventError::TooLarge)));
}

/// The provider treats a slow response as a failure, and stops sending after several of them.
#[tokio::test]
async fn a_stored_event_is_acknowledged_though_its_call_is_not_found_in_time() {
    struct Stalled;

    #[async_trait]
    impl ContextCache for Stalled {
        async fn store(&self, _: &ConversationContext, _: Duration) -> Result<(), PortUnavailable> {
            pending().await
        }

        async fn find(&self, _: &ConversationId) -> Result<Option<ConversationContext>, PortUnavailable> {
            pending().await
        }
    }

    let (ports, steps) = World::working().ports();
    let clock = Arc::new(ManualClock::new());
    let contexts = Arc::new(Stalled);
    let use_case = ReceiveEvent::new(ReceiveEventPorts { contexts, clock: clock.clone(), ..ports });
    let source = use_case.source(None, &signed()).await.expect("the headers are right");
    let receiving = tokio::spawn(async move { use_case.receive(&source, &signed(), b"{}").await });
    clock.advance(Duration::from_millis(999)).await;
    assert!(!receiving.is_finished());
    clock.advance(Duration::from_millis(1)).await;
    assert_eq!(receiving.await.expect("no panic"), Ok(None));
    assert_eq!(*steps.lock().expect("no panic"), ["accept"]);
}

#[tokio::test]
async fn an_event_is_merged_before_it_is_closed() {
    assert_eq!(
        World::working().apply().await,
        (Ok(1), vec!["merge".to_owned(), "close with its call".to_owned()])
    );
    let broken = World { merged: Err(unavailable()), ..World::working() };
    assert_eq!(
        broken.apply().await,
        (Err(unavailable()), vec!["merge".to_owned(), "postpone 1 s".to_owned()]),
        "it stays open"
    );
    let useless = World { read: Ok(event(None)), ..World::working() };
    assert_eq!(useless.apply().await.1, ["close with its call"], "an event without an update keeps its body");
}

#[tokio::test]
async fn an_event_waits_for_its_call_longer_and_longer_and_not_for_ever() {
    for (waited, step) in [
        (Duration::ZERO, "postpone 1 s"),
        (Duration::from_secs(30), "postpone 30 s"),
        (Duration::from_hours(2), "postpone 600 s"),
        (Duration::from_hours(25), "close without a call"),
    ] {
        let world = World { located: Ok(None), waited, ..World::working() };
        assert_eq!(world.apply().await.1, [step]);
    }
    let unreadable = World { read: Err(UnreadableEvent), ..World::working() };
    assert_eq!(unreadable.apply().await.1, ["postpone 600 s"], "another program may be able to read it");
}

fn recorded() -> ProviderEvent {
    let audio = Audio { format: AudioFormat::Mp3, bytes: b"voice".to_vec() };
    ProviderEvent { recording: Some(audio), ..event(None) }
}

#[tokio::test]
async fn a_recording_is_stored_before_it_is_attached() {
    let world = World { read: Ok(recorded()), ..World::working() };
    let name = format!("{}.mp3", call_id());
    let steps = [
        format!("put {name}"),
        format!("attach {name} of 5 bytes"),
        "close with its call, dropping its body".to_owned(),
    ];
    assert_eq!(world.apply().await, (Ok(1), steps.to_vec()));
}

/// The event stays open, with its body, and is attempted again later.
#[tokio::test]
async fn a_recording_that_cannot_be_stored_delays_no_other_event() {
    for (waited, postponed) in [(0, "postpone 60 s"), (120, "postpone 120 s"), (7200, "postpone 600 s")] {
        let waited = Duration::from_secs(waited);
        let full = World { read: Ok(recorded()), put: Some(Err(unavailable())), waited, ..World::working() };
        let put = format!("put {}.mp3", call_id());
        assert_eq!(full.apply().await, (Ok(1), vec![put, postponed.to_owned()]));
    }
}

#[tokio::test]
async fn small_events_are_applied_before_recordings() {
    let (mut ports, _) = World::working().ports();
    let mut inbox = MockEventInbox::new();
    inbox.expect_lease().returning(|_| {
        let open = |key: &str, size| OpenEvent {
            key: key.to_owned(),
            body: vec![b' '; size],
            received_at: NOW,
            organization_id: None,
        };
        Ok(vec![open("recording", 1_000_000), open("failure", 100)])
    });
    let closed = Arc::new(Mutex::new(Vec::new()));
    let noted = closed.clone();
    inbox.expect_close().returning(move |key, _, _| {
        noted.lock().expect("no panic").push(key.to_owned());
        Ok(())
    });
    ports.inbox = Arc::new(inbox);
    assert_eq!(ReceiveEvent::new(ports).apply_open().await, Ok(2));
    assert_eq!(*closed.lock().expect("no panic"), ["failure", "recording"]);
}

#[tokio::test]
async fn where_recordings_are_not_stored_their_audio_is_dropped() {
    let world = World { read: Ok(recorded()), put: None, ..World::working() };
    assert_eq!(world.apply().await.1, ["close with its call, dropping its body"]);
}

#[tokio::test]
async fn a_recording_waits_for_its_call() {
    let world = World { read: Ok(recorded()), located: Ok(None), ..World::working() };
    assert_eq!(world.apply().await.1, ["postpone 1 s"]);
}

/// A callee who calls back has the same two numbers as the outbound call before.
#[tokio::test]
async fn an_event_of_an_inbound_call_is_merged_into_no_call() {
    let number = |text| PhoneNumber::parse(text).expect("a number");
    let inbound = ConversationContext::Inbound(InboundContext {
        conversation_id: ConversationId::parse("conv_1").expect("an id"),
        organization_id: OrganizationId::parse("organization").expect("an id"),
        user_id: UserId::parse("user").expect("an id"),
        contact_id: None,
        provider_agent_id: None,
        caller: number("+14165550110"),
        called: number("+14165550100"),
        started_at: NOW,
    });
    let world = World { context: Ok(Some(inbound)), ..World::working() };
    assert_eq!(world.apply().await, (Ok(1), vec!["close without a call".to_owned()]));
}
