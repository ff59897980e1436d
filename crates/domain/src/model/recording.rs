//! Recordings of calls.

use std::fmt;
use std::ops::Range;

use crate::{CallId, Timestamp};

/// A stored recording, as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Its name in the recording store.
    pub key: RecordingKey,
    /// Its format.
    pub format: AudioFormat,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was stored.
    pub stored_at: Timestamp,
}

/// An audio format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioFormat {
    /// MPEG layer 3.
    Mp3,
    /// RIFF wave.
    Wav,
}

impl AudioFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Mp3, Self::Wav];

    /// The name in stores, and the file extension.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
        }
    }

    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
        }
    }

    /// Reads the name that [`AudioFormat::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }
}

/// A part of a recording, as a client asks for it without knowing the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioPart {
    /// All of it.
    Whole,
    /// From this byte to the end. Bytes count from 0.
    From(u64),
    /// From the first of these bytes to the second, or to the end if that comes before.
    Between(u64, u64),
    /// The last bytes, this many or all.
    Last(u64),
}

impl AudioPart {
    /// The bytes that this part has of a recording of this size; `None` if it has none. Only the
    /// whole of an empty recording is a part without bytes.
    #[must_use]
    pub fn of(self, size: u64) -> Option<Range<u64>> {
        let bytes = match self {
            Self::Whole => return Some(0..size),
            Self::From(first) => first..size,
            Self::Between(first, last) => first..size.min(last.saturating_add(1)),
            Self::Last(count) => size.saturating_sub(count)..size,
        };
        (!bytes.is_empty()).then_some(bytes)
    }
}

/// The name under which a recording is stored: one for each call and format, so that storing it
/// again replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordingKey(Box<str>);

impl RecordingKey {
    /// The name of a call's recording: `<call id>.mp3`.
    #[must_use]
    pub fn of(call_id: &CallId, format: AudioFormat) -> Self {
        Self(format!("{call_id}.{}", format.as_str()).into())
    }

    /// The name. It may be any text: code that builds a path from it must prevent path traversal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Audio in memory. `Debug` shows only its size.
#[derive(Clone, PartialEq, Eq)]
pub struct Audio {
    /// Its format.
    pub format: AudioFormat,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audio").field("format", &self.format).field("len", &self.bytes.len()).finish()
    }
}

/// What is known of a recording that is not stored. Of two reports the greater is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordingReport {
    /// The provider has it, and its event did not bring it: the gateway fetches it.
    AtProvider,
    /// It is larger than the gateway stores. The gateway does not fetch it again.
    TooLarge,
}

impl RecordingReport {
    /// Every report, the least one first.
    pub const ALL: [Self; 2] = [Self::AtProvider, Self::TooLarge];

    /// The name in stores and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtProvider => "at-provider",
            Self::TooLarge => "too-large",
        }
    }

    /// Reads the name that [`RecordingReport::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|report| report.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_is_hidden_in_debug() {
        let audio = Audio { format: AudioFormat::Mp3, bytes: b"voice".to_vec() };
        assert_eq!(format!("{audio:?}"), "Audio { format: Mp3, len: 5 }");
    }
}
