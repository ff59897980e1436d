use std::collections::HashMap;
use std::time::Duration;

use domain::ports::OldRows;
use domain::{RECORDINGS, Timestamp};
use metrics::{Counter, Gauge};

use super::Metrics;
use super::table::{RETENTION_LAST_RUN, RETENTION_REMOVED};

/// Counts what is removed because of its age.
pub(crate) struct RetentionMetrics {
    removed: HashMap<&'static str, Counter>,
    last_run: Gauge,
}

impl RetentionMetrics {
    /// Shows this time as that of the last run until there is one.
    pub(crate) fn new(metrics: &Metrics, now: Timestamp) -> Self {
        let registry = metrics.registry();
        let kinds = OldRows::ALL.map(OldRows::name).into_iter().chain([RECORDINGS]);
        let removed = kinds.map(|kind| (kind, registry.counter(&RETENTION_REMOVED, &[kind]))).collect();
        let metrics = Self { removed, last_run: registry.gauge(&RETENTION_LAST_RUN, &[]) };
        metrics.has_run(now);
        metrics
    }

    pub(crate) fn has_removed(&self, kind: &'static str, rows: u64) {
        if let Some(counter) = self.removed.get(kind) {
            counter.increment(rows);
        }
    }

    pub(crate) fn has_run(&self, at: Timestamp) {
        let since_epoch = Duration::from_millis(u64::try_from(at.unix_millis()).unwrap_or_default());
        self.last_run.set(since_epoch.as_secs_f64());
    }
}
