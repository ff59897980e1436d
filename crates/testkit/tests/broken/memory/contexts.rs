use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{ContextCache, PortUnavailable};
use domain::{ConversationContext, ConversationId};

use super::{Memory, lock};
use crate::flaw::Flaw;

/// Each context with the moment at which it is forgotten.
pub(super) type Contexts = HashMap<ConversationId, (ConversationContext, Duration)>;

impl Memory {
    pub(super) fn write_context(&self, context: &ConversationContext, ttl: Duration) {
        let id = context.conversation_id().clone();
        let mut contexts = lock(&self.store.contexts);
        if self.has(Flaw::KeepsTheFirstContext) && contexts.contains_key(&id) {
            return;
        }
        let is_inbound = |context: &ConversationContext| matches!(context, ConversationContext::Inbound(_));
        let is_other_kind =
            contexts.get(&id).is_some_and(|(kept, _)| is_inbound(kept) != is_inbound(context));
        if self.has(Flaw::KeepsTheFirstKind) && is_other_kind {
            return;
        }
        let mut context = context.clone();
        if let ConversationContext::Inbound(context) = &mut context
            && self.has(Flaw::DropsTheContextsContact)
        {
            context.contact_id = None;
        }
        if let ConversationContext::Outbound(context) = &mut context
            && self.has(Flaw::DropsTheContextsReason)
        {
            context.reason = None;
        }
        contexts.insert(id, (context, self.now() + ttl));
    }
}

#[async_trait]
impl ContextCache for Memory {
    async fn store(&self, context: &ConversationContext, ttl: Duration) -> Result<(), PortUnavailable> {
        self.reach(context.conversation_id().as_str()).await?;
        self.write_context(context, ttl);
        Ok(())
    }

    async fn find(
        &self,
        conversation_id: &ConversationId,
    ) -> Result<Option<ConversationContext>, PortUnavailable> {
        self.reach(conversation_id.as_str()).await?;
        let contexts = lock(&self.store.contexts);
        let kept = match contexts.get(conversation_id) {
            None if self.has(Flaw::AnswersSomeContext) => contexts.values().next(),
            kept => kept,
        };
        let alive = |(_, until): &&(ConversationContext, Duration)| {
            self.has(Flaw::NeverForgets) || *until > self.now()
        };
        Ok(kept.filter(alive).map(|(context, _)| context.clone()))
    }
}
