use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{ContextCache, PortUnavailable};
use domain::{
    AgentId, CallContext, CallId, CallIdentity, CallReason, CarrierCallId, ContactId, ConversationContext,
    ConversationId, OrganizationId, PhoneNumber, ProviderAgentId, Timestamp, UserId,
};
use sqlx::{Acquire, SqliteConnection};

use crate::SqliteStore;
use crate::failure::{LEASE_LIMIT, unavailable, unreadable, within};
use crate::inbound_contexts::{find_inbound, keep_inbound};
use crate::wall_clock::now;

struct ContextRow {
    conversation_id: String,
    call_id: String,
    organization_id: String,
    user_id: String,
    contact_id: String,
    agent_id: String,
    provider_agent_id: String,
    from_number: String,
    to_number: String,
    reason: Option<String>,
    carrier_call_id: Option<String>,
    started_at: i64,
}

impl TryFrom<ContextRow> for CallContext {
    type Error = PortUnavailable;

    fn try_from(row: ContextRow) -> Result<Self, PortUnavailable> {
        Ok(Self {
            identity: CallIdentity {
                call_id: CallId::parse(&row.call_id).map_err(unreadable("call_contexts.call_id"))?,
                organization_id: OrganizationId::parse(&row.organization_id)
                    .map_err(unreadable("call_contexts.organization_id"))?,
                user_id: UserId::parse(&row.user_id).map_err(unreadable("call_contexts.user_id"))?,
                contact_id: ContactId::parse(&row.contact_id)
                    .map_err(unreadable("call_contexts.contact_id"))?,
                agent_id: AgentId::parse(&row.agent_id).map_err(unreadable("call_contexts.agent_id"))?,
                from: PhoneNumber::parse(&row.from_number)
                    .map_err(unreadable("call_contexts.from_number"))?,
                to: PhoneNumber::parse(&row.to_number).map_err(unreadable("call_contexts.to_number"))?,
            },
            conversation_id: ConversationId::parse(&row.conversation_id)
                .map_err(unreadable("call_contexts.conversation_id"))?,
            provider_agent_id: ProviderAgentId::parse(&row.provider_agent_id)
                .map_err(unreadable("call_contexts.provider_agent_id"))?,
            reason: row
                .reason
                .map(|reason| CallReason::parse(&reason))
                .transpose()
                .map_err(unreadable("call_contexts.reason"))?,
            carrier_call_id: row
                .carrier_call_id
                .map(|id| CarrierCallId::parse(&id))
                .transpose()
                .map_err(unreadable("call_contexts.carrier_call_id"))?,
            started_at: Timestamp::from_unix_millis(row.started_at),
        })
    }
}

#[async_trait]
impl ContextCache for SqliteStore {
    async fn store(&self, context: &ConversationContext, ttl: Duration) -> Result<(), PortUnavailable> {
        within(LEASE_LIMIT, async {
            let mut transaction = self.connections.begin_lease().await?;
            match context {
                ConversationContext::Outbound(context) => {
                    keep_outbound(&mut transaction, context, ttl).await?;
                }
                ConversationContext::Inbound(context) => {
                    keep_inbound(&mut transaction, context, ttl).await?;
                }
            }
            transaction.commit().await
        })
        .await
    }

    async fn find(
        &self,
        conversation_id: &ConversationId,
    ) -> Result<Option<ConversationContext>, PortUnavailable> {
        let conversation_id = conversation_id.as_str();
        let now = now().unix_millis();
        within(LEASE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            // It may move from one table to the other between two looks.
            let mut snapshot = reader.begin().await.map_err(unavailable)?;
            let row = sqlx::query_as!(
                ContextRow,
                "select conversation_id, call_id, organization_id, user_id, contact_id, agent_id, provider_agent_id,
                        from_number, to_number, reason, carrier_call_id, started_at
                 from call_contexts where conversation_id = ? and expires_at > ?",
                conversation_id,
                now
            )
            .fetch_optional(&mut *snapshot)
            .await
            .map_err(unavailable)?;
            if let Some(row) = row {
                return row.try_into().map(ConversationContext::Outbound).map(Some);
            }
            let inbound = find_inbound(&mut snapshot, conversation_id, now).await?;
            Ok(inbound.map(ConversationContext::Inbound))
        })
        .await
    }
}

/// Writes the context of a call that was placed, over what is kept of the same conversation.
pub(crate) async fn keep_outbound(
    connection: &mut SqliteConnection,
    context: &CallContext,
    ttl: Duration,
) -> Result<(), PortUnavailable> {
    let conversation_id = context.conversation_id.as_str();
    let call_id = context.identity.call_id.as_str();
    let organization_id = context.identity.organization_id.as_str();
    let user_id = context.identity.user_id.as_str();
    let contact_id = context.identity.contact_id.as_str();
    let agent_id = context.identity.agent_id.as_str();
    let provider_agent_id = context.provider_agent_id.as_str();
    let (from, to) = (context.identity.from.as_e164(), context.identity.to.as_e164());
    let reason = context.reason.as_ref().map(|reason| reason.as_str());
    let carrier_call_id = context.carrier_call_id.as_ref().map(|id| id.as_str());
    let started_at = context.started_at.unix_millis();
    let expires_at = now().after(ttl).unix_millis();
    sqlx::query!(
        "insert or replace into call_contexts
             (conversation_id, call_id, organization_id, user_id, contact_id, agent_id, provider_agent_id, from_number,
              to_number, reason, carrier_call_id, started_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        conversation_id,
        call_id,
        organization_id,
        user_id,
        contact_id,
        agent_id,
        provider_agent_id,
        from,
        to,
        reason,
        carrier_call_id,
        started_at,
        expires_at
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    sqlx::query!("delete from inbound_contexts where conversation_id = ?", conversation_id)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}
