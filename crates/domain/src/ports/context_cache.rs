use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{ConversationContext, ConversationId};

/// Stores what a provider event needs to know about its conversation, under the provider's
/// conversation id. It is a cache: the ledger can replace it.
///
/// - MUST find every field of a stored context, for a call that we placed
///   (`a_stored_context_is_found_in_full`) and for an inbound call
///   (`a_stored_inbound_context_is_found_in_full`).
/// - MUST replace the context that was stored under the same id
///   (`a_context_stored_again_is_replaced`).
/// - MUST return `None` for an id that is not stored (`an_unknown_conversation_has_no_context`).
/// - MUST drop a context when its time to live ends (`a_context_is_forgotten_after_its_time`).
/// - MUST have no context of a conversation after it was removed, for a call that we placed and for an
///   inbound one (`a_removed_context_is_absent`).
/// - MUST return `PortUnavailable`, within 2 s and without quoting data, when the store is lost
///   (`a_lost_context_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ContextCache: Send + Sync {
    /// Stores a context for `ttl` from now.
    async fn store(&self, context: &ConversationContext, ttl: Duration) -> Result<(), PortUnavailable>;

    /// Finds the context of this conversation.
    async fn find(
        &self,
        conversation_id: &ConversationId,
    ) -> Result<Option<ConversationContext>, PortUnavailable>;

    /// Removes the context of this conversation, if there is one.
    async fn remove(&self, conversation_id: &ConversationId) -> Result<(), PortUnavailable>;
}
