//! Fetching recordings that the provider did not deliver.

use std::sync::Arc;

use super::store_recording::store_recording;
use crate::ports::{
    AudioError, CallUpdater, Clock, FetchedRecording, PortUnavailable, ProviderRecordings, PutError,
    RecordingStore, UnfinishedCalls, UnrecordedLease,
};
use crate::{CallId, CallUpdate, ConversationId, ReconcileTimes, RecordingReport};

/// Fetches the recordings of calls that have ended, if the provider has one and no event brought
/// it. The provider sends a recording once, the gateway may be unreachable at that time, and an
/// event with a long recording is too large to be kept.
///
/// A recording goes from the provider to the store as a stream: its size costs time, not memory.
pub struct RecoverRecordings {
    ports: RecoverRecordingsPorts,
    times: ReconcileTimes,
    max_bytes: u64,
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

/// Small, because recordings are fetched one after another, and a lease may end while the earlier
/// ones of its batch are fetched. Another worker then fetches the same recording, which harms
/// nothing.
const BATCH: u32 = 4;

impl RecoverRecordings {
    /// The use case on these ports. It uses the times of reconciliation: a recording is fetched
    /// when the provider event is overdue, and given up with its call. A recording of more than
    /// `max_bytes` is not stored.
    #[must_use]
    pub const fn new(ports: RecoverRecordingsPorts, times: ReconcileTimes, max_bytes: u64) -> Self {
        Self { ports, times, max_bytes }
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
        let Some(fetched) = provider.fetch(call_id, conversation_id).await? else { return Ok(()) };
        let FetchedRecording { format, audio } = fetched;
        let audio = audio.at_most(self.max_bytes);
        let (store, clock) = (recordings.as_ref(), clock.as_ref());
        match store_recording(store, updater.as_ref(), clock, call_id, (format, audio)).await {
            Err(PutError::Audio(AudioError::TooLarge)) => {
                tracing::warn!(call.id = %call_id, "a recording is too large to be stored; it stays at the provider");
                // Otherwise it would be fetched again until the call is given up.
                updater.merge(call_id, &CallUpdate::recording(RecordingReport::TooLarge)).await
            }
            Err(PutError::Audio(AudioError::Unavailable(error)) | PutError::Store(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }
}
