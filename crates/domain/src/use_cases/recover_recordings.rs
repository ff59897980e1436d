//! Fetching recordings that the provider did not deliver.

use std::sync::Arc;

use super::store_recording::store_recording;
use crate::ports::{
    CallUpdater, Clock, PortUnavailable, ProviderRecordings, RecordingStore, UnfinishedCalls, UnrecordedLease,
};
use crate::{CallId, ConversationId, ReconcileTimes};

/// Fetches the recordings of calls that have ended, if the provider has one and its event did not
/// arrive in time. The provider sends a recording once, and the gateway may be unreachable at that
/// time.
pub struct RecoverRecordings {
    ports: RecoverRecordingsPorts,
    times: ReconcileTimes,
}

/// The ports that fetching recordings needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct RecoverRecordingsPorts {
    pub unfinished: Arc<dyn UnfinishedCalls>,
    pub updater: Arc<dyn CallUpdater>,
    pub provider: Arc<dyn ProviderRecordings>,
    pub recordings: Arc<dyn RecordingStore>,
    pub clock: Arc<dyn Clock>,
}

/// Small, because each recording is held in memory.
const BATCH: u32 = 4;

impl RecoverRecordings {
    /// The use case on these ports. It uses the times of reconciliation: a recording is fetched
    /// when the provider event is overdue, and given up with its call.
    #[must_use]
    pub const fn new(ports: RecoverRecordingsPorts, times: ReconcileTimes) -> Self {
        Self { ports, times }
    }

    /// Fetches some recordings and returns how many calls it asked about. Any number of processes
    /// may call it, until it returns 0.
    pub async fn run_once(&self) -> Result<usize, PortUnavailable> {
        let now = self.ports.clock.now();
        let lease = UnrecordedLease {
            now,
            booked_before: now.before(self.times.reported_within),
            given_up_before: now.before(self.times.given_up_after),
            limit: BATCH,
            lease_for: self.times.pause,
        };
        let unrecorded = self.ports.unfinished.lease_unrecorded(&lease).await?;
        let asked = unrecorded.len();
        for (call_id, conversation_id) in unrecorded {
            // A recording that cannot be fetched must not delay the others: it is leased again
            // later.
            if let Err(error) = self.recover(&call_id, &conversation_id).await {
                tracing::warn!(%error, call.id = %call_id, "could not fetch a recording from the provider; it is fetched again later");
            }
        }
        Ok(asked)
    }

    async fn recover(
        &self,
        call_id: &CallId,
        conversation_id: &ConversationId,
    ) -> Result<(), PortUnavailable> {
        let RecoverRecordingsPorts { updater, provider, recordings, clock, .. } = &self.ports;
        let Some(audio) = provider.fetch(conversation_id).await? else { return Ok(()) };
        store_recording(recordings.as_ref(), updater.as_ref(), clock.as_ref(), call_id, audio).await
    }
}
