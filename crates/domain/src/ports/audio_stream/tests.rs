use futures_util::FutureExt as _;

use super::*;

fn stream(chunks: &[&[u8]]) -> AudioStream {
    AudioStream::new(stream::iter(chunks.iter().map(|chunk| Ok(chunk.to_vec())).collect::<Vec<_>>()))
}

fn read(audio: AudioStream) -> Result<Vec<u8>, AudioError> {
    audio.read_to_end().now_or_never().expect("the chunks are in memory")
}

#[test]
fn a_stream_may_have_as_many_bytes_as_its_limit_and_no_more() {
    for (max_bytes, expected) in [
        (6, Ok(b"abcdef".to_vec())),
        (5, Err(AudioError::TooLarge)),
        (2, Err(AudioError::TooLarge)),
        (0, Err(AudioError::TooLarge)),
    ] {
        assert_eq!(read(stream(&[b"abc", b"", b"def"]).at_most(max_bytes)), expected, "{max_bytes}");
    }
    assert_eq!(read(stream(&[b""]).at_most(0)), Ok(Vec::new()));
}

#[test]
fn nothing_is_read_after_an_error() {
    let lost = AudioError::from(PortUnavailable::new("source", "lost"));
    let chunks = [Ok(b"a".to_vec()), Err(lost.clone()), Ok(b"b".to_vec())];
    let mut audio = AudioStream::new(stream::iter(chunks));
    let mut next = || audio.next().now_or_never().expect("the chunks are in memory");
    assert_eq!([next(), next(), next(), next()], [Some(Ok(b"a".to_vec())), Some(Err(lost)), None, None]);
}

#[test]
fn a_stream_shows_no_audio_in_debug() {
    assert_eq!(format!("{:?}", AudioStream::from(b"voice".to_vec())), "AudioStream { .. }");
}
