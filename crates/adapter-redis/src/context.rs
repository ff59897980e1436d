//! The context cache: one key for each conversation.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{Pipeline, Value};
use domain::{
    CallContext, ConversationContext, ConversationId,
    ports::{ContextCache, PortUnavailable},
};

use crate::{
    failure,
    keys::Key,
    store::{RedisStore, millis, request},
    wire,
};

#[async_trait]
impl ContextCache for RedisStore {
    async fn store(&self, context: &ConversationContext, ttl: Duration) -> Result<(), PortUnavailable> {
        let value = match context {
            ConversationContext::Outbound(context) => wire::context(context),
            ConversationContext::Inbound(context) => wire::inbound(context),
        };
        let mut request = request();
        self.keep_value(&mut request, context.conversation_id(), value, ttl);
        match self.send(&request, self.deadline()).await?.take()? {
            Value::Okay => Ok(()),
            _ => Err(failure::unexpected_reply()),
        }
    }

    async fn find(
        &self,
        conversation_id: &ConversationId,
    ) -> Result<Option<ConversationContext>, PortUnavailable> {
        let mut request = request();
        request.cmd("GET").arg(Key::context(self.key_prefix(), conversation_id));
        let value: Option<Vec<u8>> = self.send(&request, self.deadline()).await?.take()?;
        let Some(value) = value else { return Ok(None) };
        let context = wire::parse_context(&value)?;
        if context.conversation_id() != conversation_id {
            return Err(wire::unreadable_context());
        }
        Ok(Some(context))
    }
}

impl RedisStore {
    /// Puts the command that keeps the context of a placed call into a request.
    pub(crate) fn keep_command(&self, request: &mut Pipeline, context: &CallContext, ttl: Duration) {
        self.keep_value(request, &context.conversation_id, wire::context(context), ttl);
    }

    fn keep_value(&self, request: &mut Pipeline, id: &ConversationId, value: String, ttl: Duration) {
        let key = Key::context(self.key_prefix(), id);
        request.cmd("SET").arg(key).arg(value).arg("PX").arg(millis(ttl));
    }
}
