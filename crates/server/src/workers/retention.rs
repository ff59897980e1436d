//! Removing old data, in one replica at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::RemoveOldData;
use domain::ports::{Clock, Job, JobLeases, PortUnavailable};
use tokio_util::sync::CancellationToken;

use super::leased::LeasedJob;
use super::{Schedule, Workers};
use crate::metrics::RetentionMetrics;

/// The time from one run to the next one.
const RUN_INTERVAL: Duration = Duration::from_hours(1);
/// How often each replica tries to lease the job, and its holder renews the lease between two runs.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// How long after the death of its holder another replica takes the job over.
const LEASE_FOR: Duration = Duration::from_secs(60);
/// The lease is renewed during a run when this time has passed.
const RENEW_AFTER: Duration = Duration::from_secs(20);
/// The pause after each batch, for the calls.
const PAUSE: Duration = Duration::from_millis(100);

/// What a run needs.
pub(crate) struct Retention {
    pub(crate) remove: RemoveOldData,
    pub(crate) leases: Arc<dyn JobLeases>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Option<RetentionMetrics>,
}

struct Remover {
    retention: Retention,
    lease: LeasedJob,
    stop: CancellationToken,
    /// On the monotonic clock: the end of the last run while this process had the lease.
    last_run: Mutex<Option<Duration>>,
}

impl Workers {
    /// Removes old data while no other replica does. A stop ends a run after its batch, and gives the lease
    /// back.
    pub(crate) fn remove_old_data(&self, retention: Retention) {
        let lease = LeasedJob::new(retention.leases.clone(), Job::RemoveOldData, LEASE_FOR);
        let stop = self.stop.clone();
        let remover = Arc::new(Remover { retention, lease, stop: stop.clone(), last_run: Mutex::default() });
        let last = remover.clone();
        let failure = "could not lease the removal of old data; trying again later";
        self.repeat(Schedule::every(POLL_INTERVAL), failure, move || {
            let remover = remover.clone();
            async move { remover.run_if_due().await.map(|()| 0) }
        });
        self.tasks.spawn(async move {
            stop.cancelled().await;
            last.lease.give_back().await;
        });
    }
}

impl Remover {
    async fn run_if_due(&self) -> Result<(), PortUnavailable> {
        if self.stop.is_cancelled() {
            return Ok(());
        }
        if !self.lease.is_ours().await? {
            *self.last_run() = None;
            return Ok(());
        }
        let now = self.retention.clock.monotonic();
        let is_due = self.last_run().is_none_or(|last| now >= last.saturating_add(RUN_INTERVAL));
        if is_due && self.run().await? {
            *self.last_run() = Some(self.retention.clock.monotonic());
        }
        Ok(())
    }

    /// Returns whether the run is over, and need not be repeated soon. A kind that fails does not keep the
    /// others.
    async fn run(&self) -> Result<bool, PortUnavailable> {
        let Retention { remove, clock, metrics, .. } = &self.retention;
        let (mut run, mut renewed_at, mut has_failed) = (remove.begin(), clock.monotonic(), false);
        let mut removed: BTreeMap<&str, u64> = BTreeMap::new();
        loop {
            match remove.next_batch(&mut run).await {
                Ok(None) => break,
                Ok(Some(batch)) => {
                    *removed.entry(batch.kind).or_default() += batch.rows;
                    if let Some(metrics) = metrics {
                        metrics.has_removed(batch.kind, batch.rows);
                    }
                }
                Err(error) => {
                    let kind = run.kind().unwrap_or_default();
                    tracing::warn!(kind, %error, "could not remove old data; the next run tries again");
                    has_failed = true;
                    run.skip();
                }
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(false),
                () = tokio::time::sleep(PAUSE) => {}
            }
            if clock.monotonic() >= renewed_at.saturating_add(RENEW_AFTER) {
                renewed_at = clock.monotonic();
                if !self.lease.is_ours().await? {
                    return Ok(false);
                }
            }
        }
        for (kind, rows) in removed.into_iter().filter(|(_, rows)| *rows > 0) {
            tracing::info!(kind, rows, "removed old data");
        }
        if !has_failed && let Some(metrics) = metrics {
            metrics.has_run(clock.now());
        }
        Ok(true)
    }

    fn last_run(&self) -> std::sync::MutexGuard<'_, Option<Duration>> {
        self.last_run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
