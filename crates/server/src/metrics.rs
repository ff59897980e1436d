//! Metrics for Prometheus: what is counted, where it is counted, and the port that serves it.
//!
//! The recorder belongs to one gateway and is not the global one of the crate `metrics`, so that two
//! gateways in one process do not mix. Without `OUTDIAL_METRICS_BIND` there is none, and no port is
//! wrapped.

mod call_watch;
mod calls;
mod deliveries;
mod ledger;
mod operation;
mod reports;
mod requests;
mod retention;
mod serve;
mod stores;
mod table;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use domain::ports::Clock;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _, SharedString};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use metrics_process::Collector;

pub(crate) use self::call_watch::CallCounts;
pub(crate) use self::calls::{MeasuredLock, MeasuredProvider};
pub(crate) use self::deliveries::{MeasuredQueue, MeasuredSender};
pub(crate) use self::ledger::LedgerGauges;
pub(crate) use self::reports::{MeasuredRecords, MeasuredUpdater};
pub(crate) use self::requests::RequestCounts;
pub(crate) use self::retention::RetentionMetrics;
pub(crate) use self::serve::serve;
pub(crate) use self::stores::{
    MeasuredContacts, MeasuredDirectory, MeasuredHolds, MeasuredKeys, MeasuredLedger,
};
use self::table::{BUILD_INFO, DRAINING, Kind};
pub(crate) use self::table::{IN_FLIGHT, POOL_CONNECTIONS, POOL_MOST, POOL_WAITING, STORE_UP};
pub use self::table::{METRICS, Metric};

/// The metrics of one gateway. Clones share them.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Shared>);

struct Shared {
    registry: Registry,
    process: Collector,
    draining: Gauge,
    drains_since: OnceLock<Instant>,
    /// The gauges of the ledger, while this process has the lease to measure it.
    ledger: Arc<LedgerGauges>,
    /// What the process knows without any I/O. Read when the metrics are.
    samples: Mutex<Vec<Sample>>,
}

type Sample = Box<dyn Fn() + Send + Sync>;

/// Creates metrics of the table.
pub(crate) struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Registry {
    pub(crate) fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for metric in METRICS {
            if let Kind::Histogram(buckets) = metric.kind {
                let matcher = Matcher::Full(metric.name.to_owned());
                builder = builder.set_buckets_for_metric(matcher, buckets).expect("it has buckets");
            }
        }
        let recorder = builder.build_recorder();
        Self { handle: recorder.handle(), recorder }
    }

    /// A counter with these values of its labels, in the order of the table.
    pub(crate) fn counter(&self, metric: &Metric, values: &[&'static str]) -> Counter {
        self.describe(metric);
        self.recorder.register_counter(&key(metric, values), &METADATA)
    }

    /// Describes a counter whose labels have values that are not known yet.
    pub(crate) fn describe(&self, metric: &Metric) {
        debug_assert_eq!(metric.kind, Kind::Counter);
        self.recorder.describe_counter(metric.name.into(), None, metric.help.into());
    }

    /// A counter that was described, with values that are known now.
    pub(crate) fn counter_of<const N: usize>(&self, metric: &Metric, values: [SharedString; N]) -> Counter {
        debug_assert_eq!(metric.labels.len(), N, "{}", metric.name);
        let labels = metric.labels.iter().zip(values).map(|(name, value)| Label::new(*name, value));
        let key = Key::from_parts(metric.name, labels.collect::<Vec<_>>());
        self.recorder.register_counter(&key, &METADATA)
    }

    pub(crate) fn gauge(&self, metric: &Metric, values: &[&'static str]) -> Gauge {
        debug_assert_eq!(metric.kind, Kind::Gauge);
        self.recorder.describe_gauge(metric.name.into(), None, metric.help.into());
        self.recorder.register_gauge(&key(metric, values), &METADATA)
    }

    pub(crate) fn histogram(&self, metric: &Metric, values: &[&'static str]) -> Histogram {
        debug_assert!(matches!(metric.kind, Kind::Histogram(_)));
        self.recorder.describe_histogram(metric.name.into(), None, metric.help.into());
        self.recorder.register_histogram(&key(metric, values), &METADATA)
    }

    /// The metrics in the text format of Prometheus.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }
}

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

fn key(metric: &Metric, values: &[&'static str]) -> Key {
    debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
    let labels = metric.labels.iter().zip(values).map(|(name, value)| Label::from_static_parts(name, value));
    Key::from_parts(metric.name, labels.collect::<Vec<_>>())
}

impl Metrics {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let registry = Registry::new();
        registry.gauge(&BUILD_INFO, &[env!("CARGO_PKG_VERSION")]).set(1.0);
        let process = Collector::default();
        metrics::with_local_recorder(&registry.recorder, || process.describe());
        let draining = registry.gauge(&DRAINING, &[]);
        let ledger = Arc::new(LedgerGauges::new(clock));
        let (drains_since, samples) = (OnceLock::new(), Mutex::default());
        Self(Arc::new(Shared { registry, process, draining, drains_since, ledger, samples }))
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The gauges of the ledger.
    pub(crate) fn ledger(&self) -> &Arc<LedgerGauges> {
        &self.0.ledger
    }

    /// Sets gauges with this function each time the metrics are read. It does no I/O.
    pub(crate) fn sample(&self, sample: impl Fn() + Send + Sync + 'static) {
        self.samples().push(Box::new(sample));
    }

    pub(crate) fn start_draining(&self) {
        self.0.drains_since.get_or_init(Instant::now);
    }

    /// Everything in the text format of Prometheus.
    pub(crate) fn render(&self) -> String {
        let Shared { registry, process, draining, drains_since, ledger, .. } = &*self.0;
        self.samples().iter().for_each(|sample| sample());
        draining.set(drains_since.get().map_or(0.0, |since| since.elapsed().as_secs_f64()));
        metrics::with_local_recorder(&registry.recorder, || process.collect());
        let mut text = registry.render();
        if let Some(of_ledger) = ledger.render() {
            text.push_str(&of_ledger);
        }
        text
    }

    /// Moves what histograms have collected into their buckets. Without it they grow while nothing reads
    /// the metrics.
    pub(crate) fn keep_up(&self) {
        self.0.registry.handle.run_upkeep();
    }

    fn samples(&self) -> MutexGuard<'_, Vec<Sample>> {
        // A sample that panicked has set fewer gauges.
        self.0.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
