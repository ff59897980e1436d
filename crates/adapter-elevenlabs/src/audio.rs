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

/// The provider sends MP3, and does not say so; what starts as a RIFF file is wave audio.
fn format(bytes: &[u8]) -> AudioFormat {
    if bytes.starts_with(b"RIFF") { AudioFormat::Wav } else { AudioFormat::Mp3 }
}
