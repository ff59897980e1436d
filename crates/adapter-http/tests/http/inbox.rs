//! A provider whose events are easily signed, and an inbox that keeps them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_elevenlabs::{ElevenLabsWebhook, ElevenLabsWebhookSettings};
use adapter_http::EventIntake;
use async_trait::async_trait;
use domain::ports::{
    AcceptResult, CallLookup, EventInbox, IncomingEvent, MockContextCache, OpenEvent,
    PersonalizationQuestion, PortUnavailable, ProviderEvent, ProviderReply, ProviderWebhook, UnreadableEvent,
    UnreadableQuestion, Unverified, WebhookCredentials,
};
use domain::{CallId, Personalization, ReceiveEvent, ReceiveEventPorts, Timestamp};
use tokio::sync::{Notify, Semaphore};

use crate::books::Books;
use crate::world::{StillClock, call_id};

pub(crate) const SIGNATURE: &str = "t=1700000000,v0=signature-secret";
pub(crate) const TOOL_SECRET: &str = "tool+secret/with~every=kind=";
/// An event of a call that is known.
pub(crate) const KNOWN: &str = r#"{"a":"known event about a tumour"}"#;

/// What was stored, and how storing goes.
#[derive(Clone)]
pub(crate) struct Inbox {
    pub(crate) stored: Arc<Mutex<Vec<Vec<u8>>>>,
    pub(crate) accepted: Arc<Notify>,
    /// How many deliveries have come to the store.
    pub(crate) arrived: Arc<AtomicUsize>,
    /// How many of them it may store; the others wait.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) away: bool,
    /// Whether it breaks the process's own rules, as a bug would.
    pub(crate) broken: bool,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            stored: Arc::default(),
            accepted: Arc::default(),
            arrived: Arc::default(),
            permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            away: false,
            broken: false,
        }
    }

    /// An inbox that stores nothing until a permit is added to it.
    pub(crate) fn slow() -> Self {
        Self { permits: Arc::new(Semaphore::new(0)), ..Self::new() }
    }

    pub(crate) fn intake(&self) -> EventIntake {
        let mut contexts = MockContextCache::new();
        contexts.expect_find().returning(|_| Ok(None));
        let ports = ReceiveEventPorts {
            webhook: Arc::new(Provider),
            inbox: Arc::new(self.clone()),
            updater: Arc::new(Books::default()),
            contexts: Arc::new(contexts),
            recordings: None,
            clock: Arc::new(StillClock),
        };
        EventIntake::new(Arc::new(ReceiveEvent::new(ports)), Arc::clone(&self.accepted))
    }

    pub(crate) fn stored(&self) -> Vec<Vec<u8>> {
        self.stored.lock().expect("no writer panics").clone()
    }

    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::SeqCst)
    }

    /// Whether somebody was told of an event since this was last asked.
    pub(crate) async fn was_notified(&self) -> bool {
        // A notification that nobody waited for is kept, so that this ends at once where there is one.
        tokio::time::timeout(Duration::from_millis(50), self.accepted.notified()).await.is_ok()
    }
}

#[async_trait]
impl EventInbox for Inbox {
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable> {
        assert!(!self.broken, "a bug");
        self.arrived.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.expect("never closed").forget();
        if self.away {
            return Err(PortUnavailable::new("postgres", "secret detail"));
        }
        self.stored.lock().expect("no writer panics").push(event.body.to_vec());
        Ok(AcceptResult::Accepted)
    }

    async fn lease(&self, _: u32, _: Duration) -> Result<Vec<OpenEvent>, PortUnavailable> {
        unreachable!("a handler applies nothing")
    }

    async fn close(
        &self,
        _: &str,
        _: Option<CallId>,
        _: domain::ports::ClosedBody,
    ) -> Result<(), PortUnavailable> {
        unreachable!("a handler applies nothing")
    }

    async fn postpone(&self, _: &str, _: Duration) -> Result<(), PortUnavailable> {
        unreachable!("a handler applies nothing")
    }
}

/// Its events are JSON objects, more or less; its questions are those of ElevenLabs.
pub(crate) struct Provider;

fn elevenlabs() -> ElevenLabsWebhook {
    ElevenLabsWebhook::new(&ElevenLabsWebhookSettings::default()).expect("no secret is valid")
}

impl ProviderWebhook for Provider {
    fn has_credentials(&self, credentials: &WebhookCredentials) -> bool {
        credentials.header("elevenlabs-signature").is_some() || credentials.bearer().is_some()
    }

    fn verify(&self, credentials: &WebhookCredentials, _: &[u8], _: Timestamp) -> Result<(), Unverified> {
        let signed = credentials.header("elevenlabs-signature") == Some(SIGNATURE);
        if signed { Ok(()) } else { self.verify_question(credentials) }
    }

    fn read(&self, body: &[u8], _: Timestamp) -> Result<ProviderEvent, UnreadableEvent> {
        if !body.starts_with(b"{") {
            return Err(UnreadableEvent);
        }
        let known = (body == KNOWN.as_bytes()).then(call_id);
        let lookup = CallLookup { call_id: known, ..CallLookup::default() };
        Ok(ProviderEvent {
            key: "a key".to_owned(),
            kind: "a kind".to_owned(),
            lookup,
            update: None,
            recording: None,
        })
    }

    fn verify_question(&self, credentials: &WebhookCredentials) -> Result<(), Unverified> {
        if credentials.bearer() == Some(TOOL_SECRET) { Ok(()) } else { Err(Unverified) }
    }

    fn read_question(&self, body: &[u8]) -> Result<PersonalizationQuestion, UnreadableQuestion> {
        elevenlabs().read_question(body)
    }

    fn write_reply(
        &self,
        question: &PersonalizationQuestion,
        personalization: Option<Personalization>,
    ) -> ProviderReply {
        elevenlabs().write_reply(question, personalization)
    }
}
