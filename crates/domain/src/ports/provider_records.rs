use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallId, CallUpdate, ConversationId, ProviderAgentId, Timestamp};

/// What the provider itself has recorded of a call.
///
/// - MUST tell of a call that is found by its conversation (`a_recorded_conversation_is_found`), or by our id where the
///   conversation is not known (`a_call_is_found_by_our_id`).
/// - MUST answer nothing for a call that the provider does not know (`a_call_that_was_never_dialled_is_not_recorded`).
/// - MUST NOT dial (`asking_never_dials`).
/// - MUST answer `PortUnavailable`, and not *nothing*, where the provider does not answer, answers in part, or refuses
///   (`an_unreachable_provider_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ProviderRecords: Send + Sync {
    /// What is recorded of this call.
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable>;
}

/// Which call is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLookup {
    /// Our id, which travelled with the dial.
    pub call_id: CallId,
    /// The provider's conversation, where it is known.
    pub conversation_id: Option<ConversationId>,
    /// The agent at the provider.
    pub provider_agent_id: Option<ProviderAgentId>,
    /// When the call was booked.
    pub booked_at: Timestamp,
}
