//! What is measured around the ports. Without a setting that asks for it, no port is wrapped.

use std::sync::Arc;

use domain::PlaceCallPorts;
use domain::ports::{CallUpdater, CallWatch, Clock, ProviderRecords, WebhookSender};

use crate::metrics::{
    CallCounts, MeasuredDirectory, MeasuredLedger, MeasuredLock, MeasuredProvider, MeasuredRecords,
    MeasuredSender, MeasuredUpdater, Metrics,
};

/// Wraps ports with what observes them.
pub(crate) struct Instruments {
    metrics: Option<Metrics>,
    /// The voice provider's name.
    provider: &'static str,
}

impl Instruments {
    pub(crate) const fn new(metrics: Option<Metrics>, provider: &'static str) -> Self {
        Self { metrics, provider }
    }

    pub(crate) const fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }

    /// The ports that place calls.
    pub(crate) fn ports(&self, ports: PlaceCallPorts) -> PlaceCallPorts {
        let Some(metrics) = &self.metrics else { return ports };
        let registry = metrics.registry();
        PlaceCallPorts {
            directory: Arc::new(MeasuredDirectory::new(ports.directory, registry)),
            ledger: Arc::new(MeasuredLedger::new(ports.ledger, registry)),
            lock: Arc::new(MeasuredLock::new(ports.lock, registry)),
            provider: Arc::new(MeasuredProvider::new(ports.provider, registry, self.provider)),
            ..ports
        }
    }

    /// What sees duplicates and refusals.
    pub(crate) fn watch(&self) -> Option<Arc<dyn CallWatch>> {
        let metrics = self.metrics.as_ref()?;
        Some(Arc::new(CallCounts::new(metrics.registry(), self.provider)))
    }

    pub(crate) fn records(&self, records: Arc<dyn ProviderRecords>) -> Arc<dyn ProviderRecords> {
        match &self.metrics {
            Some(metrics) => Arc::new(MeasuredRecords::new(records, metrics.registry())),
            None => records,
        }
    }

    pub(crate) fn updater(
        &self,
        updater: Arc<dyn CallUpdater>,
        clock: &Arc<dyn Clock>,
    ) -> Arc<dyn CallUpdater> {
        let Some(metrics) = &self.metrics else { return updater };
        Arc::new(MeasuredUpdater::new(updater, clock.clone(), metrics.registry(), self.provider))
    }

    pub(crate) fn sender(&self, sender: Arc<dyn WebhookSender>) -> Arc<dyn WebhookSender> {
        match &self.metrics {
            Some(metrics) => Arc::new(MeasuredSender::new(sender, metrics.registry())),
            None => sender,
        }
    }
}
