use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;

use super::{AudioError, AudioStream, PortUnavailable};
use crate::{AudioFormat, AudioPart, RecordingKey};

/// Stores recordings as files or objects, outside the ledger.
///
/// - MUST return the stored bytes and their number, for a recording of any size
///   (`a_stored_recording_is_read_back`), and keep recordings with any names apart
///   (`names_of_any_kind_are_kept_apart`).
/// - MUST open a recording with its size, and read exactly the part that is asked for
///   (`a_part_of_a_recording_is_read`).
/// - MUST replace the recording that was stored under the same name
///   (`a_recording_stored_again_is_replaced`), and never show a part of one
///   (`a_reader_never_sees_half_a_recording`).
/// - MUST return the error of a stream that ends with one, and store nothing of it
///   (`a_stream_that_fails_is_not_stored`).
/// - MUST return `None` for a name under which nothing is stored
///   (`an_absent_recording_is_nothing`).
/// - MUST find nothing under a name after its recording was removed, and return without an error if there is
///   none (`a_removed_recording_is_absent`).
/// - MUST still have a recording after the store was opened again
///   (`a_recording_outlives_the_store_that_took_it`).
/// - MUST return `PortUnavailable`, within 30 s and without quoting data, when the store is lost
///   (`a_lost_recording_store_is_unavailable`). The time does not include waiting for the stream.
///
/// An implementation holds a part of a recording in memory at a time, at most about 8 MiB.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RecordingStore: Send + Sync {
    /// Stores a recording durably. Returns its size in bytes.
    async fn put(&self, key: &RecordingKey, format: AudioFormat, audio: AudioStream)
    -> Result<u64, PutError>;

    /// Gives access to a recording, if there is one. A returned link pointed at a recording a
    /// moment ago.
    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable>;

    /// Opens a recording, if there is one, to read a part of it here.
    async fn open(&self, key: &RecordingKey, part: AudioPart) -> Result<Option<OpenAudio>, PortUnavailable>;

    /// Removes a recording for good, if there is one. A reader that has opened it may read to the end.
    async fn remove(&self, key: &RecordingKey) -> Result<(), PortUnavailable>;
}

/// Why a recording was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The stream ended with this error. Nothing of it is stored, and the store is not at fault.
    #[error(transparent)]
    Audio(AudioError),
    /// The store is unavailable.
    #[error(transparent)]
    Store(#[from] PortUnavailable),
}

/// A recording that is being read.
#[derive(Debug)]
pub struct OpenAudio {
    /// The size of the whole recording in bytes.
    pub size: u64,
    /// The bytes that are read, and their content; `None` if the recording has no byte of the part.
    pub part: Option<(Range<u64>, AudioStream)>,
}

/// How to read a recording.
pub enum RecordingAccess {
    /// The content.
    Stream(AudioStream),
    /// A link to the content, for everyone who has it.
    Link {
        /// The link. It is a credential: not for logs.
        url: String,
        /// How long the link is valid.
        valid_for: Duration,
    },
}

impl fmt::Debug for RecordingAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(audio) => f.debug_tuple("Stream").field(audio).finish(),
            Self::Link { valid_for, .. } => {
                f.debug_struct("Link").field("valid_for", valid_for).finish_non_exhaustive()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_hidden_in_debug() {
        let link =
            RecordingAccess::Link { url: "https://a/?sig=s3cret".to_owned(), valid_for: Duration::ZERO };
        assert!(!format!("{link:?}").contains("s3cret"));
    }
}
