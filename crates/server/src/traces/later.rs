//! What follows a call, some of it days later: traces of their own, linked to the booking of the call.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{
    CallLookup, CallTraces, CallUpdater, KnownParties, KnownPartiesQuery, PortUnavailable, ProviderLookup,
    ProviderRecords, SendOutcome, UrlRefusal, WebhookSender,
};
use domain::{CallId, CallIdentity, CallUpdate, DueDelivery, Recording, TestEvent, Timestamp, WebhookUrl};
use opentelemetry::trace::SpanKind;

use super::{Spans, Step};

/// Begins spans about a call.
#[derive(Clone)]
pub(crate) struct LaterSpans {
    spans: Spans,
    traces: Arc<dyn CallTraces>,
}

impl LaterSpans {
    pub(crate) fn new(spans: Spans, traces: Arc<dyn CallTraces>) -> Self {
        Self { spans, traces }
    }

    /// A call that was booked without a trace, or by a store that is unavailable now, gets no link.
    async fn start(&self, name: &'static str, kind: SpanKind, call_id: &CallId) -> Step {
        let call = self.traces.trace_of(call_id).await.ok().flatten();
        let step = self.spans.start_linked(name, kind, call.as_ref());
        step.set("outdial.call.id", call_id.to_string());
        step
    }
}

/// Traces how reports are merged into calls.
pub(crate) struct TracedUpdater {
    updater: Arc<dyn CallUpdater>,
    spans: LaterSpans,
}

impl TracedUpdater {
    pub(crate) fn new(updater: Arc<dyn CallUpdater>, spans: LaterSpans) -> Self {
        Self { updater, spans }
    }
}

#[async_trait]
impl CallUpdater for TracedUpdater {
    async fn locate(&self, lookup: &CallLookup) -> Result<Option<CallId>, PortUnavailable> {
        self.updater.locate(lookup).await
    }

    async fn identity(&self, call_id: &CallId) -> Result<Option<CallIdentity>, PortUnavailable> {
        self.updater.identity(call_id).await
    }

    async fn known_parties(&self, query: &KnownPartiesQuery) -> Result<KnownParties, PortUnavailable> {
        self.updater.known_parties(query).await
    }

    async fn merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), PortUnavailable> {
        let step = self.spans.start("merge", SpanKind::Consumer, call_id).await;
        step.check(step.run(self.updater.merge(call_id, update)).await)
    }

    async fn attach_recording(&self, call_id: &CallId, recording: &Recording) -> Result<(), PortUnavailable> {
        let step = self.spans.start("attach recording", SpanKind::Consumer, call_id).await;
        step.check(step.run(self.updater.attach_recording(call_id, recording)).await)
    }
}

/// Traces questions to the provider about a call.
pub(crate) struct TracedRecords {
    records: Arc<dyn ProviderRecords>,
    spans: LaterSpans,
}

impl TracedRecords {
    pub(crate) fn new(records: Arc<dyn ProviderRecords>, spans: LaterSpans) -> Self {
        Self { records, spans }
    }
}

#[async_trait]
impl ProviderRecords for TracedRecords {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        let step = self.spans.start("reconcile", SpanKind::Client, &lookup.call_id).await;
        let found = step.check(step.run(self.records.find(lookup)).await)?;
        step.set("outdial.found", found.is_some());
        Ok(found)
    }
}

/// Traces attempts to deliver call events. The URL and its host are not in the span: they are secrets.
pub(crate) struct TracedSender {
    sender: Arc<dyn WebhookSender>,
    spans: LaterSpans,
}

impl TracedSender {
    pub(crate) fn new(sender: Arc<dyn WebhookSender>, spans: LaterSpans) -> Self {
        Self { sender, spans }
    }
}

#[async_trait]
impl WebhookSender for TracedSender {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefusal> {
        self.sender.check(url).await
    }

    async fn send(&self, delivery: &DueDelivery, now: Timestamp) -> SendOutcome {
        let event = &delivery.event;
        let step = self.spans.start("deliver", SpanKind::Client, &event.identity.call_id).await;
        step.set("outdial.event", event.kind.as_str());
        step.set("outdial.attempt", i64::from(delivery.attempt));
        let outcome = step.run(self.sender.send(delivery, now)).await;
        if let SendOutcome::Failed { .. } = outcome {
            step.fail("failed");
        }
        outcome
    }

    async fn send_test(&self, event: &TestEvent, now: Timestamp) -> SendOutcome {
        self.sender.send_test(event, now).await
    }
}
