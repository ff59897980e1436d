//! The events of calls, as rows: written beside what they tell of, read with whom they are about.

use domain::ports::PortUnavailable;
use domain::{
    AgentId, CallEvent, CallEventKind, CallId, CallIdentity, CallStatus, ContactId, ConversationId, EventId,
    EventSequence, OrganizationId, PhoneNumber, Timestamp, UserId,
};
use sqlx::SqliteConnection;

use crate::failure::{failed, unavailable, unreadable};
use crate::wall_clock::now;

/// Writes the steps that a call took by rising from one status to another. To be called in the transaction that raised it, and
/// after that.
pub(crate) async fn write_rise(
    connection: &mut SqliteConnection,
    call_id: &str,
    before: CallStatus,
    after: CallStatus,
) -> Result<(), PortUnavailable> {
    for kind in CallEventKind::between(before, after) {
        write_event(connection, call_id, kind).await?;
    }
    Ok(())
}

/// Writes that a call took a step, and stands where its row says now. A step that is written stays as it was.
pub(crate) async fn write_event(
    connection: &mut SqliteConnection,
    call_id: &str,
    kind: CallEventKind,
) -> Result<(), PortUnavailable> {
    let (kind, happened_at) = (kind.as_str(), now().unix_millis());
    sqlx::query!(
        "insert into call_events (call_id, kind, status_rank, organization_id, conversation_id, happened_at)
         select id, ?, status_rank, organization_id, conversation_id, ? from calls where id = ?
         on conflict do nothing",
        kind,
        happened_at,
        call_id
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// A published event with its call.
pub(crate) struct EventRow {
    pub(crate) position: i64,
    pub(crate) call_id: String,
    pub(crate) kind: String,
    pub(crate) status_rank: i64,
    pub(crate) organization_id: String,
    pub(crate) conversation_id: Option<String>,
    pub(crate) user_id: String,
    pub(crate) contact_id: String,
    pub(crate) agent_id: String,
    pub(crate) from_number: String,
    pub(crate) to_number: String,
    pub(crate) happened_at: i64,
}

impl TryFrom<EventRow> for CallEvent {
    type Error = PortUnavailable;

    fn try_from(row: EventRow) -> Result<Self, PortUnavailable> {
        let call_id = CallId::parse(&row.call_id).map_err(unreadable("call_events.call_id"))?;
        let (kind, status) = (kind(&row.kind)?, status(row.status_rank)?);
        Ok(Self {
            identity: CallIdentity {
                call_id: call_id.clone(),
                organization_id: OrganizationId::parse(&row.organization_id)
                    .map_err(unreadable("call_events.organization_id"))?,
                user_id: UserId::parse(&row.user_id).map_err(unreadable("calls.user_id"))?,
                contact_id: ContactId::parse(&row.contact_id).map_err(unreadable("calls.contact_id"))?,
                agent_id: AgentId::parse(&row.agent_id).map_err(unreadable("calls.agent_id"))?,
                from: PhoneNumber::parse(&row.from_number).map_err(unreadable("calls.from_number"))?,
                to: PhoneNumber::parse(&row.to_number).map_err(unreadable("calls.to_number"))?,
            },
            sequence: sequence(row.position)?,
            id: EventId::of(&call_id, kind, status),
            kind,
            status,
            conversation_id: row
                .conversation_id
                .map(|id| ConversationId::parse(&id))
                .transpose()
                .map_err(unreadable("call_events.conversation_id"))?,
            happened_at: Timestamp::from_unix_millis(row.happened_at),
        })
    }
}

/// The kind with this name.
pub(crate) fn kind(name: &str) -> Result<CallEventKind, PortUnavailable> {
    CallEventKind::from_name(name).ok_or(()).map_err(unreadable("call_events.kind"))
}

/// The status with this rank.
pub(crate) fn status(rank: i64) -> Result<CallStatus, PortUnavailable> {
    let status = u8::try_from(rank).ok().and_then(CallStatus::from_rank);
    status.ok_or_else(|| failed("a status_rank holds something that cannot be read"))
}

/// The place with this number.
pub(crate) fn sequence(number: i64) -> Result<EventSequence, PortUnavailable> {
    EventSequence::from_number(number).ok_or(()).map_err(unreadable("call_events.position"))
}
