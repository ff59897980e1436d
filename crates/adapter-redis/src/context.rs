use std::time::Duration;

use async_trait::async_trait;
use domain::{
    ConversationContext, ConversationId,
    ports::{ContextCache, PortUnavailable},
};

use crate::{
    keys,
    store::{RedisStore, request},
    wire,
};

#[async_trait]
impl ContextCache for RedisStore {
    async fn store(&self, context: &ConversationContext, ttl: Duration) -> Result<(), PortUnavailable> {
        let value = match context {
            ConversationContext::Outbound(context) => wire::outbound(context),
            ConversationContext::Inbound(context) => wire::inbound(context),
        };
        self.set(&keys::context(self.key_prefix(), context.conversation_id()), &value, ttl).await
    }

    async fn find(
        &self,
        conversation_id: &ConversationId,
    ) -> Result<Option<ConversationContext>, PortUnavailable> {
        let mut request = request();
        request.cmd("GET").arg(keys::context(self.key_prefix(), conversation_id));
        let Some(value) = self.reply::<Option<Vec<u8>>>(&request).await? else { return Ok(None) };
        let context = wire::parse_context(&value)?;
        if context.conversation_id() != conversation_id {
            return Err(wire::unreadable_context());
        }
        Ok(Some(context))
    }

    async fn remove(&self, conversation_id: &ConversationId) -> Result<(), PortUnavailable> {
        let mut request = request();
        request.cmd("DEL").arg(keys::context(self.key_prefix(), conversation_id));
        self.reply::<u64>(&request).await.map(drop)
    }
}
