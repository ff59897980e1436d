//! Fetching recordings that were not brought.

use std::sync::Arc;

use super::store_recording::store_recording;
use crate::ports::{
    CallUpdater, Clock, PortUnavailable, ProviderRecordings, RecordingStore, UnfinishedCalls, UnrecordedLease,
};
use crate::{CallId, ConversationId, ReconcileTimes};

/// Fetches the recordings of calls that have ended, where the provider says that it has one and did not bring it in time: it
/// delivers a recording once, and a gateway may be away just then.
pub struct RecoverRecordings {
    ports: RecoverRecordingsPorts,
    times: ReconcileTimes,
}

/// What fetching recordings needs of the world.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, whose documentation says everything")]
pub struct RecoverRecordingsPorts {
    pub unfinished: Arc<dyn UnfinishedCalls>,
    pub updater: Arc<dyn CallUpdater>,
    pub provider: Arc<dyn ProviderRecordings>,
    pub recordings: Arc<dyn RecordingStore>,
    pub clock: Arc<dyn Clock>,
}

/// Few at once, since each is held in memory and takes its time.
const BATCH: u32 = 4;

impl RecoverRecordings {
    /// The use case on these ports, with the times that calls are reconciled by: a recording is fetched when the provider's own
    /// account must have come, and given up when the call is.
    #[must_use]
    pub const fn new(ports: RecoverRecordingsPorts, times: ReconcileTimes) -> Self {
        Self { ports, times }
    }

    /// Fetches some; says of how many calls it asked. To be called until there are none, by any number of processes at once.
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
            // One that cannot be had now must not hold up the others: it is claimed again, later and later.
            if let Err(error) = self.recover(&call_id, &conversation_id).await {
                tracing::warn!(%error, call.id = %call_id, "a recording was not fetched");
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
