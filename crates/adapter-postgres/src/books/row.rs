use domain::ports::PortUnavailable;
use domain::{
    AgentId, AudioFormat, CallFailure, CallId, CallIdentity, CallProgress, CallReason, CallRecord,
    CallStatus, CarrierCallId, Contact, ContactId, ConversationId, NotConnectedReason, OrganizationId,
    PersonName, PhoneNumber, Recording, RecordingKey, UserId,
};
use time::OffsetDateTime;

use super::conversation::read_conversation;
use crate::moment::moment;
use crate::row::{read, read_optional, unreadable};

/// A call with its user and its contact.
pub(super) struct CallRow {
    pub(super) id: String,
    pub(super) organization_id: String,
    pub(super) user_id: String,
    pub(super) user_name: String,
    pub(super) contact_id: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) phone_number: Option<String>,
    pub(super) agent_id: String,
    pub(super) from_number: String,
    pub(super) to_number: String,
    pub(super) reason: Option<String>,
    pub(super) booked_at: OffsetDateTime,
    pub(super) status_rank: i16,
    pub(super) conversation_id: Option<String>,
    pub(super) carrier_call_id: Option<String>,
    pub(super) failure_reason: Option<String>,
    pub(super) failed_at: Option<OffsetDateTime>,
    pub(super) conversation: Option<String>,
    pub(super) recording_key: Option<String>,
    pub(super) recording_format: Option<String>,
    pub(super) recording_size: Option<i64>,
    pub(super) recorded_at: Option<OffsetDateTime>,
}

/// What became of a call.
pub(super) struct ProgressRow {
    pub(super) status_rank: i16,
    pub(super) conversation_id: Option<String>,
    pub(super) carrier_call_id: Option<String>,
    pub(super) failure_reason: Option<String>,
    pub(super) failed_at: Option<OffsetDateTime>,
    pub(super) conversation: Option<String>,
}

impl TryFrom<CallRow> for CallRecord {
    type Error = PortUnavailable;

    fn try_from(row: CallRow) -> Result<Self, PortUnavailable> {
        let organization_id = read("calls.organization_id", &row.organization_id, OrganizationId::parse)?;
        let progress = ProgressRow {
            status_rank: row.status_rank,
            conversation_id: row.conversation_id,
            carrier_call_id: row.carrier_call_id,
            failure_reason: row.failure_reason,
            failed_at: row.failed_at,
            conversation: row.conversation,
        };
        let call_id = read("calls.id", &row.id, CallId::parse)?;
        let recorded = (row.recording_key, row.recording_format, row.recording_size, row.recorded_at);
        let recording = match recorded {
            (Some(key), Some(format), Some(size), Some(at)) => {
                Some(read_recording(&call_id, &key, &format, size, at)?)
            }
            _ => None,
        };
        let contact = Contact {
            id: read("calls.contact_id", &row.contact_id, ContactId::parse)?,
            organization_id: organization_id.clone(),
            first_name: read_optional("contacts.first_name", row.first_name.as_deref(), PersonName::parse)?,
            last_name: read_optional("contacts.last_name", row.last_name.as_deref(), PersonName::parse)?,
            phone_number: read_optional(
                "contacts.phone_number",
                row.phone_number.as_deref(),
                PhoneNumber::parse,
            )?,
        };
        Ok(Self {
            identity: CallIdentity {
                call_id,
                organization_id,
                user_id: read("calls.user_id", &row.user_id, UserId::parse)?,
                contact_id: contact.id.clone(),
                agent_id: read("calls.agent_id", &row.agent_id, AgentId::parse)?,
                from: read("calls.from_number", &row.from_number, PhoneNumber::parse)?,
                to: read("calls.to_number", &row.to_number, PhoneNumber::parse)?,
            },
            user_name: read("users.full_name", &row.user_name, PersonName::parse)?,
            contact,
            reason: read_optional("calls.reason", row.reason.as_deref(), CallReason::parse)?,
            booked_at: moment(row.booked_at),
            progress: progress.try_into()?,
            recording,
        })
    }
}

/// A recording has the name that its call and its form give it, and no other.
fn read_recording(
    call_id: &CallId,
    key: &str,
    format: &str,
    size: i64,
    at: OffsetDateTime,
) -> Result<Recording, PortUnavailable> {
    let format = AudioFormat::from_name(format).ok_or_else(|| unreadable("calls.recording_format"))?;
    let named = RecordingKey::of(call_id, format);
    if named.as_str() != key {
        return Err(unreadable("calls.recording_key"));
    }
    let size_bytes = u64::try_from(size).map_err(|_| unreadable("calls.recording_size"))?;
    Ok(Recording { key: named, format, size_bytes, stored_at: moment(at) })
}

impl TryFrom<ProgressRow> for CallProgress {
    type Error = PortUnavailable;

    fn try_from(row: ProgressRow) -> Result<Self, PortUnavailable> {
        let status = u8::try_from(row.status_rank).ok().and_then(CallStatus::from_rank);
        let failure = match (row.failure_reason.as_deref(), row.failed_at) {
            (Some(reason), Some(at)) => {
                let reason = NotConnectedReason::from_name(reason);
                let reason = reason.ok_or_else(|| unreadable("calls.failure_reason"))?;
                Some(CallFailure { reason, at: moment(at) })
            }
            (None, None) => None,
            _ => return Err(unreadable("calls.failure_reason")),
        };
        Ok(Self {
            status: Some(status.ok_or_else(|| unreadable("calls.status_rank"))?),
            conversation_id: read_optional(
                "calls.conversation_id",
                row.conversation_id.as_deref(),
                ConversationId::parse,
            )?,
            carrier_call_id: read_optional(
                "calls.carrier_call_id",
                row.carrier_call_id.as_deref(),
                CarrierCallId::parse,
            )?,
            failure,
            conversation: row.conversation.as_deref().map(read_conversation).transpose()?,
        })
    }
}
