use domain::{
    CallEventKind, CallFailure, CallId, CallIdentity, CallProgress, CallRecord, CallStatus, CallUpdate,
    CarrierStatus, EndReason, GivenUp, NotDialled, ProviderCause, ProviderCode, Recording, RecordingKey,
    RecordingReport, RemovedParts, Timestamp, TraceParent,
};

use crate::call_event::read_status;
use crate::outcome::{NOT_CONNECTED, NOT_DIALLED, WITHDRAWN};
use crate::{
    Columns, ContactColumns, ConversationForm, StoredTime, Table, Unreadable, conversation,
    read_call_identity, read_decision, read_variables,
};

const CALLS: Table = Table("calls");

/// Who talks to whom in a call.
pub struct IdentityColumns {
    pub id: String,
    pub organization_id: String,
    pub user_id: String,
    pub contact_id: String,
    pub agent_id: String,
    pub from_number: String,
    pub to_number: String,
}

impl Columns for IdentityColumns {
    type Value = CallIdentity;

    fn read(self) -> Result<CallIdentity, Unreadable> {
        let call_id = CALLS.read("id", &self.id)?;
        Ok(read_call_identity!(CALLS, call_id, self))
    }
}

/// A call with its user and its contact.
pub struct CallColumns<T> {
    pub id: String,
    pub organization_id: String,
    pub user_id: String,
    pub user_name: String,
    pub contact_id: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone_number: Option<String>,
    pub agent_id: String,
    pub from_number: String,
    pub to_number: String,
    pub reason: Option<String>,
    pub variables: Option<String>,
    pub metadata: Option<String>,
    pub purpose: Option<String>,
    pub subject: Option<String>,
    pub decision: Option<String>,
    pub booked_at: T,
    pub state: String,
    pub outcome_detail: Option<String>,
    pub dial_code: Option<String>,
    pub settled_at: Option<T>,
    pub status_rank: i64,
    pub conversation_id: Option<String>,
    pub carrier_call_id: Option<String>,
    pub failure_reason: Option<String>,
    pub failed_at: Option<T>,
    pub failure_code: Option<String>,
    pub failure_carrier_status: Option<i64>,
    pub conversation: Option<String>,
    pub given_up_at: Option<T>,
    pub given_up_reason: Option<String>,
    pub recording_key: Option<String>,
    pub recording_format: Option<String>,
    pub recording_size: Option<i64>,
    pub recorded_at: Option<T>,
    pub recording_report: Option<String>,
    pub recording_removed_at: Option<T>,
    pub transcript_removed_at: Option<T>,
}

impl<T: StoredTime> Columns for CallColumns<T> {
    type Value = CallRecord;

    fn read(self) -> Result<CallRecord, Unreadable> {
        let call_id = CALLS.read("id", self.id)?;
        let reported = ProgressColumns {
            status_rank: self.status_rank,
            conversation_id: self.conversation_id,
            carrier_call_id: self.carrier_call_id,
            failure_reason: self.failure_reason,
            failed_at: self.failed_at,
            failure_code: self.failure_code,
            failure_carrier_status: self.failure_carrier_status,
            conversation: self.conversation,
            given_up_at: self.given_up_at,
            given_up_reason: self.given_up_reason,
            recording_report: self.recording_report,
        };
        let mut progress = reported.read()?;
        let mut not_dialled = None;
        match (self.state.as_str(), self.settled_at.map(StoredTime::timestamp), self.outcome_detail) {
            // A failure in a report says more than the failure that the dial itself ended with.
            (NOT_CONNECTED, Some(at), Some(reason)) if progress.failure.is_none() => {
                let reason = CALLS.read("outcome_detail", reason)?;
                let code: Option<ProviderCode> = CALLS.read_optional("dial_code", self.dial_code)?;
                let cause = code.map(ProviderCause::from).unwrap_or_default();
                progress.failure = Some(CallFailure { reason, at, cause });
            }
            (NOT_DIALLED, Some(at), code) => {
                let reason = match (&code, self.dial_code.as_deref()) {
                    (Some(_), _) => EndReason::ProviderRejected,
                    (None, Some(WITHDRAWN)) => EndReason::Withdrawn,
                    (None, _) => EndReason::ProviderUnavailable,
                };
                let code = CALLS.read_optional("outcome_detail", code)?;
                not_dialled = Some(NotDialled { reason, code, at });
            }
            _ => {}
        }
        let recorded = (self.recording_key, self.recording_format, self.recording_size, self.recorded_at);
        let recording = match recorded {
            (Some(key), Some(format), Some(size), Some(at)) => {
                Some(read_recording(&call_id, &key, &format, size, at.timestamp())?)
            }
            _ => None,
        };
        let contact = ContactColumns {
            id: self.contact_id.clone(),
            organization_id: self.organization_id.clone(),
            first_name: self.first_name,
            last_name: self.last_name,
            phone_number: self.phone_number,
        };
        Ok(CallRecord {
            identity: read_call_identity!(CALLS, call_id, self),
            user_name: Table("users").read("full_name", self.user_name)?,
            contact: contact.read()?,
            reason: CALLS.read_optional("reason", self.reason)?,
            variables: read_variables(self.variables)?,
            metadata: CALLS.read_optional("metadata", self.metadata)?,
            purpose: CALLS.read_optional("purpose", self.purpose)?,
            subject: CALLS.read_optional("subject", self.subject)?,
            decision: read_decision(self.decision)?,
            booked_at: self.booked_at.timestamp(),
            progress,
            not_dialled,
            recording,
            removed: RemovedParts {
                transcript: self.transcript_removed_at.map(StoredTime::timestamp),
                recording: self.recording_removed_at.map(StoredTime::timestamp),
            },
        })
    }
}

/// The key is made of the call's id and the format. A release that names recordings differently
/// wrote any other key.
fn read_recording(
    call_id: &CallId,
    key: &str,
    format: &str,
    size: i64,
    stored_at: Timestamp,
) -> Result<Recording, Unreadable> {
    let format = CALLS.read("recording_format", format)?;
    let expected = RecordingKey::of(call_id, format);
    if expected.as_str() != key {
        return Err(CALLS.unreadable("recording_key"));
    }
    let size_bytes = CALLS.read_number("recording_size", size)?;
    Ok(Recording { key: expected, format, size_bytes, stored_at })
}

/// What was reported about a call.
///
/// The failure of the dial itself is not part of it: a report that arrives before the outcome of
/// the dial must merge to the same result as one that arrives after it.
pub struct ProgressColumns<T> {
    pub status_rank: i64,
    pub conversation_id: Option<String>,
    pub carrier_call_id: Option<String>,
    pub failure_reason: Option<String>,
    pub failed_at: Option<T>,
    pub failure_code: Option<String>,
    pub failure_carrier_status: Option<i64>,
    pub conversation: Option<String>,
    pub given_up_at: Option<T>,
    pub given_up_reason: Option<String>,
    pub recording_report: Option<String>,
}

impl<T: StoredTime> Columns for ProgressColumns<T> {
    type Value = CallProgress;

    fn read(self) -> Result<CallProgress, Unreadable> {
        let failure = match (self.failure_reason, self.failed_at) {
            (Some(reason), Some(at)) => {
                let code = CALLS.read_optional("failure_code", self.failure_code)?;
                let carrier_status = self.failure_carrier_status.and_then(CarrierStatus::from_number);
                let reason = CALLS.read("failure_reason", reason)?;
                Some(CallFailure {
                    reason,
                    at: at.timestamp(),
                    cause: ProviderCause { code, carrier_status },
                })
            }
            (None, None) => None,
            _ => return Err(CALLS.unreadable("failure_reason")),
        };
        let given_up = match (self.given_up_at, self.given_up_reason) {
            (Some(at), Some(reason)) => {
                Some(GivenUp { at: at.timestamp(), reason: CALLS.read("given_up_reason", reason)? })
            }
            (None, None) => None,
            _ => return Err(CALLS.unreadable("given_up_reason")),
        };
        let (conversation_id, carrier_call_id) = (self.conversation_id, self.carrier_call_id);
        Ok(CallProgress {
            status: Some(read_status(CALLS, self.status_rank)?),
            conversation_id: CALLS.read_optional("conversation_id", conversation_id)?,
            carrier_call_id: CALLS.read_optional("carrier_call_id", carrier_call_id)?,
            failure,
            conversation: self.conversation.as_deref().map(conversation::read).transpose()?,
            given_up,
            recording: CALLS.read_optional("recording_report", self.recording_report)?,
        })
    }
}

/// The place of a call in a trace.
pub struct TraceColumns {
    pub trace_parent: Option<String>,
}

impl Columns for TraceColumns {
    type Value = Option<TraceParent>;

    fn read(self) -> Result<Option<TraceParent>, Unreadable> {
        CALLS.read_optional("trace_parent", self.trace_parent)
    }
}

/// The columns of a call after an update was merged into it, and the events to write.
pub struct MergedColumns {
    pub status_rank: Option<i16>,
    pub conversation_id: Option<String>,
    pub carrier_call_id: Option<String>,
    pub failure_reason: Option<&'static str>,
    pub failed_at: Option<Timestamp>,
    pub failure_code: Option<String>,
    pub failure_carrier_status: Option<i16>,
    /// The conversation, if the update changes it. The stored one may have megabytes and is not
    /// written again.
    pub conversation: Option<String>,
    pub given_up_at: Option<Timestamp>,
    pub given_up_reason: Option<&'static str>,
    pub recording_report: Option<&'static str>,
    pub events: Vec<CallEventKind>,
    /// The status of the call in these events.
    pub event_rank: i16,
    /// Why the call ended, in the event of its end.
    pub end_reason: Option<&'static str>,
}

impl MergedColumns {
    /// Merges an update into what is stored. `None` means that the update changes nothing.
    pub fn merge<T: StoredTime>(
        stored: ProgressColumns<T>,
        update: &CallUpdate,
        form: ConversationForm,
    ) -> Result<Option<Self>, Unreadable> {
        let mut progress = stored.read()?;
        let before = progress.clone();
        if !progress.merge(update) {
            return Ok(None);
        }
        let shown = progress.shown_status().unwrap_or(CallStatus::Initiated);
        let (events, end_reason) = (progress.events_since(&before), progress.end_reason());
        let changed =
            progress.conversation.filter(|conversation| before.conversation.as_ref() != Some(conversation));
        let failure = progress.failure.as_ref();
        let cause = failure.map(|failure| &failure.cause);
        let carrier_status = cause.and_then(|cause| cause.carrier_status);
        Ok(Some(Self {
            status_rank: progress.status.map(|status| status.rank().into()),
            conversation_id: progress.conversation_id.map(|id| id.to_string()),
            carrier_call_id: progress.carrier_call_id.map(|id| id.to_string()),
            failure_reason: failure.map(|failure| failure.reason.as_str()),
            failed_at: failure.map(|failure| failure.at),
            failure_code: cause.and_then(|cause| cause.code.as_ref()).map(|code| code.as_str().to_owned()),
            failure_carrier_status: carrier_status
                .map(|status| i16::try_from(status.number()).unwrap_or(i16::MAX)),
            conversation: changed.map(|conversation| form.write(&conversation)),
            given_up_at: progress.given_up.map(|given_up| given_up.at),
            given_up_reason: progress.given_up.map(|given_up| given_up.reason.as_str()),
            recording_report: progress.recording.map(RecordingReport::as_str),
            events,
            event_rank: shown.rank().into(),
            end_reason: end_reason.map(EndReason::as_str),
        }))
    }
}
