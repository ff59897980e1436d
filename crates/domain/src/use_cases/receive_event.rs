//! Receiving the provider's events and merging them into the ledger.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::request_source::{NoSource, RequestSource, RequestSources};
use super::store_recording::store_recording;
use super::truncation::warn_of_truncation;
use crate::ports::{
    CallLookup, CallUpdater, Clock, ClosedBody, ContextCache, EventInbox, InboxLease, IncomingEvent,
    KnownPartiesQuery, LargeEvent, OpenEvent, PortUnavailable, ProviderEvent, ProviderWebhook, PutError,
    RecordingStore, UnreadableEvent, Unverified, VendorAccounts, WebhookCredentials,
};
use crate::{Audio, CallId, ConversationContext, InboundContext, OrganizationId, RecordOptOut, Timestamp};

/// Receives the provider's events: first into the durable inbox, then from there into the ledger.
/// Only a stored event is acknowledged, and a stored event is merged however often this process
/// dies.
pub struct ReceiveEvent {
    ports: ReceiveEventPorts,
    accounts: Option<Arc<dyn VendorAccounts>>,
}

/// The ports that receiving events needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct ReceiveEventPorts {
    pub webhook: Arc<dyn ProviderWebhook>,
    pub inbox: Arc<dyn EventInbox>,
    pub updater: Arc<dyn CallUpdater>,
    pub contexts: Arc<dyn ContextCache>,
    /// Records the opt-outs of events whose call is not one that we placed. The updater records the
    /// others.
    pub opt_outs: Arc<RecordOptOut>,
    /// Without it, recordings are not stored.
    pub recordings: Option<Arc<dyn RecordingStore>>,
    pub clock: Arc<dyn Clock>,
}

/// The call that an event is about.
enum Located {
    /// A call that we placed.
    Call(CallId),
    /// An inbound call: the ledger has none of these.
    Inbound(Box<InboundContext>),
    /// A call of another system that uses the same account of the provider.
    Foreign,
    /// Not known yet.
    Unknown,
}

/// Why an event was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveEventError {
    /// The provider did not send it.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// It is not an event.
    #[error(transparent)]
    Unreadable(#[from] UnreadableEvent),
    /// It is too large to be stored, and carries no recording that could be left out.
    #[error("the event is too large")]
    TooLarge,
    /// It could not be stored; the provider must deliver it again.
    #[error(transparent)]
    Unavailable(#[from] PortUnavailable),
}

/// Acknowledge once the event is stored, even if the call lookup is still running: the provider
/// treats a slow response as a failure.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(1);
/// How many events one batch leases, and for how long.
const BATCH: u32 = 20;
const LEASE_FOR: Duration = Duration::from_secs(60);
/// Events younger than this are applied before those that have waited for their call.
const RECENT: Duration = Duration::from_mins(1);
/// An event without an id of ours, whose agent is not known, may still belong to a call booked
/// within this time: the agent may have been replaced since.
const NUMBERS_KNOWN_FOR: Duration = Duration::from_hours(48);
/// An event may arrive before the outcome of its dial. Until its call is found, it waits as long
/// again as it has waited.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// After a store failed, an event waits as long again as it has waited, but not longer than this. A
/// short failure then delays it by seconds and not by its whole lease, and an event that fails every
/// time does not take the place of the others in every batch.
const LONGEST_PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);
/// The shortest pause before another attempt to store a recording.
const RECORDING_RETRY: Duration = Duration::from_mins(1);
/// After this time the call will not be found any more. The event is closed and stays in the inbox.
const CALL_LOOKUP_GIVEN_UP_AFTER: Duration = Duration::from_hours(24);

impl ReceiveEvent {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(ports: ReceiveEventPorts) -> Self {
        Self { ports, accounts: None }
    }

    /// Receives events that the secrets of organizations verify, too.
    #[must_use]
    pub fn with_accounts(self, accounts: Arc<dyn VendorAccounts>) -> Self {
        Self { accounts: Some(accounts), ..self }
    }

    /// What verifies an event that came to the path of this organization, or to the path for all.
    /// Refuses an event that its headers alone show to be unverified, before its body is read.
    pub async fn source(
        &self,
        organization_id: Option<&OrganizationId>,
        credentials: &WebhookCredentials,
    ) -> Result<RequestSource, ReceiveEventError> {
        let sources = RequestSources { gateway: self.ports.webhook.clone(), accounts: self.accounts.clone() };
        let source = sources.of(organization_id, credentials).await?;
        source.check_headers(credentials, self.ports.clock.now())?;
        Ok(source)
    }

    /// Stores one event and returns its call if that is already known. When this returns `Ok`, the
    /// event is stored. An event of another system is closed here if there is time, so that a burst
    /// of them leaves nothing for the workers.
    pub async fn receive(
        &self,
        source: &RequestSource,
        credentials: &WebhookCredentials,
        body: &[u8],
    ) -> Result<Option<CallId>, ReceiveEventError> {
        let now = self.ports.clock.now();
        source.webhook.verify(credentials, body, now)?;
        self.store(source, body, now).await
    }

    /// Starts to receive an event that is too large to be held in memory.
    pub fn start_large(
        &self,
        source: &RequestSource,
        credentials: &WebhookCredentials,
    ) -> Result<Box<dyn LargeEvent>, ReceiveEventError> {
        source.webhook.receive_large(credentials).ok_or(ReceiveEventError::TooLarge)
    }

    /// Stores a large event without its recording, which is fetched later. When this returns `Ok`,
    /// it is stored as by [`receive`](Self::receive).
    pub async fn receive_large(
        &self,
        source: &RequestSource,
        event: Box<dyn LargeEvent>,
    ) -> Result<Option<CallId>, ReceiveEventError> {
        let now = self.ports.clock.now();
        let body = event.finish(now)?.ok_or(ReceiveEventError::TooLarge)?;
        self.store(source, &body, now).await
    }

    /// Stores a verified event.
    async fn store(
        &self,
        source: &RequestSource,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<CallId>, ReceiveEventError> {
        let mut event = self.ports.webhook.read(body, now)?;
        let organization_id = source.organization_id.as_ref();
        if let Some(organization_id) = organization_id {
            // An organization that sends the event of another one first must not make it known.
            event.key = format!("{organization_id}/{}", event.key);
        }
        let incoming =
            IncomingEvent { key: &event.key, kind: &event.kind, body, received_at: now, organization_id };
        self.ports.inbox.accept(&incoming).await?;
        let located = pin!(self.locate_or_close(&event, organization_id, now));
        let overdue = pin!(self.ports.clock.sleep(LOOKUP_TIMEOUT));
        match select(located, overdue).await {
            Either::Left((Ok(call_id), _)) => Ok(call_id),
            Either::Left((Err(error), _)) => {
                tracing::warn!(%error, "stored an event, but could not look up its call; it is looked up again later");
                Ok(None)
            }
            Either::Right(_) => {
                tracing::warn!(
                    "stored an event, but looking up its call took too long; it is looked up again later"
                );
                Ok(None)
            }
        }
    }

    async fn locate_or_close(
        &self,
        event: &ProviderEvent,
        organization_id: Option<&OrganizationId>,
        received_at: Timestamp,
    ) -> Result<Option<CallId>, PortUnavailable> {
        match self.locate(event, organization_id, received_at).await? {
            Located::Call(call_id) => Ok(Some(call_id)),
            Located::Inbound(_) | Located::Unknown => Ok(None),
            Located::Foreign => {
                self.ports.inbox.close(&event.key, None, closed_body(event)).await?;
                Ok(None)
            }
        }
    }

    /// Merges open events into the ledger and returns how many it processed. Any number of
    /// processes may call it, until it returns 0.
    pub async fn apply_open(&self) -> Result<usize, PortUnavailable> {
        let leased_at = self.ports.clock.now();
        let lease = InboxLease { recent_since: leased_at.before(RECENT), limit: BATCH, lease_for: LEASE_FOR };
        let mut events = self.ports.inbox.lease(&lease).await?;
        // Large events are recordings. They come last, so that a slow recording store does not
        // delay the others.
        events.sort_by_key(|event| event.body.len());
        // An event that fails must not delay the others: it is given back and leased again.
        let mut failure = None;
        for event in &events {
            if let Err(error) = self.apply(event).await {
                self.give_back(event, leased_at).await;
                failure = Some(error);
            }
        }
        failure.map_or(Ok(events.len()), Err)
    }

    /// Ends the lease of an event that could not be applied. Attempted once: if the inbox is
    /// unavailable too, the lease expires.
    async fn give_back(&self, event: &OpenEvent, leased_at: Timestamp) {
        // A lease that has expired may be another worker's by now.
        if self.ports.clock.now().since(leased_at) >= LEASE_FOR {
            return;
        }
        let pause = self.waited(event).clamp(SHORTEST_PAUSE, LONGEST_PAUSE_AFTER_FAILURE);
        if let Err(error) = self.ports.inbox.postpone(&event.key, pause).await {
            tracing::warn!(%error, "could not give back a provider event; it is leased again after its lease has expired");
        }
    }

    async fn apply(&self, event: &OpenEvent) -> Result<(), PortUnavailable> {
        let Ok(read) = self.ports.webhook.read(&event.body, event.received_at) else {
            // It was readable when it was received, so another release of the gateway accepted it.
            tracing::error!("an event in the inbox cannot be read by this release; it stays open");
            return self.ports.inbox.postpone(&event.key, LONGEST_PAUSE).await;
        };
        let body = closed_body(&read);
        let call_id = match self.locate(&read, event.organization_id.as_ref(), event.received_at).await? {
            Located::Call(call_id) => {
                if let Some(update) = &read.update {
                    self.ports.updater.merge(&call_id, update).await?;
                    warn_of_truncation(&call_id, &update.content);
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
            Located::Inbound(context) => {
                if let Some(update) = &read.update {
                    self.ports.opt_outs.by_inbound(*context, update).await?;
                }
                None
            }
            Located::Foreign => None,
            Located::Unknown => {
                let waited = self.waited(event);
                if reports_something(&read) && waited < CALL_LOOKUP_GIVEN_UP_AFTER {
                    let pause = waited.clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
                    return self.ports.inbox.postpone(&event.key, pause).await;
                }
                if let Some(update) = &read.update {
                    self.ports.opt_outs.by_unmatched(update).await?;
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
    async fn store_recording(&self, call_id: &CallId, audio: Audio) -> Result<(), PutError> {
        let Some(store) = &self.ports.recordings else { return Ok(()) };
        let (updater, clock) = (self.ports.updater.as_ref(), self.ports.clock.as_ref());
        let Audio { format, bytes } = audio;
        store_recording(store.as_ref(), updater, clock, call_id, (format, bytes.into())).await
    }

    /// The call that an event is about. An event that an organization's own secret verified is foreign
    /// unless the call, and the conversation that it names, are of this organization.
    async fn locate(
        &self,
        event: &ProviderEvent,
        organization_id: Option<&OrganizationId>,
        received_at: Timestamp,
    ) -> Result<Located, PortUnavailable> {
        let located = self.locate_any(event, received_at).await?;
        let Some(organization_id) = organization_id else { return Ok(located) };
        let is_ours = match &located {
            Located::Call(call_id) => {
                let updater = &self.ports.updater;
                let by_conversation = CallLookup {
                    conversation_id: event.lookup.conversation_id.clone(),
                    ..CallLookup::default()
                };
                // Another call's conversation would bring its transcript and recording to this call.
                let of_conversation = updater.locate(&by_conversation).await?;
                let identity = updater.identity(call_id).await?;
                of_conversation.is_none_or(|found| found == *call_id)
                    && identity.is_some_and(|identity| identity.organization_id == *organization_id)
            }
            Located::Inbound(context) => context.organization_id == *organization_id,
            Located::Foreign | Located::Unknown => true,
        };
        Ok(if is_ours { located } else { Located::Foreign })
    }

    async fn locate_any(
        &self,
        event: &ProviderEvent,
        received_at: Timestamp,
    ) -> Result<Located, PortUnavailable> {
        let lookup = &event.lookup;
        if let Some(conversation_id) = &lookup.conversation_id {
            match self.ports.contexts.find(conversation_id).await {
                Ok(Some(ConversationContext::Outbound(context))) => {
                    return Ok(Located::Call(context.identity.call_id));
                }
                Ok(Some(ConversationContext::Inbound(context))) => {
                    return Ok(Located::Inbound(Box::new(context)));
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "the context cache is unavailable; looking up the call in the ledger")
                }
            }
        }
        if let Some(call_id) = self.ports.updater.locate(lookup).await? {
            return Ok(Located::Call(call_id));
        }
        let is_foreign = reports_something(event) && self.is_foreign(event, received_at).await?;
        Ok(if is_foreign { Located::Foreign } else { Located::Unknown })
    }

    /// Whether an event, whose call was not found, is about a call of another system. An event of
    /// ours may arrive before the outcome of its dial, and never before its call is in the ledger.
    async fn is_foreign(
        &self,
        event: &ProviderEvent,
        received_at: Timestamp,
    ) -> Result<bool, PortUnavailable> {
        let origin = &event.origin;
        if event.lookup.call_id.is_some() || origin.has_other_id {
            return Ok(true);
        }
        let Some(provider_agent_id) = origin.provider_agent_id.clone() else { return Ok(false) };
        let booked_since = received_at.before(NUMBERS_KNOWN_FOR);
        let query = KnownPartiesQuery { provider_agent_id, numbers: origin.numbers.clone(), booked_since };
        let known = self.ports.updater.known_parties(&query).await?;
        Ok(!known.agent && !known.numbers)
    }
}

impl From<NoSource> for ReceiveEventError {
    fn from(none: NoSource) -> Self {
        match none {
            NoSource::Unverified(unverified) => unverified.into(),
            NoSource::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

fn reports_something(event: &ProviderEvent) -> bool {
    event.update.is_some() || event.recording.is_some()
}

const fn closed_body(event: &ProviderEvent) -> ClosedBody {
    if event.recording.is_some() { ClosedBody::Dropped } else { ClosedBody::Kept }
}
