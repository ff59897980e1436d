use domain::ports::PortUnavailable;
use domain::{
    AgentId, CallEvent, CallEventKind, CallId, CallIdentity, CallStatus, ContactId, ConversationId, EventId,
    EventSequence, OrganizationId, PhoneNumber, UserId,
};
use time::OffsetDateTime;

use crate::moment::moment;
use crate::row::{read, read_optional, unreadable};

/// A published event with its call.
pub(crate) struct EventRow {
    pub(crate) position: i64,
    pub(crate) kind: String,
    pub(crate) status_rank: i16,
    pub(crate) conversation_id: Option<String>,
    pub(crate) happened_at: OffsetDateTime,
    pub(crate) call_id: String,
    pub(crate) organization_id: String,
    pub(crate) user_id: String,
    pub(crate) contact_id: String,
    pub(crate) agent_id: String,
    pub(crate) from_number: String,
    pub(crate) to_number: String,
}

impl TryFrom<EventRow> for CallEvent {
    type Error = PortUnavailable;

    fn try_from(row: EventRow) -> Result<Self, PortUnavailable> {
        let step = EventStep::read(&row.call_id, &row.kind, row.status_rank)?;
        Ok(Self {
            id: step.id(),
            identity: CallIdentity {
                call_id: step.call_id,
                organization_id: read("calls.organization_id", &row.organization_id, OrganizationId::parse)?,
                user_id: read("calls.user_id", &row.user_id, UserId::parse)?,
                contact_id: read("calls.contact_id", &row.contact_id, ContactId::parse)?,
                agent_id: read("calls.agent_id", &row.agent_id, AgentId::parse)?,
                from: read("calls.from_number", &row.from_number, PhoneNumber::parse)?,
                to: read("calls.to_number", &row.to_number, PhoneNumber::parse)?,
            },
            sequence: read_sequence(row.position)?,

            kind: step.kind,
            status: step.status,
            conversation_id: read_optional(
                "call_events.conversation_id",
                row.conversation_id.as_deref(),
                ConversationId::parse,
            )?,
            happened_at: moment(row.happened_at),
        })
    }
}

/// What an event is known by.
pub(crate) struct EventStep {
    pub(crate) call_id: CallId,
    pub(crate) kind: CallEventKind,
    pub(crate) status: CallStatus,
}

impl EventStep {
    pub(crate) fn read(call_id: &str, kind: &str, status_rank: i16) -> Result<Self, PortUnavailable> {
        let status = u8::try_from(status_rank).ok().and_then(CallStatus::from_rank);
        Ok(Self {
            call_id: read("call_events.call_id", call_id, CallId::parse)?,
            kind: CallEventKind::from_name(kind).ok_or_else(|| unreadable("call_events.kind"))?,
            status: status.ok_or_else(|| unreadable("call_events.status_rank"))?,
        })
    }

    pub(crate) fn id(&self) -> EventId {
        EventId::of(&self.call_id, self.kind, self.status)
    }
}

pub(crate) fn read_sequence(number: i64) -> Result<EventSequence, PortUnavailable> {
    EventSequence::from_number(number).ok_or_else(|| unreadable("call_events.position"))
}
