//! Ports whose operations a test delays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AcceptResult, AudioStream, ClosedBody, DialRequest, EventInbox, InboxLease, IncomingEvent, OpenAudio,
    OpenEvent, PortUnavailable, PutError, RecordingAccess, RecordingStore, VoiceProvider,
};
use domain::{AnswerTime, AudioFormat, AudioPart, CallId, DialOutcome, RecordingKey};
use testkit::memory::{Memory, Provider};
use tokio::sync::Semaphore;

/// A port whose operations wait until the test releases them. Clones share the gate.
#[derive(Clone)]
pub(crate) struct Gated<P> {
    port: P,
    arrived: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
}

impl<P> Gated<P> {
    pub(crate) fn new(port: P) -> Self {
        Self { port, arrived: Arc::default(), permits: Arc::new(Semaphore::new(0)) }
    }

    /// How many operations have started.
    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::SeqCst)
    }

    /// Lets this many operations continue.
    pub(crate) fn release(&self, operations: usize) {
        self.permits.add_permits(operations);
    }

    async fn pass(&self) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.expect("the test does not close the semaphore").forget();
    }
}

/// The phones ring until the test releases them.
#[async_trait]
impl VoiceProvider for Gated<Provider> {
    fn answer_time(&self) -> AnswerTime {
        self.port.answer_time()
    }

    fn carriers(&self) -> &[domain::Carrier] {
        self.port.carriers()
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        self.pass().await;
        self.port.dial(request).await
    }
}

#[async_trait]
impl EventInbox for Gated<Memory> {
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable> {
        self.pass().await;
        self.port.accept(event).await
    }

    async fn lease(&self, lease: &InboxLease) -> Result<Vec<OpenEvent>, PortUnavailable> {
        self.port.lease(lease).await
    }

    async fn close(&self, key: &str, call: Option<CallId>, body: ClosedBody) -> Result<(), PortUnavailable> {
        self.port.close(key, call, body).await
    }

    async fn postpone(&self, key: &str, pause: Duration) -> Result<(), PortUnavailable> {
        self.port.postpone(key, pause).await
    }
}

#[async_trait]
impl RecordingStore for Gated<Memory> {
    async fn put(
        &self,
        key: &RecordingKey,
        format: AudioFormat,
        audio: AudioStream,
    ) -> Result<u64, PutError> {
        self.port.put(key, format, audio).await
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        self.pass().await;
        self.port.fetch(key).await
    }

    async fn open(&self, key: &RecordingKey, part: AudioPart) -> Result<Option<OpenAudio>, PortUnavailable> {
        self.pass().await;
        RecordingStore::open(&self.port, key, part).await
    }

    async fn remove(&self, key: &RecordingKey) -> Result<(), PortUnavailable> {
        RecordingStore::remove(&self.port, key).await
    }
}
