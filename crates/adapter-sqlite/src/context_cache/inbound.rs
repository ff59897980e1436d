//! The contexts of inbound calls.

use std::time::Duration;

use domain::ports::PortUnavailable;
use domain::{ContactId, ConversationId, InboundContext, ProviderAgentId};
use sql_common::{Columns, StoredTime, Table, Unreadable};
use sqlx::SqliteConnection;

use crate::clock::now;
use crate::statement::{execute, read, row};

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

impl Columns for InboundRow {
    type Value = InboundContext;

    fn read(self) -> Result<InboundContext, Unreadable> {
        let table = Table("inbound_contexts");
        let (organization_id, provider_agent_id) = (self.organization_id, self.provider_agent_id);
        Ok(InboundContext {
            conversation_id: table.read("conversation_id", self.conversation_id)?,
            organization_id: table.read("organization_id", organization_id)?,
            user_id: table.read("user_id", self.user_id)?,
            contact_id: table.read_optional("contact_id", self.contact_id)?,
            provider_agent_id: table.read_optional("provider_agent_id", provider_agent_id)?,
            caller: table.read("caller_number", self.caller_number)?,
            called: table.read("called_number", self.called_number)?,
            started_at: self.started_at.timestamp(),
        })
    }
}

/// The context of this conversation, unless it has expired.
pub(super) async fn find_inbound(
    connection: &mut SqliteConnection,
    conversation_id: &ConversationId,
    now_millis: i64,
) -> Result<Option<InboundContext>, PortUnavailable> {
    let context = sqlx::query_as!(
        InboundRow,
        "select conversation_id, organization_id, user_id, contact_id, provider_agent_id, caller_number, called_number,
                started_at
         from inbound_contexts where conversation_id = ? and expires_at > ?",
        conversation_id.as_str(),
        now_millis
    );
    row(connection, context).await?.map(read).transpose()
}

/// Stores the context of an inbound call. It replaces the context of the same conversation.
pub(super) async fn store_inbound(
    connection: &mut SqliteConnection,
    context: &InboundContext,
    ttl: Duration,
) -> Result<(), PortUnavailable> {
    let conversation_id = context.conversation_id.as_str();
    let stored = sqlx::query!(
        "insert or replace into inbound_contexts
             (conversation_id, organization_id, user_id, contact_id, provider_agent_id, caller_number, called_number,
              started_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        conversation_id,
        context.organization_id.as_str(),
        context.user_id.as_str(),
        context.contact_id.as_ref().map(ContactId::as_str),
        context.provider_agent_id.as_ref().map(ProviderAgentId::as_str),
        context.caller.as_e164(),
        context.called.as_e164(),
        context.started_at.unix_millis(),
        now().after(ttl).unix_millis()
    );
    execute(connection, stored).await?;
    let outbound = sqlx::query!("delete from call_contexts where conversation_id = ?", conversation_id);
    execute(connection, outbound).await.map(drop)
}
