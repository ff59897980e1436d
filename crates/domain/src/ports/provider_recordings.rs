use async_trait::async_trait;

use super::PortUnavailable;
use crate::{Audio, ConversationId};

/// Fetches recordings that the provider keeps, for calls whose webhook brought none.
///
/// - MUST return the recording of a conversation, byte for byte and with its format
///   (`a_recording_is_fetched`).
/// - MUST return `None` if the provider responds that it has no such recording
///   (`a_missing_recording_is_none`).
/// - MUST return `PortUnavailable`, and not `None`, if the provider does not respond, refuses the
///   request, or responds with an error, with part of a recording or with something else
///   (`an_unclear_response_is_unavailable`), and for a recording larger than 16 MiB
///   (`a_recording_that_is_too_large_is_unavailable`). The error quotes nothing from the response
///   (`an_error_quotes_no_response`).
/// - MUST NOT dial (`fetching_never_dials`).
/// - MUST send at most two requests for each call of `fetch` (`a_fetch_is_at_most_two_requests`):
///   the gateway repeats it later.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ProviderRecordings: Send + Sync {
    /// Fetches the recording of this conversation. It changes nothing at the provider, so it may be
    /// repeated.
    async fn fetch(&self, conversation_id: &ConversationId) -> Result<Option<Audio>, PortUnavailable>;
}
