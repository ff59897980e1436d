//! What is measured and traced around the ports. Without a setting that asks for it, no port is wrapped.

use std::sync::Arc;

use adapter_http::RequestWatch;
use domain::PlaceCallPorts;
use domain::ports::{
    CallTraces, CallUpdater, CallWatch, Clock, DeliveryQueue, IntentHolds, ProviderRecords, WebhookSender,
};

use crate::metrics::{
    CallCounts, MeasuredContacts, MeasuredDirectory, MeasuredHolds, MeasuredKeys, MeasuredLedger,
    MeasuredLock, MeasuredProvider, MeasuredQueue, MeasuredRecords, MeasuredSender, MeasuredUpdater, Metrics,
    RequestCounts,
};
use crate::traces::{
    LaterSpans, Spans, TracedDirectory, TracedLedger, TracedLock, TracedProvider, TracedRecords, TracedRules,
    TracedSender, TracedUpdater,
};

/// Wraps ports with what observes them.
pub(crate) struct Instruments {
    metrics: Option<Metrics>,
    traces: Option<(Spans, LaterSpans)>,
    /// The voice provider's name, and the host of its API.
    provider: (&'static str, String),
}

impl Instruments {
    /// `traces` finds the traces of calls.
    pub(crate) fn new(
        metrics: Option<Metrics>,
        spans: Option<&Spans>,
        traces: Arc<dyn CallTraces>,
        provider: (&'static str, String),
    ) -> Self {
        let traces = spans.map(|spans| (spans.clone(), LaterSpans::new(spans.clone(), traces)));
        Self { metrics, traces, provider }
    }

    pub(crate) const fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }

    /// The ports that place calls.
    pub(crate) fn ports(&self, ports: PlaceCallPorts) -> PlaceCallPorts {
        self.traced(self.measured(ports))
    }

    fn measured(&self, ports: PlaceCallPorts) -> PlaceCallPorts {
        let Some(metrics) = &self.metrics else { return ports };
        let registry = metrics.registry();
        PlaceCallPorts {
            directory: Arc::new(MeasuredDirectory::new(ports.directory, registry)),
            contacts: Arc::new(MeasuredContacts::new(ports.contacts, registry)),
            ledger: Arc::new(MeasuredLedger::new(ports.ledger, registry)),
            keys: Arc::new(MeasuredKeys::new(ports.keys, registry)),
            lock: Arc::new(MeasuredLock::new(ports.lock, registry)),
            provider: Arc::new(MeasuredProvider::new(ports.provider, registry, self.provider.0)),
            ..ports
        }
    }

    fn traced(&self, ports: PlaceCallPorts) -> PlaceCallPorts {
        let Some((spans, _)) = &self.traces else { return ports };
        let (name, host) = self.provider.clone();
        PlaceCallPorts {
            directory: Arc::new(TracedDirectory::new(ports.directory, spans.clone())),
            ledger: Arc::new(TracedLedger::new(ports.ledger, spans.clone())),
            lock: Arc::new(TracedLock::new(ports.lock, spans.clone())),
            rules: Arc::new(TracedRules::new(ports.rules, spans.clone())),
            provider: Arc::new(TracedProvider::new(ports.provider, spans.clone(), name, host)),
            ..ports
        }
    }

    /// What a duplicate is looked for in: the ledger last, after the lock if that is another store.
    pub(crate) fn holds(&self, mut holds: Vec<Arc<dyn IntentHolds>>) -> Vec<Arc<dyn IntentHolds>> {
        let Some(metrics) = &self.metrics else { return holds };
        let (registry, ledger) = (metrics.registry(), holds.pop());
        let of_lock = holds.into_iter().map(|holds| MeasuredHolds::of_lock(holds, registry));
        let of_ledger = ledger.map(|holds| MeasuredHolds::of_database(holds, registry));
        of_lock.chain(of_ledger).map(|holds| Arc::new(holds) as Arc<dyn IntentHolds>).collect()
    }

    pub(crate) fn queue(&self, queue: Arc<dyn DeliveryQueue>) -> Arc<dyn DeliveryQueue> {
        match &self.metrics {
            Some(metrics) => Arc::new(MeasuredQueue::new(queue, metrics.registry())),
            None => queue,
        }
    }

    /// What sees the HTTP requests.
    pub(crate) fn requests(&self) -> Option<Arc<dyn RequestWatch>> {
        let metrics = self.metrics.clone()?;
        Some(Arc::new(RequestCounts::new(metrics)))
    }

    /// What sees duplicates and refusals.
    pub(crate) fn watch(&self) -> Option<Arc<dyn CallWatch>> {
        let metrics = self.metrics.as_ref()?;
        Some(Arc::new(CallCounts::new(metrics.registry(), self.provider.0)))
    }

    pub(crate) fn records(&self, mut records: Arc<dyn ProviderRecords>) -> Arc<dyn ProviderRecords> {
        if let Some(metrics) = &self.metrics {
            records = Arc::new(MeasuredRecords::new(records, metrics.registry()));
        }
        match &self.traces {
            Some((_, later)) => Arc::new(TracedRecords::new(records, later.clone())),
            None => records,
        }
    }

    pub(crate) fn updater(
        &self,
        mut updater: Arc<dyn CallUpdater>,
        clock: &Arc<dyn Clock>,
    ) -> Arc<dyn CallUpdater> {
        if let Some(metrics) = &self.metrics {
            let registry = metrics.registry();
            updater = Arc::new(MeasuredUpdater::new(updater, clock.clone(), registry, self.provider.0));
        }
        match &self.traces {
            Some((_, later)) => Arc::new(TracedUpdater::new(updater, later.clone())),
            None => updater,
        }
    }

    pub(crate) fn sender(&self, mut sender: Arc<dyn WebhookSender>) -> Arc<dyn WebhookSender> {
        if let Some(metrics) = &self.metrics {
            sender = Arc::new(MeasuredSender::new(sender, metrics.registry()));
        }
        match &self.traces {
            Some((_, later)) => Arc::new(TracedSender::new(sender, later.clone())),
            None => sender,
        }
    }
}
