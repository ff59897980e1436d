//! Measuring the ledger, in one replica at a time, and asking the stores, in every replica.

use std::sync::Arc;
use std::time::Duration;

use adapter_http::{ComponentHealth, Readiness};
use domain::ports::{Clock, Job, JobLeases, LedgerMeter, PortUnavailable};

use super::leased::LeasedJob;
use super::{Schedule, Workers};
use crate::metrics::{LedgerGauges, Metrics, STORE_UP};

/// A greater backlog is shown as this one: to count all of it costs the database too much.
const MOST: u32 = 100_000;
/// How often histograms are moved into their buckets.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Measures the ledger while it has the lease.
struct Meter {
    meter: Arc<dyn LedgerMeter>,
    gauges: Arc<LedgerGauges>,
    clock: Arc<dyn Clock>,
    lease: LeasedJob,
}

impl Workers {
    /// Measures the ledger as long as no other replica does, and shows the figures. A stop gives the lease
    /// back, so that another replica takes over immediately.
    pub(crate) fn measure_ledger(
        &self,
        meter: Arc<dyn LedgerMeter>,
        leases: Arc<dyn JobLeases>,
        metrics: &Metrics,
        clock: Arc<dyn Clock>,
        every: Duration,
    ) {
        // Two measurements may fail before the gauges disappear.
        let lease = LeasedJob::new(leases, Job::MeasureLedger, every.saturating_mul(3));
        let gauges = metrics.ledger().clone();
        let meter = Arc::new(Meter { meter, gauges, clock, lease });
        let (last, stop) = (meter.clone(), self.stop.clone());
        let failure = "could not measure the ledger; its metrics are missing until that succeeds";
        self.repeat(Schedule::every(every), failure, move || {
            let meter = meter.clone();
            async move { meter.run_once().await.map(|()| 0) }
        });
        self.tasks.spawn(async move {
            stop.cancelled().await;
            last.give_back().await;
        });
        let metrics = metrics.clone();
        self.repeat(Schedule::every(UPKEEP_INTERVAL), "could not keep the metrics up", move || {
            metrics.keep_up();
            std::future::ready(Ok(0))
        });
    }

    /// Shows whether the stores answer, by the check of `/readyz`. Every replica asks: one may not reach a
    /// store that the others reach.
    pub(crate) fn watch_stores(&self, stores: Arc<dyn Readiness>, metrics: &Metrics, every: Duration) {
        let (metrics, stop) = (metrics.clone(), self.stop.clone());
        self.repeat(Schedule::every(every), "could not ask the stores", move || {
            let (stores, metrics, stop) = (stores.clone(), metrics.clone(), stop.clone());
            async move {
                let components = tokio::select! {
                    () = stop.cancelled() => return Ok(0),
                    components = stores.check() => components,
                };
                for ComponentHealth { name, problem } in components {
                    metrics.registry().gauge(&STORE_UP, &[name]).set(f64::from(u8::from(problem.is_none())));
                }
                Ok(0)
            }
        });
    }
}

impl Meter {
    async fn run_once(&self) -> Result<(), PortUnavailable> {
        // Measured from before the request: this process never shows the figures after the end of its
        // lease.
        let until = self.clock.monotonic().saturating_add(self.lease.lease_for());
        if !self.lease.is_ours().await? {
            self.gauges.hide();
            return Ok(());
        }
        let figures = self.meter.measure(MOST).await?;
        self.gauges.show(&figures, until);
        Ok(())
    }

    async fn give_back(&self) {
        self.gauges.hide();
        self.lease.give_back().await;
    }
}

#[cfg(test)]
mod tests;
