//! The recording of a call: silence, as a valid MP3 file.

use crate::calls::Call;

/// `ID3` 2.4 with the encoder's name, as in the provider's files. Each length follows its name.
const TAG: &[u8] = b"ID3\x04\0\0\0\0\0\x14TSSE\0\0\0\x0a\0\0\x03Simulator";
/// MPEG 2 layer 3 without a checksum, 64 kbit/s, 24 kHz, one channel.
const HEADER: [u8; 4] = [0xff, 0xf3, 0x84, 0xc0];
/// 72 × 64,000 / 24,000, the header included. All-zero side information and samples are silence.
const FRAME_BYTES: usize = 192;
/// At 24 ms each, 6 s: more bytes than one chunk of a webhook.
const FRAMES: usize = 250;

/// 44 min: more than 20 MB.
const LARGE_FRAMES: usize = 110_000;

/// The recording of this call.
pub(super) fn of(call: &Call) -> Vec<u8> {
    silence(if call.large_audio { LARGE_FRAMES } else { FRAMES })
}

fn silence(frames: usize) -> Vec<u8> {
    let mut frame = [0; FRAME_BYTES];
    frame[..HEADER.len()].copy_from_slice(&HEADER);
    [TAG, &frame.repeat(frames)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the file as a player does: skips the tag by its length, and each frame by the bit rate
    /// in its header.
    #[test]
    fn a_player_finds_every_frame() {
        let file = silence(FRAMES);
        assert_eq!((&file[..3], usize::from(file[9])), (b"ID3".as_slice(), TAG.len() - 10));
        assert_eq!(usize::from(file[17]), TAG.len() - 20);
        let kbits = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let (mut at, mut frames) = (TAG.len(), 0);
        while at < file.len() {
            let [0xff, 0xf3, rates, 0xc0] = file[at..at + 4] else { panic!("no frame at {at}") };
            let hertz = [22_050, 24_000, 16_000][usize::from(rates >> 2 & 3)];
            at += 72_000 * kbits[usize::from(rates >> 4)] / hertz + usize::from(rates >> 1 & 1);
            frames += 1;
        }
        assert_eq!((at, frames), (file.len(), FRAMES));
    }
}
