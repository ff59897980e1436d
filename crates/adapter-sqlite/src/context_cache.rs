mod inbound;

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{ContextCache, PortUnavailable};
use domain::{CallContext, CallReason, CarrierCallId, ConversationContext, ConversationId};
use sql_common::{Columns, StoredTime, Table, Unreadable, read_call_identity};
use sqlx::{Acquire, SqliteConnection};

use self::inbound::{find_inbound, store_inbound};
use crate::SqliteStore;
use crate::clock::now;
use crate::failure::{LEASE_LIMIT, unavailable, within};
use crate::statement::{execute, read, row};

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

impl Columns for ContextRow {
    type Value = CallContext;

    fn read(self) -> Result<CallContext, Unreadable> {
        let table = Table("call_contexts");
        let call_id = table.read("call_id", self.call_id)?;
        Ok(CallContext {
            identity: read_call_identity!(table, call_id, self),
            conversation_id: table.read("conversation_id", self.conversation_id)?,
            provider_agent_id: table.read("provider_agent_id", self.provider_agent_id)?,
            reason: table.read_optional("reason", self.reason)?,
            carrier_call_id: table.read_optional("carrier_call_id", self.carrier_call_id)?,
            started_at: self.started_at.timestamp(),
        })
    }
}

#[async_trait]
impl ContextCache for SqliteStore {
    async fn store(&self, context: &ConversationContext, ttl: Duration) -> Result<(), PortUnavailable> {
        within(LEASE_LIMIT, async {
            let mut transaction = self.connections.begin_unsynced().await?;
            match context {
                ConversationContext::Outbound(context) => {
                    store_outbound(&mut transaction, context, ttl).await?;
                }
                ConversationContext::Inbound(context) => {
                    store_inbound(&mut transaction, context, ttl).await?;
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
        let now = now().unix_millis();
        within(LEASE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            // One snapshot for both tables: the conversation may move from one to the other between
            // two reads.
            let mut snapshot = reader.begin().await.map_err(unavailable)?;
            let outbound = sqlx::query_as!(
                ContextRow,
                "select conversation_id, call_id, organization_id, user_id, contact_id, agent_id, provider_agent_id,
                        from_number, to_number, reason, carrier_call_id, started_at
                 from call_contexts where conversation_id = ? and expires_at > ?",
                conversation_id.as_str(),
                now
            );
            if let Some(outbound) = row(&mut snapshot, outbound).await? {
                return read(outbound).map(ConversationContext::Outbound).map(Some);
            }
            let inbound = find_inbound(&mut snapshot, conversation_id, now).await?;
            Ok(inbound.map(ConversationContext::Inbound))
        })
        .await
    }

    async fn remove(&self, conversation_id: &ConversationId) -> Result<(), PortUnavailable> {
        let conversation_id = conversation_id.as_str();
        let removed = self.write_unsynced(LEASE_LIMIT, |_| {
            sqlx::query!(
                "delete from call_contexts where conversation_id = ?;
                 delete from inbound_contexts where conversation_id = ?",
                conversation_id,
                conversation_id
            )
        });
        removed.await.map(drop)
    }
}

/// Stores the context of a placed call. It replaces the context of the same conversation.
///
/// Both statements are one query, because each query is handed to the connection's thread, which costs
/// more than its work.
pub(crate) async fn store_outbound(
    connection: &mut SqliteConnection,
    context: &CallContext,
    ttl: Duration,
) -> Result<(), PortUnavailable> {
    let (identity, conversation_id) = (&context.identity, context.conversation_id.as_str());
    let stored = sqlx::query!(
        "insert or replace into call_contexts
             (conversation_id, call_id, organization_id, user_id, contact_id, agent_id, provider_agent_id, from_number,
              to_number, reason, carrier_call_id, started_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
         delete from inbound_contexts where conversation_id = ?",
        conversation_id,
        identity.call_id.as_str(),
        identity.organization_id.as_str(),
        identity.user_id.as_str(),
        identity.contact_id.as_str(),
        identity.agent_id.as_str(),
        context.provider_agent_id.as_str(),
        identity.from.as_e164(),
        identity.to.as_e164(),
        context.reason.as_ref().map(CallReason::as_str),
        context.carrier_call_id.as_ref().map(CarrierCallId::as_str),
        context.started_at.unix_millis(),
        now().after(ttl).unix_millis(),
        conversation_id
    );
    execute(connection, stored).await.map(drop)
}
