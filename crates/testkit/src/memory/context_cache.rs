use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{ContextCache, PortUnavailable};
use domain::{ConversationContext, ConversationId};

use super::{Memory, StoredContext};

#[async_trait]
impl ContextCache for Memory {
    async fn store(&self, context: &ConversationContext, ttl: Duration) -> Result<(), PortUnavailable> {
        let stored = StoredContext { context: context.clone(), until: self.now().after(ttl) };
        self.open()?.contexts.insert(context.conversation_id().clone(), stored);
        Ok(())
    }

    async fn find(
        &self,
        conversation_id: &ConversationId,
    ) -> Result<Option<ConversationContext>, PortUnavailable> {
        let (tables, now) = (self.open()?, self.now());
        let stored = tables.contexts.get(conversation_id).filter(|stored| stored.until > now);
        Ok(stored.map(|stored| stored.context.clone()))
    }

    async fn remove(&self, conversation_id: &ConversationId) -> Result<(), PortUnavailable> {
        self.open()?.contexts.remove(conversation_id);
        Ok(())
    }
}
