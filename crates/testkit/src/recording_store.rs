//! The suite of [`RecordingStore`].

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{AudioError, AudioStream, PortUnavailable, PutError, RecordingStore};
use domain::{AudioFormat, AudioPart, CallId, RecordingKey};
use futures_util::stream;

use crate::expect::unavailable_within;
use crate::fixtures::call_id;
use crate::harness::RecordingStoreHarness;

suite! {
    $ recording_store_suite of recording_store:
    a_stored_recording_is_read_back,
    a_part_of_a_recording_is_read,
    names_of_any_kind_are_kept_apart,
    a_recording_stored_again_is_replaced,
    a_reader_never_sees_half_a_recording,
    a_stream_that_fails_is_not_stored,
    an_absent_recording_is_nothing,
    a_removed_recording_is_absent,
    a_recording_outlives_the_store_that_took_it,
    a_lost_recording_store_is_unavailable,
}

const LOST_BOUND: Duration = Duration::from_secs(30);

/// Names that a path, a pattern, a URL or a file system could change or confuse with each other.
const NAMES: [&str; 26] = [
    "a", "A", "é", "e\u{301}", "..", ".", "../a", "a/b", "/a", "a/", "a\\b", "a//b", "a/../b", "a%2Fb",
    "a_2fb", "a%252Fb", "a#1", "a#", "a?b", "a b", "a+b", "a&b=c", "*", "~", "\"{a}\"", "東京",
];

/// A recording is read back byte for byte: of either format, empty, with megabytes, or larger than
/// the parts in which a store may write it.
pub async fn a_stored_recording_is_read_back(harness: &impl RecordingStoreHarness) {
    let store = harness.recordings();
    let every_byte: Vec<u8> = (0..=255).collect();
    for format in AudioFormat::ALL {
        for bytes in [Vec::new(), every_byte.clone(), every_byte.repeat(10_000)] {
            let key = RecordingKey::of(&call_id(), format);
            put(&store, &key, format, &bytes).await;
            let found = read(harness, &store, &key).await;
            assert!(found == Some(bytes), "a recording is not what was stored");
        }
    }
    let (key, long) = (key(), every_byte.repeat(40_000));
    let size = store.put(&key, AudioFormat::Mp3, chunks(&long, Ok(Vec::new()))).await;
    assert_eq!(size, Ok(long.len() as u64));
    assert!(read(harness, &store, &key).await == Some(long), "a long recording is not what was stored");
}

/// A recording is read from any byte to any other, with its size, also across the parts in which a
/// store may read it. A part that it does not have is none.
pub async fn a_part_of_a_recording_is_read(harness: &impl RecordingStoreHarness) {
    let store = harness.recordings();
    let long: Vec<u8> = (0..5_000_000_u32).map(|at| (at % 251) as u8).collect();
    let (size, end) = (5_000_000, u64::MAX);
    for (part, expected) in [
        (AudioPart::Whole, Some(0..size)),
        (AudioPart::From(0), Some(0..size)),
        (AudioPart::From(size - 1), Some(size - 1..size)),
        (AudioPart::From(size), None),
        (AudioPart::Between(0, 0), Some(0..1)),
        (AudioPart::Between(1_048_575, 3_145_728), Some(1_048_575..3_145_729)),
        (AudioPart::Between(7, end), Some(7..size)),
        (AudioPart::Between(size, end), None),
        (AudioPart::Last(3), Some(size - 3..size)),
        (AudioPart::Last(end), Some(0..size)),
        (AudioPart::Last(0), None),
    ] {
        let key = key();
        put(&store, &key, AudioFormat::Wav, &long).await;
        let opened = store.open(&key, part).await.expect("store is up").expect("it is stored");
        assert_eq!(opened.size, size, "{part:?}");
        let (at, audio) = opened.part.unzip();
        assert_eq!(at, expected, "{part:?}");
        if let (Some(at), Some(audio)) = (at, audio) {
            let expected = &long[at.start as usize..at.end as usize];
            assert!(audio.read_to_end().await.expect("store is up") == expected, "{part:?}");
        }
    }
    let empty = key();
    put(&store, &empty, AudioFormat::Wav, b"").await;
    for (part, expected) in [(AudioPart::Whole, Some(0..0)), (AudioPart::From(0), None)] {
        let opened = store.open(&empty, part).await.expect("store is up").expect("it is stored");
        assert_eq!((opened.size, opened.part.map(|(at, _)| at)), (0, expected));
    }
}

/// Calls with any id have recordings of their own, one for each format.
pub async fn names_of_any_kind_are_kept_apart(harness: &impl RecordingStoreHarness) {
    let store = harness.recordings();
    let longest = "é".repeat(64);
    let other = format!("{}è", "é".repeat(63));
    let names = NAMES.iter().copied().chain([longest.as_str(), other.as_str()]);
    let ids = names.map(|name| CallId::parse(name).expect("an id is any text of up to 128 bytes"));
    let keys = ids.flat_map(|id| AudioFormat::ALL.map(|format| (RecordingKey::of(&id, format), format)));
    let keys: Vec<_> = keys.collect();
    for (index, (key, format)) in keys.iter().enumerate() {
        put(&store, key, *format, format!("recording {index}").as_bytes()).await;
    }
    for (index, (key, _)) in keys.iter().enumerate() {
        let found = read(harness, &store, key).await;
        assert_eq!(found, Some(format!("recording {index}").into_bytes()), "under {:?}", key.as_str());
    }
}

/// A recording that is stored again replaces the earlier one, longer or shorter.
pub async fn a_recording_stored_again_is_replaced(harness: &impl RecordingStoreHarness) {
    let store = harness.recordings();
    let (key, other) = (key(), key());
    put(&store, &other, AudioFormat::Mp3, b"another call").await;
    for bytes in [&b"first"[..], b"a second, longer one", b"third"] {
        put(&store, &key, AudioFormat::Mp3, bytes).await;
        assert_eq!(read(harness, &store, &key).await.as_deref(), Some(bytes));
    }
    assert_eq!(read(harness, &store, &other).await.as_deref(), Some(&b"another call"[..]));
}

/// While a recording is stored repeatedly, every reader finds one of the two versions in full.
pub async fn a_reader_never_sees_half_a_recording(harness: &impl RecordingStoreHarness) {
    let store = harness.recordings();
    let key = key();
    let takes = [vec![1; 300_000], vec![2; 200_000]];
    put(&store, &key, AudioFormat::Mp3, &takes[0]).await;
    let writing = tokio::spawn({
        let (store, key, takes) = (Arc::clone(&store), key.clone(), takes.clone());
        async move {
            for take in takes.iter().cycle().take(20) {
                put(&store, &key, AudioFormat::Mp3, take).await;
            }
        }
    });
    loop {
        let done = writing.is_finished();
        let found = read(harness, &store, &key).await.expect("a recording is stored all the time");
        assert!(takes.contains(&found), "{} bytes that are neither recording", found.len());
        if done {
            break;
        }
        tokio::task::yield_now().await;
    }
    writing.await.expect("every recording was stored");
}

/// A stream that ends with an error, after a few bytes or after many, stores nothing and replaces
/// nothing. The store returns its error.
pub async fn a_stream_that_fails_is_not_stored(harness: &impl RecordingStoreHarness) {
    let store = harness.recordings();
    let (absent, stored) = (key(), key());
    put(&store, &stored, AudioFormat::Mp3, b"the earlier one").await;
    let lost = AudioError::Unavailable(PortUnavailable::new("source", "lost"));
    for error in [AudioError::TooLarge, lost] {
        for len in [0, 5, 10_000_000] {
            for key in [&absent, &stored] {
                let audio = chunks(&vec![7; len], Err(error.clone()));
                let put = store.put(key, AudioFormat::Mp3, audio).await;
                assert_eq!(put, Err(PutError::Audio(error.clone())), "after {len} bytes");
            }
            assert!(read(harness, &store, &absent).await.is_none(), "a part of a stream is stored");
            let found = read(harness, &store, &stored).await;
            assert_eq!(found.as_deref(), Some(&b"the earlier one"[..]), "it was replaced");
        }
    }
}

/// Nothing is found under a name without a recording, also if a similar name has one.
pub async fn an_absent_recording_is_nothing(harness: &impl RecordingStoreHarness) {
    let store = harness.recordings();
    let stored = call_id();
    assert!(read(harness, &store, &key()).await.is_none());
    assert!(store.open(&key(), AudioPart::Whole).await.expect("store is up").is_none());
    put(&store, &RecordingKey::of(&stored, AudioFormat::Mp3), AudioFormat::Mp3, b"voice").await;
    for absent in [key(), RecordingKey::of(&stored, AudioFormat::Wav)] {
        assert!(read(harness, &store, &absent).await.is_none(), "{absent}");
    }
}

/// A removed recording is absent, also for another process, and can be removed and stored again. No other
/// recording is removed with it.
pub async fn a_removed_recording_is_absent(harness: &impl RecordingStoreHarness) {
    let store = harness.recordings();
    let id = call_id();
    let [removed, kept] = AudioFormat::ALL.map(|format| RecordingKey::of(&id, format));
    for (key, format) in [(&removed, AudioFormat::ALL[0]), (&kept, AudioFormat::ALL[1])] {
        put(&store, key, format, b"voice").await;
    }
    for _ in 0..2 {
        store.remove(&removed).await.expect("store is up");
        for store in [&store, &harness.recordings()] {
            assert!(read(harness, store, &removed).await.is_none());
            assert!(store.open(&removed, AudioPart::Whole).await.expect("store is up").is_none());
        }
    }
    assert_eq!(read(harness, &store, &kept).await.as_deref(), Some(&b"voice"[..]));
    put(&store, &removed, AudioFormat::ALL[0], b"again").await;
    assert_eq!(read(harness, &store, &removed).await.as_deref(), Some(&b"again"[..]));
}

/// Another process finds the recording.
pub async fn a_recording_outlives_the_store_that_took_it(harness: &impl RecordingStoreHarness) {
    let key = key();
    let first = harness.recordings();
    put(&first, &key, AudioFormat::Mp3, b"voice").await;
    drop(first);
    let second = harness.recordings();
    assert_eq!(read(harness, &second, &key).await.as_deref(), Some(&b"voice"[..]));
}

/// Without its store the port returns `PortUnavailable`, within 30 s and without quoting a name or
/// a recording.
pub async fn a_lost_recording_store_is_unavailable(harness: &impl RecordingStoreHarness) {
    let store = harness.recordings();
    let (known, unknown) = (call_id(), call_id());
    let key = |id: &CallId| RecordingKey::of(id, AudioFormat::Mp3);
    put(&store, &key(&known), AudioFormat::Mp3, b"voice").await;
    harness.lose().await;
    let private = [known.as_str(), unknown.as_str(), "voice"];
    for id in [&known, &unknown] {
        unavailable_within(LOST_BOUND, store.fetch(&key(id)), &private).await;
        unavailable_within(LOST_BOUND, store.open(&key(id), AudioPart::Last(1)), &private).await;
        unavailable_within(LOST_BOUND, store.remove(&key(id)), &private).await;
        let put = async {
            match store.put(&key(id), AudioFormat::Mp3, b"voice".to_vec().into()).await {
                Err(PutError::Store(error)) => Err(error),
                other => Ok(other),
            }
        };
        unavailable_within(LOST_BOUND, put, &private).await;
    }
}

fn key() -> RecordingKey {
    RecordingKey::of(&call_id(), AudioFormat::Mp3)
}

async fn put(store: &Arc<dyn RecordingStore>, key: &RecordingKey, format: AudioFormat, bytes: &[u8]) {
    let size = store.put(key, format, bytes.to_vec().into()).await.expect("store is up");
    assert_eq!(size, bytes.len() as u64, "the number of bytes that were stored");
}

/// A stream of these bytes in chunks of any size, and of one more item.
fn chunks(bytes: &[u8], last: Result<Vec<u8>, AudioError>) -> AudioStream {
    let mut chunks: Vec<_> = bytes.chunks(777_777).map(|chunk| Ok(chunk.to_vec())).collect();
    chunks.push(last);
    AudioStream::new(stream::iter(chunks))
}

async fn read(
    harness: &impl RecordingStoreHarness,
    store: &Arc<dyn RecordingStore>,
    key: &RecordingKey,
) -> Option<Vec<u8>> {
    match store.fetch(key).await.expect("store is up") {
        Some(access) => Some(harness.read(access).await),
        None => None,
    }
}
