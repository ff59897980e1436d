//! Reading calls from the ledger.

use std::sync::Arc;

use crate::ports::{
    CallReader, HistoryPage, HistoryQuery, OpenAudio, PortUnavailable, RecordingAccess, RecordingStore,
    UserRepo,
};
use crate::{AudioPart, CallId, CallRecord, HistoryFilter, OrganizationId, Recording, UserId};

/// Reads the calls of a user's organization.
pub struct ReadCalls {
    users: Arc<dyn UserRepo>,
    calls: Arc<dyn CallReader>,
    recordings: Option<Arc<dyn RecordingStore>>,
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadCallsError {
    /// The token names a user who does not exist.
    #[error("user not found")]
    UserNotFound,
    /// The organization has no such call.
    #[error("Call not found")]
    CallNotFound,
    /// The call has no recording, or it is no longer stored.
    #[error("Recording not found")]
    RecordingNotFound,
    /// The call has a recording that is larger than the gateway stores.
    #[error("The recording is too large to be stored")]
    RecordingTooLarge,
    /// The recording of the call was removed because of its age.
    #[error("The recording is no longer stored")]
    RecordingExpired,
    /// A store is unavailable.
    #[error("the service is temporarily unavailable")]
    ServiceUnavailable(#[from] PortUnavailable),
}

impl ReadCalls {
    /// The use case on these ports; without a store there are no recordings.
    #[must_use]
    pub const fn new(
        users: Arc<dyn UserRepo>,
        calls: Arc<dyn CallReader>,
        recordings: Option<Arc<dyn RecordingStore>>,
    ) -> Self {
        Self { users, calls, recordings }
    }

    /// Finds one call.
    pub async fn find(&self, user: &UserId, call_id: &CallId) -> Result<CallRecord, ReadCallsError> {
        let organization_id = self.organization_of(user).await?;
        self.calls.find(&organization_id, call_id).await?.ok_or(ReadCallsError::CallNotFound)
    }

    /// Finds one call with its recording, and how to read that.
    pub async fn recording(
        &self,
        user: &UserId,
        call_id: &CallId,
    ) -> Result<(CallRecord, Recording, RecordingAccess), ReadCallsError> {
        let (call, recording, store) = self.recorded(user, call_id).await?;
        let access = store.fetch(&recording.key).await?.ok_or(ReadCallsError::RecordingNotFound)?;
        Ok((call, recording, access))
    }

    /// Opens a part of the recording of a call. Returns the call's organization too.
    pub async fn audio(
        &self,
        user: &UserId,
        call_id: &CallId,
        part: AudioPart,
    ) -> Result<(OrganizationId, Recording, OpenAudio), ReadCallsError> {
        let (call, recording, store) = self.recorded(user, call_id).await?;
        let opened = store.open(&recording.key, part).await?.ok_or(ReadCallsError::RecordingNotFound)?;
        Ok((call.identity.organization_id, recording, opened))
    }

    /// Finds one call with its recording, and the store that has it.
    async fn recorded(
        &self,
        user: &UserId,
        call_id: &CallId,
    ) -> Result<(CallRecord, Recording, &dyn RecordingStore), ReadCallsError> {
        let call = self.find(user, call_id).await?;
        if call.has_too_large_recording() {
            return Err(ReadCallsError::RecordingTooLarge);
        }
        if call.has_expired_recording() {
            return Err(ReadCallsError::RecordingExpired);
        }
        match (call.recording.clone(), self.recordings.as_deref()) {
            (Some(recording), Some(store)) => Ok((call, recording, store)),
            _ => Err(ReadCallsError::RecordingNotFound),
        }
    }

    /// Lists one page of calls, newest first.
    pub async fn history(
        &self,
        user: &UserId,
        mut filter: HistoryFilter,
    ) -> Result<HistoryPage, ReadCallsError> {
        filter.limit = filter.limit.clamp(1, HistoryFilter::MAX_LIMIT);
        let (organization_id, count_up_to) = (self.organization_of(user).await?, HistoryFilter::MAX_COUNT);
        let query = HistoryQuery { organization_id, filter, count_up_to };
        Ok(self.calls.history(&query).await?)
    }

    async fn organization_of(&self, user: &UserId) -> Result<OrganizationId, ReadCallsError> {
        let user = self.users.find(user).await?.ok_or(ReadCallsError::UserNotFound)?;
        Ok(user.organization.id)
    }
}
