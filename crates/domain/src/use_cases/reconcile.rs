//! Asking the provider for what it did not tell.

use std::sync::Arc;
use std::time::Duration;

use crate::CallUpdate;
use crate::ports::{
    CallUpdater, Clock, OverdueLease, PortUnavailable, ProviderLookup, ProviderRecords, UnfinishedCalls,
};

/// Closes the calls whose end was not told: those left dialling by a crash, those of unknown outcome, and those whose webhook
/// never came. It asks, and never dials.
pub struct Reconcile {
    unfinished: Arc<dyn UnfinishedCalls>,
    updater: Arc<dyn CallUpdater>,
    records: Arc<dyn ProviderRecords>,
    clock: Arc<dyn Clock>,
    times: ReconcileTimes,
}

/// When a call is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileTimes {
    /// How long after its booking a call must have been decided: its guard has run out by then.
    pub decided_within: Duration,
    /// How long after its booking the provider's own account must have come: after the longest conversation.
    pub reported_within: Duration,
    /// How long a call waits at least until it is asked for again; an older one waits for a tenth of its age.
    pub pause: Duration,
    /// After this no more is to be had of a call. It stays as it is: *unknown*, where nobody said anything.
    pub given_up_after: Duration,
}

/// What one run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReconcileReport {
    /// Calls that were asked for.
    pub asked: usize,
    /// Calls that the provider told of.
    pub found: usize,
}

const BATCH: u32 = 20;
impl Reconcile {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(
        unfinished: Arc<dyn UnfinishedCalls>,
        updater: Arc<dyn CallUpdater>,
        records: Arc<dyn ProviderRecords>,
        clock: Arc<dyn Clock>,
        times: ReconcileTimes,
    ) -> Self {
        Self { unfinished, updater, records, clock, times }
    }

    /// Asks for some overdue calls; says for how many. To be called until there are none, by any number of processes at once.
    pub async fn run_once(&self) -> Result<ReconcileReport, PortUnavailable> {
        let now = self.clock.now();
        let lease = OverdueLease {
            now,
            undecided_before: now.before(self.times.decided_within),
            unended_before: now.before(self.times.reported_within),
            given_up_before: now.before(self.times.given_up_after),
            limit: BATCH,
            lease_for: self.times.pause,
        };
        let overdue = self.unfinished.lease_overdue(&lease).await?;
        let mut report = ReconcileReport { asked: overdue.len(), found: 0 };
        // One that cannot be written now must not hold up the others: it is claimed again when its lease has run out.
        let mut failure = None;
        for call in &overdue {
            match self.ask(call).await {
                Ok(found) => report.found += usize::from(found),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(report), Err)
    }

    async fn ask(&self, lookup: &ProviderLookup) -> Result<bool, PortUnavailable> {
        let (update, found) = match self.records.find(lookup).await {
            Ok(Some(update)) => (update, true),
            Ok(None) => (CallUpdate::unresolved(), false),
            Err(error) => {
                tracing::warn!(%error, call.id = %lookup.call_id, "the provider did not say what became of a call");
                (CallUpdate::unresolved(), false)
            }
        };
        self.updater.merge(&lookup.call_id, &update).await?;
        Ok(found)
    }
}
