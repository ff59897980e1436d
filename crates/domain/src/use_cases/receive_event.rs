//! Taking in what the provider tells of calls.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::store_recording::store_recording;
use crate::ports::{
    CallLookup, CallUpdater, Clock, ClosedBody, ContextCache, EventInbox, IncomingEvent, OpenEvent,
    PortUnavailable, ProviderWebhook, RecordingStore, UnreadableEvent, Unverified, WebhookCredentials,
};
use crate::{Audio, CallId, ConversationContext};

/// Takes the provider's events: first durably into the inbox, then from there into the books. Only what is in the inbox is
/// acknowledged, and what is there comes into the books however often this process dies.
pub struct ReceiveEvent {
    ports: ReceiveEventPorts,
}

/// What receiving events needs of the world.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, whose documentation says everything")]
pub struct ReceiveEventPorts {
    pub webhook: Arc<dyn ProviderWebhook>,
    pub inbox: Arc<dyn EventInbox>,
    pub updater: Arc<dyn CallUpdater>,
    pub contexts: Arc<dyn ContextCache>,
    /// Without it recordings are not kept.
    pub recordings: Option<Arc<dyn RecordingStore>>,
    pub clock: Arc<dyn Clock>,
}

/// Whose event it is.
enum Located {
    /// A call of ours.
    Call(CallId),
    /// A call that came in: the books have none of these.
    CameIn,
    /// Nobody knows yet.
    Nowhere,
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveEventError {
    /// It is not the provider's.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// It is no event.
    #[error(transparent)]
    Unreadable(#[from] UnreadableEvent),
    /// It could not be stored: to be delivered again.
    #[error(transparent)]
    Unavailable(#[from] PortUnavailable),
}

/// What is stored is acknowledged, whether or not its call is found by then: who is answered late counts it as a failure.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(1);
/// How many events are taken from the inbox at once, and for how long.
const BATCH: u32 = 20;
const LEASE_FOR: Duration = Duration::from_secs(60);
/// An event may come before the answer to its own dial. Until then it is looked at again after as long as it has waited.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// The shortest pause before another attempt to store a recording.
const RECORDING_RETRY: Duration = Duration::from_mins(1);
/// After this, nobody will say any more whose event it is. It stays in the inbox, closed.
const WAITS_FOR_ITS_CALL: Duration = Duration::from_hours(24);

impl ReceiveEvent {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(ports: ReceiveEventPorts) -> Self {
        Self { ports }
    }

    /// Refuses an event whose headers show no credentials at all, before its body is read.
    pub fn check_credentials(&self, credentials: &WebhookCredentials) -> Result<(), Unverified> {
        if self.ports.webhook.has_credentials(credentials) { Ok(()) } else { Err(Unverified) }
    }

    /// Takes one delivery, and says which call it speaks of if that is known already. When this returns, the event is stored.
    pub async fn receive(
        &self,
        credentials: &WebhookCredentials,
        body: &[u8],
    ) -> Result<Option<CallId>, ReceiveEventError> {
        let now = self.ports.clock.now();
        self.ports.webhook.verify(credentials, body, now)?;
        let event = self.ports.webhook.read(body, now)?;
        let incoming = IncomingEvent { key: &event.key, kind: &event.kind, body, received_at: now };
        self.ports.inbox.accept(&incoming).await?;
        let located = pin!(self.locate(&event.lookup));
        let overdue = pin!(self.ports.clock.sleep(LOOKED_UP_WITHIN));
        match select(located, overdue).await {
            Either::Left((Ok(Located::Call(call_id)), _)) => Ok(Some(call_id)),
            Either::Left((Ok(Located::CameIn | Located::Nowhere), _)) => Ok(None),
            Either::Left((Err(error), _)) => {
                tracing::warn!(%error, "an event is stored, and its call was not looked up");
                Ok(None)
            }
            Either::Right(_) => {
                tracing::warn!("an event is stored, and its call was not found in time for the answer");
                Ok(None)
            }
        }
    }

    /// Brings open events into the books; says how many it looked at. To be called until there are none, by any number of
    /// processes at once.
    pub async fn apply_open(&self) -> Result<usize, PortUnavailable> {
        let mut events = self.ports.inbox.lease(BATCH, LEASE_FOR).await?;
        // What is large comes last: it is recordings, and theirs is a store that all others would wait for.
        events.sort_by_key(|event| event.body.len());
        // One that cannot be applied now must not hold up the others: it is claimed again when its lease has run out.
        let mut failure = None;
        for event in &events {
            failure = self.apply(event).await.err().or(failure);
        }
        failure.map_or(Ok(events.len()), Err)
    }

    async fn apply(&self, event: &OpenEvent) -> Result<(), PortUnavailable> {
        let Ok(read) = self.ports.webhook.read(&event.body, event.received_at) else {
            // It was read when it was received: a newer or older program accepted it.
            tracing::error!("an event in the inbox cannot be read by this program");
            return self.ports.inbox.postpone(&event.key, LONGEST_PAUSE).await;
        };
        let body = if read.recording.is_some() { ClosedBody::Dropped } else { ClosedBody::Kept };
        let call_id = match self.locate(&read.lookup).await? {
            Located::Call(call_id) => {
                if let Some(update) = &read.update {
                    self.ports.updater.merge(&call_id, update).await?;
                }
                if let Some(audio) = read.recording
                    && let Err(error) = self.store_recording(&call_id, audio).await
                {
                    let pause = self.waited(event).clamp(RECORDING_RETRY, LONGEST_PAUSE);
                    let pause_secs = pause.as_secs();
                    tracing::warn!(%error, call.id = %call_id, pause_secs, "could not store a recording; its event stays in the inbox");
                    return self.ports.inbox.postpone(&event.key, pause).await;
                }
                Some(call_id)
            }
            Located::CameIn => None,
            Located::Nowhere => {
                let waited = self.waited(event);
                if (read.update.is_some() || read.recording.is_some()) && waited < WAITS_FOR_ITS_CALL {
                    let pause = waited.clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
                    return self.ports.inbox.postpone(&event.key, pause).await;
                }
                None
            }
        };
        self.ports.inbox.close(&event.key, call_id, body).await
    }

    /// How long an event has been in the inbox.
    fn waited(&self, event: &OpenEvent) -> Duration {
        self.ports.clock.now().since(event.received_at)
    }

    /// Stores a recording, unless the gateway keeps none.
    async fn store_recording(&self, call_id: &CallId, audio: Audio) -> Result<(), PortUnavailable> {
        let Some(store) = &self.ports.recordings else { return Ok(()) };
        let (updater, clock) = (self.ports.updater.as_ref(), self.ports.clock.as_ref());
        store_recording(store.as_ref(), updater, clock, call_id, audio).await
    }

    async fn locate(&self, lookup: &CallLookup) -> Result<Located, PortUnavailable> {
        if let Some(conversation_id) = &lookup.conversation_id {
            match self.ports.contexts.find(conversation_id).await {
                Ok(Some(ConversationContext::Outbound(context))) => {
                    return Ok(Located::Call(context.identity.call_id));
                }
                Ok(Some(ConversationContext::Inbound(_))) => return Ok(Located::CameIn),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "the context cache is away; the books are asked"),
            }
        }
        Ok(self.ports.updater.locate(lookup).await?.map_or(Located::Nowhere, Located::Call))
    }
}
