use async_trait::async_trait;

use super::PortUnavailable;
use crate::{Audio, ConversationId};

/// The recordings that the provider keeps of conversations, for those that it did not bring.
/// Fetching is reading: it may be done again.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ProviderRecordings: Send + Sync {
    /// The recording of this conversation; nothing where the provider says that it has none. At
    /// most 16 MiB: one that is larger is unavailable.
    async fn fetch(&self, conversation_id: &ConversationId) -> Result<Option<Audio>, PortUnavailable>;
}
