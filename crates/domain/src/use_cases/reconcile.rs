//! Asking the provider about calls whose end is not known.

use std::sync::Arc;
use std::time::Duration;

use crate::CallUpdate;
use crate::ports::{
    CallUpdater, Clock, OverdueLease, PortUnavailable, ProviderLookup, ProviderRecords, UnfinishedCalls,
};

/// Asks the provider about calls whose end is not known: calls left *dialling* by a crash, calls
/// with an unknown outcome, and calls whose provider event did not arrive. It never dials.
pub struct Reconcile {
    unfinished: Arc<dyn UnfinishedCalls>,
    updater: Arc<dyn CallUpdater>,
    records: Arc<dyn ProviderRecords>,
    clock: Arc<dyn Clock>,
    times: ReconcileTimes,
}

/// When to ask about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileTimes {
    /// How long after its booking a call must have an outcome: its reservation has expired by then.
    pub decided_within: Duration,
    /// How long after its booking a call's provider event must have arrived: after the longest
    /// conversation.
    pub reported_within: Duration,
    /// The shortest pause before asking about the same call again; for an older call it is a tenth
    /// of its age.
    pub pause: Duration,
    /// After this time the provider is not asked any more. The call keeps its status: *unknown* if
    /// nothing was reported.
    pub given_up_after: Duration,
}

/// The result of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReconcileReport {
    /// The number of calls that the provider was asked about.
    pub asked: usize,
    /// The number of calls that the provider reported.
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

    /// Asks about some overdue calls. Any number of processes may call it, until `asked` is 0.
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
        // A call that cannot be written must not delay the others: it is leased again after its
        // lease has expired.
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
                tracing::warn!(%error, call.id = %lookup.call_id, "could not ask the provider about a call; it is asked again later");
                (CallUpdate::unresolved(), false)
            }
        };
        self.updater.merge(&lookup.call_id, &update).await?;
        Ok(found)
    }
}
