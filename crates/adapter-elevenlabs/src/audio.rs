//! The recording that an event brings: base64 in one text of several megabytes.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::{Audio, AudioFormat};

use crate::json::Object;

/// A text whose padding was lost on the way says as much as one that has it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The audio in `full_audio`. What cannot be read is as good as none: the provider would send the same again.
pub(crate) fn read(data: &Object<'_>) -> Option<Audio> {
    let text = data.long_text("full_audio").unwrap_or_default();
    match BASE64.decode(text.as_bytes()) {
        Ok(bytes) if !bytes.is_empty() => Some(Audio { format: format(&bytes), bytes }),
        _ => {
            tracing::debug!("an audio event has no audio that can be read");
            None
        }
    }
}

/// A file that is fetched, by how it begins: a tag or a frame of MP3, or a RIFF file. What begins otherwise is no audio but, say, a
/// page of some proxy.
pub(crate) fn recognized(bytes: Vec<u8>) -> Option<Audio> {
    let frame = matches!(bytes.as_slice(), [0xff, second, ..] if second & 0xe0 == 0xe0);
    let known = frame || bytes.starts_with(b"ID3") || bytes.starts_with(b"RIFF");
    known.then(|| Audio { format: format(&bytes), bytes })
}

/// The provider sends MP3, and does not say so; what starts as a RIFF file is wave audio.
fn format(bytes: &[u8]) -> AudioFormat {
    if bytes.starts_with(b"RIFF") { AudioFormat::Wav } else { AudioFormat::Mp3 }
}
