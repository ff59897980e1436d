//! A call with its user and its contact, as one row.

use domain::ports::PortUnavailable;
use domain::{
    AgentId, AudioFormat, CallId, CallIdentity, CallReason, CallRecord, Contact, OrganizationId, PersonName,
    PhoneNumber, Recording, RecordingKey, Timestamp, UserId,
};

use crate::contacts::ContactRow;
use crate::failure::{failed, unreadable};
use crate::progress::{ProgressColumns, dial_failure};

/// Calls with their users and contacts: the expression for the conversation, the rest of the statement, its arguments.
macro_rules! select_calls {
    ($conversation:tt, $rest:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            CallRow,
            "select calls.id, calls.organization_id, calls.user_id, users.full_name as user_name, calls.contact_id,
                    contacts.first_name, contacts.last_name, contacts.phone_number, calls.agent_id, calls.from_number,
                    calls.to_number, calls.reason, calls.booked_at, calls.state, calls.outcome_detail, calls.settled_at,
                    calls.status_rank, calls.conversation_id, calls.carrier_call_id, calls.failure_reason,
                    calls.failed_at, calls.recording_key, calls.recording_format, calls.recording_size,
                    calls.recorded_at, "
                + $conversation
                + r#" as "conversation?: String"
             from calls
             join users on users.id = calls.user_id
             join contacts on contacts.id = calls.contact_id
             "# + $rest,
            $($argument),+
        )
    };
}
pub(crate) use select_calls;

pub(crate) struct CallRow {
    pub(crate) id: String,
    pub(crate) organization_id: String,
    pub(crate) user_id: String,
    pub(crate) user_name: String,
    pub(crate) contact_id: String,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) phone_number: Option<String>,
    pub(crate) agent_id: String,
    pub(crate) from_number: String,
    pub(crate) to_number: String,
    pub(crate) reason: Option<String>,
    pub(crate) booked_at: i64,
    pub(crate) state: String,
    pub(crate) outcome_detail: Option<String>,
    pub(crate) settled_at: Option<i64>,
    pub(crate) status_rank: i64,
    pub(crate) conversation_id: Option<String>,
    pub(crate) carrier_call_id: Option<String>,
    pub(crate) failure_reason: Option<String>,
    pub(crate) failed_at: Option<i64>,
    pub(crate) conversation: Option<String>,
    pub(crate) recording_key: Option<String>,
    pub(crate) recording_format: Option<String>,
    pub(crate) recording_size: Option<i64>,
    pub(crate) recorded_at: Option<i64>,
}

impl TryFrom<CallRow> for CallRecord {
    type Error = PortUnavailable;

    fn try_from(row: CallRow) -> Result<Self, PortUnavailable> {
        let told = ProgressColumns {
            status_rank: row.status_rank,
            conversation_id: row.conversation_id,
            carrier_call_id: row.carrier_call_id,
            failure_reason: row.failure_reason,
            failed_at: row.failed_at,
            conversation: row.conversation,
        };
        let mut progress = told.read()?;
        if progress.failure.is_none() {
            progress.failure = dial_failure(&row.state, row.outcome_detail.as_deref(), row.settled_at)?;
        }
        let contact = Contact::try_from(ContactRow {
            id: row.contact_id,
            organization_id: row.organization_id.clone(),
            first_name: row.first_name,
            last_name: row.last_name,
            phone_number: row.phone_number,
        })?;
        let call_id = CallId::parse(&row.id).map_err(unreadable("calls.id"))?;
        let stored = (row.recording_key, row.recording_format, row.recording_size, row.recorded_at);
        let recording = match stored {
            (Some(key), Some(format), Some(size), Some(stored_at)) => {
                Some(recording(&call_id, &key, &format, size, stored_at)?)
            }
            _ => None,
        };
        Ok(Self {
            identity: CallIdentity {
                call_id,
                organization_id: OrganizationId::parse(&row.organization_id)
                    .map_err(unreadable("calls.organization_id"))?,
                user_id: UserId::parse(&row.user_id).map_err(unreadable("calls.user_id"))?,
                contact_id: contact.id.clone(),
                agent_id: AgentId::parse(&row.agent_id).map_err(unreadable("calls.agent_id"))?,
                from: PhoneNumber::parse(&row.from_number).map_err(unreadable("calls.from_number"))?,
                to: PhoneNumber::parse(&row.to_number).map_err(unreadable("calls.to_number"))?,
            },
            user_name: PersonName::parse(&row.user_name).map_err(unreadable("users.full_name"))?,
            contact,
            reason: row
                .reason
                .map(|reason| CallReason::parse(&reason))
                .transpose()
                .map_err(unreadable("calls.reason"))?,
            booked_at: Timestamp::from_unix_millis(row.booked_at),
            progress,
            recording,
        })
    }
}

/// The recording of a call. Its key is made of call and form: another one was written by a release that names them otherwise.
fn recording(
    call_id: &CallId,
    key: &str,
    format: &str,
    size: i64,
    stored_at: i64,
) -> Result<Recording, PortUnavailable> {
    let format = AudioFormat::from_name(format).ok_or(()).map_err(unreadable("calls.recording_format"))?;
    let known = RecordingKey::of(call_id, format);
    if known.as_str() != key {
        return Err(failed("calls.recording_key holds something that cannot be read"));
    }
    Ok(Recording {
        key: known,
        format,
        size_bytes: u64::try_from(size).map_err(unreadable("calls.recording_size"))?,
        stored_at: Timestamp::from_unix_millis(stored_at),
    })
}
