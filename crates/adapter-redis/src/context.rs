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
    async fn keep(&self, context: &ConversationContext, keep_for: Duration) -> Result<(), PortUnavailable> {
        let ConversationContext::Outbound(context) = context else { return Ok(()) };
        let mut request = request();
        self.keep_command(&mut request, context, keep_for);
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
        if context.conversation_id != *conversation_id {
            return Err(wire::unreadable_context());
        }
        Ok(Some(ConversationContext::Outbound(context)))
    }
}

impl RedisStore {
    /// Puts the command that keeps a context into a request.
    pub(crate) fn keep_command(&self, request: &mut Pipeline, context: &CallContext, keep_for: Duration) {
        let key = Key::context(self.key_prefix(), &context.conversation_id);
        request.cmd("SET").arg(key).arg(wire::context(context)).arg("PX").arg(millis(keep_for));
    }
}
