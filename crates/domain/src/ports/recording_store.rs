use async_trait::async_trait;

use super::PortUnavailable;
use crate::{AudioFormat, RecordingAccess, RecordingKey};

/// Stores recordings as files or objects, outside the ledger.
///
/// - MUST return the stored bytes (`a_stored_recording_is_read_back`), and keep recordings with any
///   names apart (`names_of_any_kind_are_kept_apart`).
/// - MUST replace the recording that was stored under the same name
///   (`a_recording_stored_again_is_replaced`), and never show a part of one
///   (`a_reader_never_sees_half_a_recording`).
/// - MUST return `None` for a name under which nothing is stored
///   (`an_absent_recording_is_nothing`).
/// - MUST still have a recording after the store was opened again
///   (`a_recording_outlives_the_store_that_took_it`).
/// - MUST return `PortUnavailable`, within 30 s and without quoting data, when the store is lost
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

    /// Gives access to a recording, if there is one. A returned link pointed at a recording a
    /// moment ago.
    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable>;
}
