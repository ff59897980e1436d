//! Asking the provider about calls whose end is not known.

use std::sync::Arc;
use std::time::Duration;

use super::truncation::warn_of_truncation;
use crate::ports::{
    CallUpdater, Clock, OverdueLease, PortUnavailable, ProviderLookup, ProviderRecords, UnfinishedCalls,
};
use crate::{CallUpdate, GivenUp, GivenUpReason, Timestamp};

/// Asks the provider about calls whose end is not known: calls left *dialling* by a crash, calls
/// with an unknown outcome, and calls whose provider event did not arrive. After a time it gives a
/// call up, so that no call stays without an end for ever. It never dials.
pub struct Reconcile {
    unfinished: Arc<dyn UnfinishedCalls>,
    updater: Arc<dyn CallUpdater>,
    records: Option<Arc<dyn ProviderRecords>>,
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
    /// After this time the provider is asked once more, and the call is given up unless its end is
    /// reported.
    pub given_up_after: Duration,
}

/// The result of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReconcileReport {
    /// The number of calls that the provider was asked about.
    pub asked: usize,
    /// The number of calls that the provider reported.
    pub found: usize,
    /// The number of calls that were given up.
    pub given_up: usize,
}

const BATCH: u32 = 20;

impl Reconcile {
    /// The use case on these ports. Without records it asks nothing, and only gives calls up.
    #[must_use]
    pub const fn new(
        unfinished: Arc<dyn UnfinishedCalls>,
        updater: Arc<dyn CallUpdater>,
        records: Option<Arc<dyn ProviderRecords>>,
        clock: Arc<dyn Clock>,
        times: ReconcileTimes,
    ) -> Self {
        Self { unfinished, updater, records, clock, times }
    }

    /// Asks about some overdue calls, and gives up those that are too old. Any number of processes
    /// may call it, until it neither asks nor gives up.
    pub async fn run_once(&self) -> Result<ReconcileReport, PortUnavailable> {
        let now = self.clock.now();
        let given_up_before = now.before(self.times.given_up_after);
        let due_after = |time: Duration| match self.records {
            Some(_) => now.before(time.min(self.times.given_up_after)),
            None => given_up_before,
        };
        let lease = OverdueLease {
            now,
            undecided_before: due_after(self.times.decided_within),
            unended_before: due_after(self.times.reported_within),
            given_up_before,
            limit: BATCH,
            lease_for: self.times.pause,
        };
        let overdue = self.unfinished.lease_overdue(&lease).await?;
        let mut report = ReconcileReport::default();
        // A call that cannot be written must not delay the others: it is leased again after its
        // lease has expired.
        let mut failure = None;
        for call in &overdue {
            if let Err(error) = self.reconcile(call, given_up_before, &mut report).await {
                failure = Some(error);
            }
        }
        failure.map_or(Ok(report), Err)
    }

    async fn reconcile(
        &self,
        call: &ProviderLookup,
        given_up_before: Timestamp,
        report: &mut ReconcileReport,
    ) -> Result<(), PortUnavailable> {
        let answer = match &self.records {
            Some(records) => Some(records.find(call).await),
            None => None,
        };
        report.asked += usize::from(answer.is_some());
        let is_given_up = call.booked_at < given_up_before;
        let reason = match answer {
            Some(Ok(Some(update))) => {
                report.found += 1;
                self.updater.merge(&call.call_id, &update).await?;
                warn_of_truncation(&call.call_id, &update.content);
                if !is_given_up || update.content.has_ended() {
                    return Ok(());
                }
                GivenUpReason::NoEnd
            }
            Some(Ok(None)) => GivenUpReason::NoRecord,
            Some(Err(error)) => {
                if is_given_up {
                    tracing::warn!(%error, call.id = %call.call_id, "could not ask the provider about a call; it is given up");
                } else {
                    tracing::warn!(%error, call.id = %call.call_id, "could not ask the provider about a call; it is asked again later");
                }
                GivenUpReason::ProviderUnavailable
            }
            None => GivenUpReason::NotAsked,
        };
        let update = if is_given_up {
            CallUpdate::given_up(GivenUp { at: self.clock.now(), reason })
        } else {
            CallUpdate::unresolved()
        };
        self.updater.merge(&call.call_id, &update).await?;
        report.given_up += usize::from(is_given_up);
        Ok(())
    }
}
