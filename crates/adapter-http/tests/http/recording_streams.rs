//! The audio of a recording is sent while it is read: how much a client can make the gateway hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::AudioFormat;
use domain::ports::{AudioError, AudioStream, PortUnavailable, RecordingAccess};
use futures_util::stream;
use testkit::eventually;

use crate::log::log;
use crate::recordings::{PATH, recorded, scripted};
use crate::running::{Options, send, soon, start, start_with};
use crate::stored::completed;
use crate::world::{CALL_ID, World};

/// Larger than what the sockets of both ends hold.
const CHUNKS: usize = 500;
static CHUNK: [u8; 64 * 1024] = [7; 64 * 1024];

/// What was read from a store.
#[derive(Clone, Default)]
struct Read {
    chunks: Arc<AtomicUsize>,
    has_ended: Arc<AtomicBool>,
}

/// Ends the reading when it is dropped.
struct Reading(Read);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::SeqCst);
    }
}

/// A world whose store has a recording of [`CHUNKS`] chunks, and what was read of it.
fn long() -> (World, Read) {
    let read = Read::default();
    let counted = read.clone();
    let world = scripted(move || {
        let reading = Reading(counted.clone());
        let chunks = stream::iter((0..CHUNKS).map(move |_| {
            reading.0.chunks.fetch_add(1, Ordering::SeqCst);
            Ok(CHUNK.to_vec())
        }));
        Ok(Some(RecordingAccess::Stream(AudioStream::new(chunks))))
    });
    (world, read)
}

#[tokio::test]
async fn a_recording_of_any_length_comes_whole() {
    for len in [0, 1, 2, 3, 65_535, 65_536, 65_537, 400_000] {
        let audio: Vec<u8> = (0..len).map(|index: u32| index.to_le_bytes()[0]).collect();
        for chunk_len in [7919, usize::MAX] {
            let chunks: Vec<_> = audio.chunks(chunk_len).map(|chunk| Ok(chunk.to_vec())).collect();
            let world = scripted(move || {
                let audio = AudioStream::new(stream::iter(chunks.clone()));
                Ok(Some(RecordingAccess::Stream(audio)))
            });
            let response = send(start(&world).await.read(PATH)).await;
            let uri = response.body["audioData"].as_str().expect("a data URI");
            let encoded = uri.strip_prefix("data:audio/mpeg;base64,").expect("MP3");
            assert!(STANDARD.decode(encoded).expect("base64") == audio, "{len} bytes by {chunk_len}");
        }
    }
}

/// Such clients kept whole recordings in memory, and their number was not limited.
#[tokio::test]
async fn a_client_that_does_not_read_holds_a_part_of_the_recording_for_a_limited_time() {
    let (world, read) = long();
    let recording_chunk_timeout = Duration::from_millis(300);
    let gateway = start_with(&world, Options { recording_chunk_timeout, ..Options::default() }).await;
    let unread = soon(gateway.read(PATH).send()).await.expect("a head");
    assert_eq!(unread.status(), 200);
    eventually("the store is no longer read", async || read.has_ended.load(Ordering::SeqCst)).await;
    let chunks = read.chunks.load(Ordering::SeqCst);
    assert!(chunks < CHUNKS / 2, "{chunks} of {CHUNKS} chunks are in memory");
    soon(unread.bytes()).await.expect_err("the end of the recording");
}

#[tokio::test]
async fn clients_that_do_not_read_leave_room_for_others_after_a_while() {
    let (world, _read) = long();
    let recording_chunk_timeout = Duration::from_secs(1);
    let gateway = start_with(&world, Options { recording_chunk_timeout, ..Options::default() }).await;
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(soon(gateway.read(PATH).send()).await.expect("a head"));
    }
    // It waits for the end of one of them.
    let response = soon(gateway.read(PATH).send()).await.expect("a head");
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_client_that_disconnects_ends_the_reading() {
    let (world, read) = long();
    let gateway = start(&world).await;
    drop(soon(gateway.read(PATH).send()).await.expect("a head"));
    eventually("the store is no longer read", async || read.has_ended.load(Ordering::SeqCst)).await;
}

/// A complete response would contain a recording that is not complete.
#[tokio::test]
async fn a_store_that_fails_during_the_response_cuts_it() {
    let log = log();
    let world = scripted(|| {
        let lost = AudioError::from(PortUnavailable::new("recordings", "the file is damaged"));
        let audio = AudioStream::new(stream::iter([Ok(CHUNK.to_vec()), Err(lost)]));
        Ok(Some(RecordingAccess::Stream(audio)))
    });
    let gateway = start(&world).await;
    let response = gateway.read(PATH).header("x-request-id", "cut-recording").send();
    soon(async { response.await?.bytes().await }).await.expect_err("a complete response");
    eventually("the cause is logged", async || {
        let lines = log.lines("cut-recording");
        lines.iter().any(|line| line["fields"]["cause"] == "recordings is unavailable: the file is damaged")
    })
    .await;
}

#[tokio::test]
async fn a_response_has_the_headers_of_all_others() {
    let gateway = start(&recorded(completed(CALL_ID), AudioFormat::Mp3, b"voice")).await;
    let response = send(gateway.read(PATH)).await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
}
