use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{ContextCache, PortUnavailable};
use domain::{ConversationContext, ConversationId};

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl ContextCache for BrokenStore {
    async fn store(&self, context: &ConversationContext, ttl: Duration) -> Result<(), PortUnavailable> {
        self.reach(context.conversation_id().as_str()).await?;
        let stored = self.memory.tables().contexts.get(context.conversation_id()).cloned();
        let mut context = context.clone();
        match (self.flaw, &mut context) {
            (Flaw::KeepsTheFirstContext, _) if stored.is_some() => return Ok(()),
            (Flaw::KeepsTheFirstKind, new) => {
                let is_inbound =
                    |context: &ConversationContext| matches!(context, ConversationContext::Inbound(_));
                if stored.is_some_and(|stored| is_inbound(&stored.context) != is_inbound(new)) {
                    return Ok(());
                }
            }
            (Flaw::DropsTheContextsContact, ConversationContext::Inbound(new)) => new.contact_id = None,
            (Flaw::DropsTheContextsReason, ConversationContext::Outbound(new)) => new.reason = None,
            _ => {}
        }
        self.memory.store(&context, ttl).await
    }

    async fn find(
        &self,
        conversation_id: &ConversationId,
    ) -> Result<Option<ConversationContext>, PortUnavailable> {
        self.reach(conversation_id.as_str()).await?;
        let found = ContextCache::find(&self.memory, conversation_id).await?;
        let tables = self.memory.tables();
        let wrong = match self.flaw {
            Flaw::NeverForgets => tables.contexts.get(conversation_id),
            Flaw::AnswersSomeContext => tables.contexts.values().next(),
            _ => None,
        };
        Ok(found.or_else(|| wrong.map(|stored| stored.context.clone())))
    }

    async fn remove(&self, conversation_id: &ConversationId) -> Result<(), PortUnavailable> {
        self.reach(conversation_id.as_str()).await?;
        let is_inbound = self
            .memory
            .tables()
            .contexts
            .get(conversation_id)
            .is_some_and(|stored| matches!(stored.context, ConversationContext::Inbound(_)));
        if self.has(Flaw::RemovesOutboundContextsAlone) && is_inbound {
            return Ok(());
        }
        ContextCache::remove(&self.memory, conversation_id).await
    }
}
