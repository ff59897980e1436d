use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallId, CallUpdate, ConversationId, ProviderAgentId, Timestamp};

/// Asks the provider what it has recorded about a call.
///
/// - MUST find a call by its conversation (`a_recorded_conversation_is_found`), or by our id if the
///   conversation is not known (`a_call_is_found_by_our_id`).
/// - MUST NOT report another call's record, if the provider returns it in place of ours
///   (`another_calls_record_is_not_reported`).
/// - MUST NOT report an end, or an answer, that the provider does not report (`no_end_is_guessed`).
/// - MUST return `None` for a call that the provider does not know
///   (`a_call_that_was_never_dialled_is_not_recorded`).
/// - MUST return `PortUnavailable`, not `None`, for a full list without our call: it may be
///   incomplete (`a_full_list_without_our_call_is_unavailable`).
/// - MUST return `PortUnavailable`, not one of them, for two calls with our id
///   (`two_calls_with_our_id_are_unavailable`).
/// - MUST NOT dial (`asking_never_dials`).
/// - MUST return `PortUnavailable`, not `None`, if the provider does not respond, responds with an
///   incomplete record, or refuses (`an_unreachable_provider_is_unavailable`), or if the response
///   or an item of its list is not the provider's (`a_foreign_record_is_unavailable`).
/// - MUST NOT show the API key or the provider's texts in an error or the log
///   (`an_error_and_the_log_show_no_key`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ProviderRecords: Send + Sync {
    /// Finds the provider's record of a call.
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable>;
}

/// The identifiers by which the provider finds a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLookup {
    /// Our id, which was sent with the dial.
    pub call_id: CallId,
    /// The provider's id of the conversation, if it is known.
    pub conversation_id: Option<ConversationId>,
    /// The provider's id of the agent.
    pub provider_agent_id: Option<ProviderAgentId>,
    /// When the call was booked.
    pub booked_at: Timestamp,
}
