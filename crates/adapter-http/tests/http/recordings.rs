//! The recordings of calls: in the call's document, and fetched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ports::{PortUnavailable, RecordingStore};
use domain::{AudioFormat, CallRecord, Recording, RecordingAccess, RecordingKey, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::books::{Books, booked};
use crate::calls::{soon, until};
use crate::log::log;
use crate::reading::completed;
use crate::running::{Options, Running, answer, start_with};
use crate::world::{CALL_ID, World};

/// A store that has one answer for every key.
#[derive(Clone)]
struct Shelf {
    access: Result<Option<RecordingAccess>, PortUnavailable>,
    asked: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
}

impl Shelf {
    fn of(access: Result<Option<RecordingAccess>, PortUnavailable>) -> Self {
        Self { access, asked: Arc::default(), permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
    }

    fn bytes(bytes: &[u8]) -> Self {
        Self::of(Ok(Some(RecordingAccess::Bytes(bytes.to_vec()))))
    }
}

#[async_trait]
impl RecordingStore for Shelf {
    async fn put(&self, _: &RecordingKey, _: AudioFormat, _: Vec<u8>) -> Result<(), PortUnavailable> {
        unreachable!("a handler stores nothing")
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        assert!(key.as_str().starts_with(CALL_ID));
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.expect("never closed").forget();
        self.access.clone()
    }
}

fn recorded(call: CallRecord, format: AudioFormat) -> CallRecord {
    let recording = Recording {
        key: RecordingKey::of(&call.identity.call_id, format),
        format,
        size_bytes: 5,
        stored_at: Timestamp::from_unix_millis(1_772_442_761_300),
    };
    CallRecord { recording: Some(recording), ..call }
}

fn path() -> String {
    format!("/api/calls/{CALL_ID}/recording")
}

async fn start_keeping(call: CallRecord, shelf: &Shelf) -> Running {
    let recordings: Arc<dyn RecordingStore> = Arc::new(shelf.clone());
    let options =
        Options { books: Books::of(vec![call]), recordings: Some(recordings), ..Options::default() };
    start_with(World::new(), options).await
}

fn expected() -> Value {
    json!({
        "success": true,
        "duration": 154,
        "recordingId": format!("{CALL_ID}.mp3"),
        "transcriptionText": "Agent: Hello Ada.\nUser: It is about the \"tumour\".",
        "transcriptionData": [
            { "role": "agent", "message": "Hello Ada.", "timestamp": 8 },
            { "role": "user", "message": "It is about the \"tumour\".", "timestamp": 12 }
        ],
        "direction": "outbound",
        "from": "+14165550100",
        "to": "+14165550111"
    })
}

#[tokio::test]
async fn a_recording_comes_whole_as_a_data_uri() {
    let gateway =
        start_keeping(recorded(completed(CALL_ID), AudioFormat::Mp3), &Shelf::bytes(b"voice")).await;
    let answer = answer(gateway.read(&path())).await;
    let mut expected = expected();
    expected["audioData"] = json!("data:audio/mpeg;base64,dm9pY2U=");
    assert_eq!((answer.status, &answer.body), (200, &expected));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_recording_that_lies_elsewhere_comes_as_a_link() {
    let link = RecordingAccess::Link {
        url: "https://storage.example.com/a.mp3?signature=s3cret".to_owned(),
        valid_for: Duration::from_mins(10),
    };
    let shelf = Shelf::of(Ok(Some(link)));
    let gateway = start_keeping(recorded(completed(CALL_ID), AudioFormat::Mp3), &shelf).await;
    let answer = answer(gateway.read(&path())).await;
    let mut expected = expected();
    expected["audioUrl"] = json!("https://storage.example.com/a.mp3?signature=s3cret");
    expected["expiresIn"] = json!(600);
    assert_eq!((answer.status, &answer.body), (200, &expected));
}

#[tokio::test]
async fn a_recording_may_come_before_anything_is_known_of_what_was_said() {
    let gateway = start_keeping(recorded(booked(CALL_ID), AudioFormat::Wav), &Shelf::bytes(b"RIFF")).await;
    let answer = answer(gateway.read(&path())).await;
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
    assert_eq!((answer.status, &answer.body), (200, &expected));
}

#[tokio::test]
async fn the_calls_document_lists_its_recordings() {
    let gateway =
        start_keeping(recorded(completed(CALL_ID), AudioFormat::Mp3), &Shelf::bytes(b"voice")).await;
    let expected = json!([{
        "recordingId": format!("{CALL_ID}.mp3"),
        "format": "mp3",
        "size": 5,
        "createdAt": "2026-03-02T09:12:41.300Z"
    }]);
    let call = answer(gateway.read(&format!("/api/calls/{CALL_ID}"))).await;
    assert_eq!(call.body["call"]["recordings"], expected);
    let list = answer(gateway.read("/api/calls/history")).await;
    assert_eq!(list.body["calls"][0]["recordings"], expected);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_named() {
    let shelf = Shelf::of(Ok(None));
    let gateway = start_keeping(recorded(booked(CALL_ID), AudioFormat::Mp3), &shelf).await;
    let vanished = answer(gateway.read(&path())).await;
    vanished.assert_error(404, "RECORDING_NOT_FOUND");
    assert_eq!(vanished.body["error"], "Recording not found");
    for id in ["other", "%00", &"x".repeat(129)] {
        let path = format!("/api/calls/{id}/recording");
        answer(gateway.read(&path)).await.assert_error(404, "CALL_NOT_FOUND");
    }
    let unrecorded = start_keeping(booked(CALL_ID), &Shelf::bytes(b"voice")).await;
    answer(unrecorded.read(&path())).await.assert_error(404, "RECORDING_NOT_FOUND");
    let options =
        Options { books: Books::of(vec![recorded(booked(CALL_ID), AudioFormat::Mp3)]), ..Options::default() };
    let storeless = start_with(World::new(), options).await;
    answer(storeless.read(&path())).await.assert_error(404, "RECORDING_NOT_FOUND");
}

#[tokio::test]
async fn fetching_takes_a_token() {
    let shelf = Shelf::bytes(b"voice");
    let gateway = start_keeping(recorded(booked(CALL_ID), AudioFormat::Mp3), &shelf).await;
    answer(gateway.get(&path())).await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(shelf.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_store_that_is_away_is_a_500_whose_cause_is_logged_once() {
    let log = log();
    let shelf = Shelf::of(Err(PortUnavailable::new("recordings", "secret detail")));
    let gateway = start_keeping(recorded(booked(CALL_ID), AudioFormat::Mp3), &shelf).await;
    let answer = answer(gateway.read(&path()).header("x-request-id", "away-recording")).await;
    answer.assert_error(500, "SERVICE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some());
    assert!(!answer.body.to_string().contains("secret detail"), "{}", answer.body);
    let cause = |line: &&Value| line["fields"]["cause"] == "recordings is unavailable: secret detail";
    assert_eq!(log.lines("away-recording").iter().filter(cause).count(), 1);
}

#[tokio::test]
async fn a_few_recordings_are_in_memory_at_once_and_the_others_wait() {
    let voice = vec![7; 300 * 1024];
    let shelf = Shelf { permits: Arc::new(Semaphore::new(0)), ..Shelf::bytes(&voice) };
    let gateway = start_keeping(recorded(booked(CALL_ID), AudioFormat::Mp3), &shelf).await;
    let asked = || shelf.asked.load(Ordering::SeqCst);
    let mut fetches: Vec<_> = (0..7).map(|_| tokio::spawn(answer(gateway.read(&path())))).collect();
    until("four are fetched", || asked() == 4).await;
    // A client that does not wait any more gives its place in the queue back.
    fetches.pop().expect("seven").abort();
    // One that asks for no recording passes by.
    answer(gateway.read(&format!("/api/calls/{CALL_ID}"))).await;
    assert_eq!(asked(), 4);
    shelf.permits.add_permits(7);
    let expected = json!(format!("data:audio/mpeg;base64,{}", STANDARD.encode(&voice)));
    for fetch in fetches {
        assert_eq!(soon(fetch).await.expect("an answer").body["audioData"], expected);
    }
    assert!(asked() <= 7);
}

#[tokio::test]
async fn nobody_waits_for_ever_behind_a_store_that_hangs() {
    let shelf = Shelf { permits: Arc::new(Semaphore::new(0)), ..Shelf::bytes(b"voice") };
    let gateway = start_keeping(recorded(booked(CALL_ID), AudioFormat::Mp3), &shelf).await;
    let before: Vec<_> = (0..4).map(|_| tokio::spawn(answer(gateway.read(&path())))).collect();
    until("four are fetched", || shelf.asked.load(Ordering::SeqCst) == 4).await;
    let refused = soon(answer(gateway.read(&path()))).await;
    refused.assert_error(500, "SERVICE_UNAVAILABLE");
    assert!(refused.header("retry-after").is_some());
    shelf.permits.add_permits(4);
    for fetch in before {
        assert_eq!(soon(fetch).await.expect("an answer").status, 200);
    }
}

#[tokio::test]
async fn nothing_of_a_recording_is_logged() {
    let log = log();
    let link = RecordingAccess::Link {
        url: "https://a.example/?sig=link-secret".to_owned(),
        valid_for: Duration::ZERO,
    };
    for shelf in [Shelf::bytes(b"voice-secret"), Shelf::of(Ok(Some(link)))] {
        let gateway = start_keeping(recorded(completed(CALL_ID), AudioFormat::Mp3), &shelf).await;
        let _ = answer(gateway.read(&path()).header("x-request-id", "private-recording")).await;
    }
    assert!(!log.lines("private-recording").is_empty());
    let text = log.text();
    for secret in ["link-secret", "voice-secret", &STANDARD.encode("voice-secret"), "tumour"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
