use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{ConversationContext, ConversationId};

/// What the post-call webhook wants to know, under the provider's conversation id. A cache: the ledger can replace it.
///
/// - MUST find what was kept, every field, of a call that was placed (`a_stored_context_is_found_in_full`) and of one that came in
///   (`a_stored_inbound_context_is_found_in_full`).
/// - MUST replace what was kept before under the same id (`a_context_stored_again_is_replaced`).
/// - MUST answer nothing for an id that is not kept (`an_unknown_conversation_has_no_context`).
/// - MUST forget a context when its time has run out (`a_context_is_forgotten_after_its_time`).
/// - MUST answer `PortUnavailable`, within 2 s and without quoting data, when the store is lost
///   (`a_lost_context_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ContextCache: Send + Sync {
    /// Keeps a context for `ttl` from now.
    async fn store(&self, context: &ConversationContext, ttl: Duration) -> Result<(), PortUnavailable>;

    /// The context of this conversation.
    async fn find(
        &self,
        conversation_id: &ConversationId,
    ) -> Result<Option<ConversationContext>, PortUnavailable>;
}
