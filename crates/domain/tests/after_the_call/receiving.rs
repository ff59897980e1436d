use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallClue, ContextCache, InboxAnswer, MockCallBooks, MockClock, MockContextCache, MockEventInbox,
    MockProviderWebhook, OpenEvent, PortUnavailable, ProviderEvent, UnreadableEvent, Unverified,
    WebhookCredentials,
};
use domain::{
    Account, CallFact, CallFailure, CallId, ConversationContext, ConversationId, NotConnectedReason,
    ReceiveEvent, ReceiveEventError, ReceiveEventPorts, Timestamp,
};
use tokio::time::timeout;

const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);
const SIGNED: WebhookCredentials<'_> = WebhookCredentials { signature: Some("a signature"), bearer: None };

fn away() -> PortUnavailable {
    PortUnavailable::new("store", "away")
}

fn call_id() -> CallId {
    CallId::mint(1, [1; 8])
}

fn fact() -> CallFact {
    let failure = CallFailure { reason: NotConnectedReason::Busy, at: NOW };
    CallFact { conversation_id: None, carrier_call_id: None, account: Account::Failure(failure) }
}

fn event(fact: Option<CallFact>) -> ProviderEvent {
    let conversation_id = Some(ConversationId::parse("conv_1").expect("an id"));
    ProviderEvent {
        key: "failure conv_1".to_owned(),
        kind: "failure".to_owned(),
        clue: CallClue { call_id: None, conversation_id, parties: None },
        fact,
        recording: None,
    }
}

/// What every port answers, and every write in order.
struct World {
    verified: Result<(), Unverified>,
    read: Result<ProviderEvent, UnreadableEvent>,
    accepted: Result<InboxAnswer, PortUnavailable>,
    located: Result<Option<CallId>, PortUnavailable>,
    absorbed: Result<(), PortUnavailable>,
    waited: Duration,
}

impl World {
    fn working() -> Self {
        Self {
            verified: Ok(()),
            read: Ok(event(Some(fact()))),
            accepted: Ok(InboxAnswer::Accepted),
            located: Ok(Some(call_id())),
            absorbed: Ok(()),
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
        let mut clock = MockClock::new();
        clock.expect_now().return_const(NOW);
        clock.expect_sleep().return_const(());
        let mut webhook = MockProviderWebhook::new();
        webhook.expect_verify().return_const(self.verified);
        webhook.expect_read().return_const(self.read);
        let mut contexts = MockContextCache::new();
        contexts.expect_find().returning(|_| Err(away()));
        let mut books = MockCallBooks::new();
        books.expect_locate().return_const(self.located);
        let (absorb, absorbed) = (note("absorb"), self.absorbed);
        books.expect_absorb().returning(move |_, _| {
            absorb(String::new());
            absorbed.clone()
        });
        let mut inbox = MockEventInbox::new();
        let (accept, accepted) = (note("accept"), self.accepted);
        inbox.expect_accept().returning(move |_| {
            accept(String::new());
            accepted.clone()
        });
        let received_at = NOW.before(self.waited);
        inbox.expect_claim().returning(move |_, _| {
            Ok(vec![OpenEvent { key: "failure conv_1".to_owned(), body: b"{}".to_vec(), received_at }])
        });
        let close = note("close");
        inbox.expect_close().returning(move |_, call_id, _| {
            close(if call_id.is_some() { " with its call".to_owned() } else { " without a call".to_owned() });
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
            books: Arc::new(books),
            contexts: Arc::new(contexts),
            recordings: None,
            clock: Arc::new(clock),
        };
        (ports, steps)
    }

    async fn receive(self) -> (Result<Option<CallId>, ReceiveEventError>, Vec<String>) {
        let (use_case, steps) = self.use_case();
        let answer = use_case.receive(&SIGNED, b"{}").await;
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
    let known = World { accepted: Ok(InboxAnswer::Known), ..World::working() };
    assert_eq!(
        known.receive().await.0,
        Ok(Some(call_id())),
        "a second delivery is acknowledged like the first"
    );
    let forged = World { verified: Err(Unverified), ..World::working() };
    assert_eq!(forged.receive().await, (Err(ReceiveEventError::Unverified(Unverified)), vec![]));
    let garbage = World { read: Err(UnreadableEvent), ..World::working() };
    assert_eq!(garbage.receive().await, (Err(ReceiveEventError::Unreadable(UnreadableEvent)), vec![]));
    let full = World { accepted: Err(away()), ..World::working() };
    assert_eq!(full.receive().await.0, Err(ReceiveEventError::Unavailable(away())));
    let stored = World { located: Err(away()), ..World::working() };
    assert_eq!(stored.receive().await.0, Ok(None), "it is stored, whoever's it is");
}

/// A provider that is answered late delivers no more.
#[tokio::test]
async fn what_is_stored_is_acknowledged_though_its_call_is_not_found_in_time() {
    struct Stalled;

    #[async_trait]
    impl ContextCache for Stalled {
        async fn keep(&self, _: &ConversationContext, _: Duration) -> Result<(), PortUnavailable> {
            pending().await
        }

        async fn find(&self, _: &ConversationId) -> Result<Option<ConversationContext>, PortUnavailable> {
            pending().await
        }
    }

    let (ports, steps) = World::working().ports();
    let use_case = ReceiveEvent::new(ReceiveEventPorts { contexts: Arc::new(Stalled), ..ports });
    let received = timeout(Duration::from_secs(10), use_case.receive(&SIGNED, b"{}")).await;
    assert_eq!(received, Ok(Ok(None)));
    assert_eq!(*steps.lock().expect("no panic"), ["accept"]);
}

#[tokio::test]
async fn an_event_comes_into_the_books_before_it_is_closed() {
    assert_eq!(
        World::working().apply().await,
        (Ok(1), vec!["absorb".to_owned(), "close with its call".to_owned()])
    );
    let broken = World { absorbed: Err(away()), ..World::working() };
    assert_eq!(broken.apply().await, (Err(away()), vec!["absorb".to_owned()]), "it stays open");
    let useless = World { read: Ok(event(None)), ..World::working() };
    assert_eq!(useless.apply().await.1, ["close with its call"], "what the books have no use for is kept");
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
