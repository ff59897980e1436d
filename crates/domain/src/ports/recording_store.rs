use async_trait::async_trait;

use super::PortUnavailable;
use crate::{AudioFormat, RecordingAccess, RecordingKey};

/// Where recordings lie: files or objects, apart from the books.
///
/// - MUST give back what was stored, byte for byte (`a_stored_recording_is_read_back`), under names of any kind, each of them
///   another recording (`names_of_any_kind_are_kept_apart`).
/// - MUST replace what was stored under the same name (`a_recording_stored_again_is_replaced`), never showing half of it
///   (`a_reader_never_sees_half_a_recording`).
/// - MUST answer nothing for a name under which nothing is stored (`an_absent_recording_is_nothing`).
/// - MUST have a stored recording still when it is opened anew (`a_recording_outlives_the_store_that_took_it`).
/// - MUST answer `PortUnavailable`, within 30 s and without quoting data, when the store is lost
///   (`a_lost_recording_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RecordingStore: Send + Sync {
    /// Stores a recording durably.
    async fn put(
        &self,
        key: &RecordingKey,
        format: AudioFormat,
        bytes: Vec<u8>,
    ) -> Result<(), PortUnavailable>;

    /// How to get at a recording, if there is one. Where a link is given, the recording was there a moment ago.
    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable>;
}
