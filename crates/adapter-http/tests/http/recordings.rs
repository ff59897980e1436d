//! The recordings of calls: in the call's document, and their audio.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ports::{MockRecordingStore, PortUnavailable, RecordingAccess};
use domain::{AudioFormat, Recording, RecordingKey, RecordingReport, Timestamp};
use serde_json::{Value, json};
use testkit::eventually;
use testkit::memory::{LedgerCall, Memory};

use crate::gated::Gated;
use crate::log::log;
use crate::running::{send, soon, start};
use crate::stored::{booked, completed};
use crate::world::{CALL_ID, World, call_id};

const CALL: &str = "/api/calls/64f0a1b2c3d4e5f6a7b8d111";
pub(crate) const PATH: &str = "/api/calls/64f0a1b2c3d4e5f6a7b8d111/recording";

/// A world with this call, a recording of it in the ledger, and its audio in the store.
pub(crate) fn recorded(call: LedgerCall, format: AudioFormat, audio: &[u8]) -> World {
    let key = RecordingKey::of(&call_id(), format);
    let stored_at = Timestamp::from_unix_millis(1_772_442_761_300);
    let recording = Recording { key: key.clone(), format, size_bytes: 5, stored_at };
    let world = World::with_calls([LedgerCall { recording: Some(recording), ..call }]);
    world.memory.tables().recordings.insert(key.as_str().to_owned(), audio.to_vec());
    world
}

/// A world with a recorded call, whose store responds with this.
pub(crate) fn scripted(
    mut access: impl FnMut() -> Result<Option<RecordingAccess>, PortUnavailable> + Send + 'static,
) -> World {
    let mut store = MockRecordingStore::new();
    store.expect_fetch().returning(move |_| access());
    World { recordings: Some(Arc::new(store)), ..recorded(completed(CALL_ID), AudioFormat::Mp3, b"") }
}

fn link(url: &str) -> World {
    let url = url.to_owned();
    scripted(move || Ok(Some(RecordingAccess::Link { url: url.clone(), valid_for: Duration::from_mins(10) })))
}

/// A world with a recorded call, whose store waits until the test releases it.
fn slow(audio: &[u8]) -> (World, Gated<Memory>) {
    let world = recorded(booked(CALL_ID), AudioFormat::Mp3, audio);
    let store = Gated::new(world.memory.clone());
    (World { recordings: Some(Arc::new(store.clone())), ..world }, store)
}

fn document() -> Value {
    json!({
        "success": true,
        "duration": 146,
        "recordingId": format!("{CALL_ID}.mp3"),
        "transcriptionText": "Agent: Hello Ada.\nUser: It is about the \"tumour\".",
        "transcriptionData": [
            { "role": "agent", "message": "Hello Ada.", "timestamp": 0 },
            { "role": "user", "message": "It is about the \"tumour\".", "timestamp": 4 }
        ],
        "direction": "outbound",
        "from": "+14165550100",
        "to": "+14165550111"
    })
}

#[tokio::test]
async fn a_recording_comes_whole_as_a_data_uri() {
    let gateway = start(&recorded(completed(CALL_ID), AudioFormat::Mp3, b"voice")).await;
    let mut expected = document();
    expected["audioData"] = json!("data:audio/mpeg;base64,dm9pY2U=");
    send(gateway.read(PATH)).await.assert_ok(200, &expected);
}

#[tokio::test]
async fn a_recording_in_an_object_store_comes_as_a_link() {
    let url = "https://storage.example.com/a.mp3?signature=s3cret";
    let gateway = start(&link(url)).await;
    let mut expected = document();
    expected["audioUrl"] = json!(url);
    expected["expiresIn"] = json!(600);
    send(gateway.read(PATH)).await.assert_ok(200, &expected);
}

#[tokio::test]
async fn a_recording_may_come_before_the_transcript() {
    let gateway = start(&recorded(booked(CALL_ID), AudioFormat::Wav, b"RIFF")).await;
    let expected = json!({
        "success": true,
        "audioData": "data:audio/wav;base64,UklGRg==",
        "recordingId": format!("{CALL_ID}.wav"),
        "transcriptionText": null,
        "transcriptionData": [],
        "direction": "outbound",
        "from": "+14165550100",
        "to": "+14165550111"
    });
    send(gateway.read(PATH)).await.assert_ok(200, &expected);
}

#[tokio::test]
async fn the_calls_document_lists_its_recordings() {
    let gateway = start(&recorded(completed(CALL_ID), AudioFormat::Mp3, b"voice")).await;
    let expected = json!([{
        "recordingId": format!("{CALL_ID}.mp3"),
        "format": "mp3",
        "size": 5,
        "createdAt": "2026-03-02T09:12:41.300Z"
    }]);
    let call = send(gateway.read(CALL)).await;
    assert_eq!(call.body["call"]["recordings"], expected);
    let list = send(gateway.read("/api/calls/history")).await;
    assert_eq!(list.body["calls"][0]["recordings"], expected);
}

#[tokio::test]
async fn the_404_says_whether_the_call_or_its_recording_is_not_found() {
    let vanished = recorded(booked(CALL_ID), AudioFormat::Mp3, b"");
    vanished.memory.tables().recordings.clear();
    let gateway = start(&vanished).await;
    let response = send(gateway.read(PATH)).await;
    response.assert_error(404, "RECORDING_NOT_FOUND");
    assert_eq!(response.body["error"], "Recording not found");
    for id in ["other", "%00", &"x".repeat(129)] {
        let path = format!("/api/calls/{id}/recording");
        send(gateway.read(&path)).await.assert_error(404, "CALL_NOT_FOUND");
    }
    let unrecorded = World::with_calls([booked(CALL_ID)]);
    let without_store = World { recordings: None, ..recorded(booked(CALL_ID), AudioFormat::Mp3, b"voice") };
    for world in [unrecorded, without_store] {
        send(start(&world).await.read(PATH)).await.assert_error(404, "RECORDING_NOT_FOUND");
    }
}

/// What was removed because of its age is gone, and the call says so.
#[tokio::test]
async fn an_expired_recording_is_gone_and_an_expired_transcript_has_a_time() {
    let mut call = completed(CALL_ID);
    call.progress.recording = Some(RecordingReport::TooLarge);
    let at = domain::Timestamp::from_unix_millis(1_772_500_000_000);
    call.removed = domain::RemovedParts { transcript: Some(at), recording: Some(at) };
    if let Some(conversation) = &mut call.progress.conversation {
        conversation.transcript.clear();
    }
    let gateway = start(&World::with_calls([call])).await;
    let response = send(gateway.read(PATH)).await;
    response.assert_error(410, "RECORDING_EXPIRED");
    let (read, list) = (send(gateway.read(CALL)).await, send(gateway.read("/api/calls/history")).await);
    for call in [&read.body["call"], &list.body["calls"][0]] {
        assert_eq!((&call["recording"], &call["recordings"]), (&json!("expired"), &json!([])));
        assert_eq!(call["transcriptRemovedTime"], "2026-03-03T01:06:40.000Z");
        assert_eq!(call.get("transcript"), None);
    }
}

/// The recording stays at the provider. A client that waits for it can stop.
#[tokio::test]
async fn a_recording_that_is_too_large_is_gone_and_its_call_says_why() {
    let mut call = completed(CALL_ID);
    call.progress.recording = Some(RecordingReport::TooLarge);
    let gateway = start(&World::with_calls([call.clone()])).await;
    let response = send(gateway.read(PATH)).await;
    response.assert_error(410, "RECORDING_TOO_LARGE");
    assert_eq!(response.body["error"], "The recording is too large to be stored");
    let (read, list) = (send(gateway.read(CALL)).await, send(gateway.read("/api/calls/history")).await);
    for call in [&read.body["call"], &list.body["calls"][0]] {
        assert_eq!((&call["recording"], &call["recordings"]), (&json!("too-large"), &json!([])));
    }

    // It was fetched after all, or the provider has it and it is not fetched yet.
    let stored = start(&recorded(call.clone(), AudioFormat::Mp3, b"voice")).await;
    assert_eq!(send(stored.read(PATH)).await.status, 200);
    assert_eq!(send(stored.read(CALL)).await.body["call"].get("recording"), None);
    call.progress.recording = Some(RecordingReport::AtProvider);
    let pending = start(&World::with_calls([call])).await;
    send(pending.read(PATH)).await.assert_error(404, "RECORDING_NOT_FOUND");
    assert_eq!(send(pending.read(CALL)).await.body["call"].get("recording"), None);
}

/// A query of the store would make this a 500.
#[tokio::test]
async fn fetching_takes_a_token() {
    let gateway = start(&World::lost()).await;
    send(gateway.get(PATH)).await.assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_store_that_is_unavailable_is_a_500_whose_cause_is_logged_once() {
    let log = log();
    let gateway = start(&scripted(|| Err(PortUnavailable::new("recordings", "secret detail")))).await;
    let response = send(gateway.read(PATH).header("x-request-id", "lost-recording")).await;
    response.assert_error(500, "SERVICE_UNAVAILABLE");
    response.assert_retry_after();
    assert!(!response.body.to_string().contains("secret detail"), "{}", response.body);
    log.assert_one_cause("lost-recording", "recordings is unavailable: secret detail");
}

#[tokio::test]
async fn a_user_reads_a_few_recordings_at_the_same_time_and_the_others_wait() {
    let audio = vec![7; 300 * 1024];
    let (world, store) = slow(&audio);
    let gateway = start(&world).await;
    let mut fetches: Vec<_> = (0..7).map(|_| tokio::spawn(send(gateway.read(PATH)))).collect();
    eventually("four recordings are being fetched", async || store.arrived() == 4).await;
    // A client that disconnects leaves the queue.
    fetches.pop().expect("seven requests").abort();
    // A request for no recording does not wait.
    send(gateway.read(CALL)).await;
    assert_eq!(store.arrived(), 4);
    store.release(7);
    let expected = json!(format!("data:audio/mpeg;base64,{}", STANDARD.encode(&audio)));
    for fetch in fetches {
        assert_eq!(soon(fetch).await.expect("a response").body["audioData"], expected);
    }
    assert!(store.arrived() <= 7);
}

#[tokio::test]
async fn a_client_does_not_wait_for_ever_for_a_store_that_hangs() {
    let (world, store) = slow(b"voice");
    let gateway = start(&world).await;
    let before: Vec<_> = (0..4).map(|_| tokio::spawn(send(gateway.read(PATH)))).collect();
    eventually("four recordings are being fetched", async || store.arrived() == 4).await;
    let refused = soon(send(gateway.read(PATH))).await;
    refused.assert_error(503, "TOO_MANY_RECORDINGS");
    refused.assert_retry_after();
    store.release(4);
    for fetch in before {
        assert_eq!(soon(fetch).await.expect("a response").status, 200);
    }
}

#[tokio::test]
async fn nothing_of_a_recording_is_logged() {
    let log = log();
    let stored = recorded(completed(CALL_ID), AudioFormat::Mp3, b"voice-secret");
    for world in [stored, link("https://a.example/?sig=link-secret")] {
        let gateway = start(&world).await;
        let response = send(gateway.read(PATH).header("x-request-id", "private-recording")).await;
        assert_eq!(response.status, 200);
    }
    let encoded = STANDARD.encode("voice-secret");
    log.assert_private("private-recording", &["link-secret", "voice-secret", &encoded, "tumour"]);
}
