use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::{Audio, AudioFormat};

use crate::json::Object;

/// Padding adds nothing to the content, so text without it is accepted.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The field of an event that holds the recording.
pub(crate) const FIELD: &str = "full_audio";
/// The number of bytes that [`recognized`] needs.
pub(crate) const FIRST_BYTES: usize = 4;

/// Decodes [`FIELD`], a base64 text of several megabytes. Unreadable audio counts as no audio:
/// a refused event would be sent again with the same bytes, and the recording can be fetched.
pub(crate) fn read(data: &Object<'_>) -> Option<Audio> {
    let text = data.long_text(FIELD).unwrap_or_default();
    match BASE64.decode(text.as_bytes()) {
        Ok(bytes) if !bytes.is_empty() => Some(Audio { format: format(&bytes), bytes }),
        _ => {
            tracing::debug!("cannot decode the recording of an audio event; reading the event without it");
            None
        }
    }
}

/// Recognizes a fetched file by its first bytes: an ID3 tag or a frame of MP3, or a RIFF file.
/// Anything else is not audio, for example the error page of a proxy.
pub(crate) fn recognized(first_bytes: &[u8]) -> Option<AudioFormat> {
    let is_mp3_frame = matches!(first_bytes, [0xff, second, ..] if second & 0xe0 == 0xe0);
    let is_audio = is_mp3_frame || first_bytes.starts_with(b"ID3") || first_bytes.starts_with(b"RIFF");
    is_audio.then(|| format(first_bytes))
}

/// The provider sends MP3 and does not name the format.
fn format(bytes: &[u8]) -> AudioFormat {
    if bytes.starts_with(b"RIFF") { AudioFormat::Wav } else { AudioFormat::Mp3 }
}
