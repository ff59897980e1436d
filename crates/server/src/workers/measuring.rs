//! Measuring the ledger, in one replica at a time, and asking the stores, in every replica.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adapter_http::{ComponentHealth, Readiness};
use domain::ports::{Clock, LedgerMeter, MeasuringLease, PortUnavailable};

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
    lease_for: Duration,
    held: Mutex<Option<MeasuringLease>>,
}

impl Workers {
    /// Measures the ledger as long as no other replica does, and shows the figures. A stop gives the lease
    /// back, so that another replica takes over immediately.
    pub(crate) fn measure_ledger(
        &self,
        meter: Arc<dyn LedgerMeter>,
        metrics: &Metrics,
        clock: Arc<dyn Clock>,
        every: Duration,
    ) {
        // Two measurements may fail before the gauges disappear.
        let lease_for = every.saturating_mul(3);
        let gauges = metrics.ledger().clone();
        let meter = Arc::new(Meter { meter, gauges, clock, lease_for, held: Mutex::default() });
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
}

impl Workers {
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
        let until = self.clock.monotonic().saturating_add(self.lease_for);
        let held = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let lease = self.meter.lease_measuring(held, self.lease_for).await?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = lease;
        if lease.is_none() {
            self.gauges.hide();
            return Ok(());
        }
        let figures = self.meter.measure(MOST).await?;
        self.gauges.show(&figures, until);
        Ok(())
    }

    /// If this fails, the lease expires.
    async fn give_back(&self) {
        self.gauges.hide();
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        if held.is_some()
            && let Err(error) = self.meter.lease_measuring(held, Duration::ZERO).await
        {
            tracing::warn!(%error, "could not give back the measuring of the ledger; its lease expires");
        }
    }
}

#[cfg(test)]
mod tests;
