//! What is known of calls that came in: the other half of the context cache.

use std::time::Duration;

use domain::ports::PortUnavailable;
use domain::{
    ContactId, ConversationId, InboundContext, OrganizationId, PhoneNumber, ProviderAgentId, Timestamp,
    UserId,
};
use sqlx::SqliteConnection;

use crate::failure::{unavailable, unreadable};
use crate::wall_clock::now;

struct InboundRow {
    conversation_id: String,
    organization_id: String,
    user_id: String,
    contact_id: Option<String>,
    provider_agent_id: Option<String>,
    caller_number: String,
    called_number: String,
    started_at: i64,
}

impl TryFrom<InboundRow> for InboundContext {
    type Error = PortUnavailable;

    fn try_from(row: InboundRow) -> Result<Self, PortUnavailable> {
        Ok(Self {
            conversation_id: ConversationId::parse(&row.conversation_id)
                .map_err(unreadable("inbound_contexts.conversation_id"))?,
            organization_id: OrganizationId::parse(&row.organization_id)
                .map_err(unreadable("inbound_contexts.organization_id"))?,
            user_id: UserId::parse(&row.user_id).map_err(unreadable("inbound_contexts.user_id"))?,
            contact_id: row
                .contact_id
                .map(|id| ContactId::parse(&id))
                .transpose()
                .map_err(unreadable("inbound_contexts.contact_id"))?,
            provider_agent_id: row
                .provider_agent_id
                .map(|id| ProviderAgentId::parse(&id))
                .transpose()
                .map_err(unreadable("inbound_contexts.provider_agent_id"))?,
            caller: PhoneNumber::parse(&row.caller_number)
                .map_err(unreadable("inbound_contexts.caller_number"))?,
            called: PhoneNumber::parse(&row.called_number)
                .map_err(unreadable("inbound_contexts.called_number"))?,
            started_at: Timestamp::from_unix_millis(row.started_at),
        })
    }
}

/// The context of this conversation, unless its time has run out.
pub(crate) async fn find_inbound(
    connection: &mut SqliteConnection,
    conversation_id: &str,
    now_millis: i64,
) -> Result<Option<InboundContext>, PortUnavailable> {
    let row = sqlx::query_as!(
        InboundRow,
        "select conversation_id, organization_id, user_id, contact_id, provider_agent_id, caller_number, called_number,
                started_at
         from inbound_contexts where conversation_id = ? and expires_at > ?",
        conversation_id,
        now_millis
    )
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    row.map(InboundContext::try_from).transpose()
}

/// Writes the context of a call that came in, over what is kept of the same conversation.
pub(crate) async fn keep_inbound(
    connection: &mut SqliteConnection,
    context: &InboundContext,
    ttl: Duration,
) -> Result<(), PortUnavailable> {
    let conversation_id = context.conversation_id.as_str();
    let organization_id = context.organization_id.as_str();
    let user_id = context.user_id.as_str();
    let contact_id = context.contact_id.as_ref().map(|id| id.as_str());
    let provider_agent_id = context.provider_agent_id.as_ref().map(|id| id.as_str());
    let (caller, called) = (context.caller.as_e164(), context.called.as_e164());
    let started_at = context.started_at.unix_millis();
    let expires_at = now().after(ttl).unix_millis();
    sqlx::query!(
        "insert or replace into inbound_contexts
             (conversation_id, organization_id, user_id, contact_id, provider_agent_id, caller_number, called_number,
              started_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        conversation_id,
        organization_id,
        user_id,
        contact_id,
        provider_agent_id,
        caller,
        called,
        started_at,
        expires_at
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    sqlx::query!("delete from call_contexts where conversation_id = ?", conversation_id)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}
