//! What became of a call, as columns of `calls`.

use domain::ports::PortUnavailable;
use domain::{
    CallFailure, CallProgress, CallStatus, CarrierCallId, ConversationId, NotConnectedReason, Timestamp,
};

use crate::conversation;
use crate::failure::{failed, unreadable};
use crate::settled::NOT_CONNECTED;

/// What accounts of a call have told, as it is stored.
pub(crate) struct ProgressColumns {
    pub(crate) status_rank: i64,
    pub(crate) conversation_id: Option<String>,
    pub(crate) carrier_call_id: Option<String>,
    pub(crate) failure_reason: Option<String>,
    pub(crate) failed_at: Option<i64>,
    pub(crate) conversation: Option<String>,
}

impl ProgressColumns {
    /// What accounts have told. The dial's own failure is not among it: merging with it what came before the dial's answer
    /// would give another result than merging what comes after.
    pub(crate) fn read(self) -> Result<CallProgress, PortUnavailable> {
        let status = u8::try_from(self.status_rank).ok().and_then(CallStatus::from_rank);
        let status = status.ok_or_else(|| failed("calls.status_rank holds something that cannot be read"))?;
        let failure = match (self.failure_reason, self.failed_at) {
            (Some(reason), Some(at)) => Some(failure(&reason, "calls.failure_reason", at)?),
            _ => None,
        };
        Ok(CallProgress {
            status: Some(status),
            conversation_id: self
                .conversation_id
                .map(|id| ConversationId::parse(&id))
                .transpose()
                .map_err(unreadable("calls.conversation_id"))?,
            carrier_call_id: self
                .carrier_call_id
                .map(|id| CarrierCallId::parse(&id))
                .transpose()
                .map_err(unreadable("calls.carrier_call_id"))?,
            failure,
            conversation: self.conversation.as_deref().map(conversation::read).transpose()?,
        })
    }

    /// These columns as they are to be, after a merge.
    pub(crate) fn write(progress: &CallProgress) -> Result<Self, PortUnavailable> {
        Ok(Self {
            status_rank: progress.status.map_or(0, |status| i64::from(status.rank())),
            conversation_id: progress.conversation_id.as_ref().map(ToString::to_string),
            carrier_call_id: progress.carrier_call_id.as_ref().map(ToString::to_string),
            failure_reason: progress.failure.map(|failure| failure.reason.as_str().to_owned()),
            failed_at: progress.failure.map(|failure| failure.at.unix_millis()),
            conversation: progress.conversation.as_ref().map(conversation::write).transpose()?,
        })
    }
}

/// The failure that the dial itself ended in.
pub(crate) fn dial_failure(
    state: &str,
    outcome_detail: Option<&str>,
    settled_at: Option<i64>,
) -> Result<Option<CallFailure>, PortUnavailable> {
    match (outcome_detail, settled_at) {
        (Some(reason), Some(at)) if state == NOT_CONNECTED => {
            failure(reason, "calls.outcome_detail", at).map(Some)
        }
        _ => Ok(None),
    }
}

fn failure(reason: &str, column: &'static str, at: i64) -> Result<CallFailure, PortUnavailable> {
    let reason = NotConnectedReason::from_name(reason).ok_or(()).map_err(unreadable(column))?;
    Ok(CallFailure { reason, at: Timestamp::from_unix_millis(at) })
}
