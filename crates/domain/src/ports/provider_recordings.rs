use std::fmt;

use async_trait::async_trait;

use super::{AudioStream, PortUnavailable};
use crate::{AudioFormat, CallId, ConversationId};

/// Fetches recordings that the provider keeps, for calls whose webhook brought none.
///
/// - MUST return the recording of a conversation, byte for byte and with its format
///   (`a_recording_is_fetched`), whatever its size and in chunks of at most 1 MiB
///   (`a_large_recording_is_fetched_in_chunks`).
/// - MUST return `None` if the provider responds that it has no such recording
///   (`a_missing_recording_is_none`).
/// - MUST return `PortUnavailable`, and not `None`, if the provider does not respond, refuses the
///   request, or responds with an error or with something else. MUST end the stream with
///   `PortUnavailable` after a part of a recording (`an_unclear_response_is_unavailable`). The error
///   quotes nothing from the response (`an_error_quotes_no_response`).
/// - MUST NOT dial (`fetching_never_dials`).
/// - MUST send at most two requests for each call of `fetch` (`a_fetch_is_at_most_two_requests`):
///   the gateway repeats it later.
///
/// An implementation reads from the provider no faster than its stream is read, and ends a stream
/// from which nothing comes.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ProviderRecordings: Send + Sync {
    /// Fetches the recording of this conversation, which belongs to this call. It changes nothing at the
    /// provider, so it may be repeated.
    async fn fetch(
        &self,
        call_id: &CallId,
        conversation_id: &ConversationId,
    ) -> Result<Option<FetchedRecording>, PortUnavailable>;
}

/// A recording that comes from the provider.
pub struct FetchedRecording {
    /// Its format.
    pub format: AudioFormat,
    /// Its content.
    pub audio: AudioStream,
}

impl fmt::Debug for FetchedRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedRecording").field("format", &self.format).finish_non_exhaustive()
    }
}
