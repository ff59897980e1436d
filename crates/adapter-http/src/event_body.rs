//! The body of an event, kept in memory as long as it is not too large.

use domain::ports::{LargeEvent, WebhookCredentials};
use domain::{CallId, ReceiveEvent, ReceiveEventError, RequestSource};

/// The largest body that is kept in memory, in bytes. It has a recording of about 18 minutes.
pub const EVENT_BODY_LIMIT: usize = 16 * 1024 * 1024;

/// The body of an event so far.
pub(crate) enum EventBody {
    Kept(Vec<u8>),
    /// It is hashed, and only what identifies the event is kept. Its size has no limit but the time
    /// in which it must arrive.
    Large(Box<dyn LargeEvent>),
}

impl EventBody {
    pub(crate) const fn new() -> Self {
        Self::Kept(Vec::new())
    }

    /// How many bytes are kept after a chunk of this size.
    pub(crate) fn len_after(&self, chunk: &[u8]) -> usize {
        match self {
            Self::Kept(bytes) => bytes.len() + chunk.len(),
            Self::Large(_) => 0,
        }
    }

    /// Adds a chunk, or returns why this event must not be larger.
    pub(crate) fn add(
        &mut self,
        chunk: &[u8],
        receive_event: &ReceiveEvent,
        source: &RequestSource,
        credentials: &WebhookCredentials,
    ) -> Result<(), ReceiveEventError> {
        let is_too_large = self.len_after(chunk) > EVENT_BODY_LIMIT;
        match self {
            Self::Large(event) => event.receive(chunk),
            Self::Kept(bytes) if is_too_large => {
                let mut event = receive_event.start_large(source, credentials)?;
                event.receive(bytes);
                event.receive(chunk);
                *self = Self::Large(event);
            }
            Self::Kept(bytes) => bytes.extend_from_slice(chunk),
        }
        Ok(())
    }

    /// Stores the event if the provider sent it. Returns its call, if that is already known.
    pub(crate) async fn store(
        self,
        receive_event: &ReceiveEvent,
        source: &RequestSource,
        credentials: &WebhookCredentials,
    ) -> Result<Option<CallId>, ReceiveEventError> {
        match self {
            Self::Kept(body) => receive_event.receive(source, credentials, &body).await,
            Self::Large(event) => receive_event.receive_large(source, event).await,
        }
    }
}
