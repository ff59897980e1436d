use domain::{CallEvent, CallEventKind, CallId, CallStatus, EndReason, EventId, EventSequence};

use crate::{Columns, StoredTime, Table, Unreadable, read_call_identity};

const CALL_EVENTS: Table = Table("call_events");

/// A published call event with its call.
pub struct EventColumns<T> {
    pub position: i64,
    pub kind: String,
    pub status_rank: i64,
    pub end_reason: Option<String>,
    pub conversation_id: Option<String>,
    pub metadata: Option<String>,
    pub happened_at: T,
    pub call_id: String,
    pub organization_id: String,
    pub user_id: String,
    pub contact_id: String,
    pub agent_id: String,
    pub from_number: String,
    pub to_number: String,
}

impl<T: StoredTime> Columns for EventColumns<T> {
    type Value = CallEvent;

    fn read(self) -> Result<CallEvent, Unreadable> {
        let key = EventKey::read(&self.call_id, &self.kind, self.status_rank)?;
        Ok(CallEvent {
            sequence: read_sequence(self.position)?,
            id: key.id(),
            kind: key.kind,
            status: key.status,
            // A later release may know more reasons.
            end_reason: self.end_reason.and_then(|name| EndReason::from_name(&name)),
            identity: read_call_identity!(Table("calls"), key.call_id, self),
            conversation_id: CALL_EVENTS.read_optional("conversation_id", self.conversation_id)?,
            metadata: Table("calls").read_optional("metadata", self.metadata)?,
            happened_at: self.happened_at.timestamp(),
        })
    }
}

/// What identifies a call event.
pub(crate) struct EventKey {
    pub(crate) call_id: CallId,
    pub(crate) kind: CallEventKind,
    pub(crate) status: CallStatus,
}

impl EventKey {
    pub(crate) fn read(call_id: &str, kind: &str, status_rank: i64) -> Result<Self, Unreadable> {
        Ok(Self {
            call_id: CALL_EVENTS.read("call_id", call_id)?,
            kind: CALL_EVENTS.read("kind", kind)?,
            status: read_status(CALL_EVENTS, status_rank)?,
        })
    }

    pub(crate) fn id(&self) -> EventId {
        EventId::of(&self.call_id, self.kind, self.status)
    }
}

/// Reads the column `status_rank`.
pub fn read_status(table: Table, rank: i64) -> Result<CallStatus, Unreadable> {
    let status = u8::try_from(rank).ok().and_then(CallStatus::from_rank);
    status.ok_or_else(|| table.unreadable("status_rank"))
}

/// For each status, by its rank: the rank of the status that clients see once the call is given up.
pub fn ranks_once_given_up() -> [i16; CallStatus::ALL.len()] {
    CallStatus::ALL.map(|status| status.once_given_up().rank().into())
}

/// Reads `call_events.position`.
pub fn read_sequence(position: i64) -> Result<EventSequence, Unreadable> {
    EventSequence::from_number(position).ok_or_else(|| CALL_EVENTS.unreadable("position"))
}
