//! Recordings as audio.

use domain::AudioFormat;
use reqwest::{RequestBuilder, Response};

use crate::log::log;
use crate::recordings::{PATH, recorded};
use crate::running::{Running, send, start};
use crate::stored::completed;
use crate::world::{CALL_ID, World};

const ACCEPT: &str = "accept";

async fn stored(audio: &[u8]) -> Running {
    start(&recorded(completed(CALL_ID), AudioFormat::Mp3, audio)).await
}

fn ask(gateway: &Running, range: &str) -> RequestBuilder {
    gateway.read(PATH).header(ACCEPT, "audio/*").header("range", range)
}

async fn answer(request: RequestBuilder) -> Response {
    request.send().await.expect("a response")
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("ASCII"))
}

#[tokio::test]
async fn a_client_that_prefers_audio_gets_the_bytes() {
    let audio: Vec<u8> = (0..300_000_u32).map(|at| at as u8).collect();
    let gateway = stored(&audio).await;
    let browsers =
        "audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,application/ogg;q=0.7,video/*;q=0.6,*/*;q=0.5";
    for accept in ["audio/*", "audio/mpeg", "application/json;q=0.5, audio/*", browsers] {
        let response = answer(gateway.read(PATH).header(ACCEPT, accept)).await;
        assert_eq!(response.status(), 200, "{accept}");
        assert_eq!(header(&response, "content-type"), Some("audio/mpeg"));
        assert_eq!(header(&response, "content-length"), Some("300000"));
        assert_eq!(header(&response, "accept-ranges"), Some("bytes"));
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        assert!(response.bytes().await.expect("a whole body") == audio, "{accept}");
    }
    let json = ["*/*", "application/json", "application/json, audio/*;q=0.5", "text/html", ""];
    for accept in json {
        let response = send(gateway.read(PATH).header(ACCEPT, accept).header("range", "bytes=0-0")).await;
        assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
        assert!(response.body["audioData"].is_string(), "{accept}");
    }
}

#[tokio::test]
async fn a_range_is_a_part_of_the_audio() {
    let gateway = stored(b"0123456789").await;
    for (range, content, bytes) in [
        ("bytes=0-3", "bytes 0-3/10", "0123"),
        ("bytes=4-", "bytes 4-9/10", "456789"),
        ("bytes=-2", "bytes 8-9/10", "89"),
        ("bytes=0-", "bytes 0-9/10", "0123456789"),
        ("bytes=8-100", "bytes 8-9/10", "89"),
        ("bytes=-100", "bytes 0-9/10", "0123456789"),
    ] {
        let response = answer(ask(&gateway, range)).await;
        assert_eq!((response.status().as_u16(), header(&response, "content-range")), (206, Some(content)));
        assert_eq!(header(&response, "content-type"), Some("audio/mpeg"));
        assert_eq!(header(&response, "content-length"), Some(bytes.len().to_string().as_str()));
        assert_eq!(response.text().await.expect("text"), bytes, "{range}");
    }
    // Several ranges, other units, and conditions that cannot be checked.
    let whole = ["bytes=0-1,3-4", "items=0-1", "bytes=3-1", "bytes=x-"].map(|range| ask(&gateway, range));
    let conditional = ask(&gateway, "bytes=0-3").header("if-range", "\"an-etag\"");
    for request in whole.into_iter().chain([conditional]) {
        let response = answer(request).await;
        assert_eq!((response.status().as_u16(), header(&response, "content-range")), (200, None));
        assert_eq!(response.text().await.expect("text"), "0123456789");
    }
}

#[tokio::test]
async fn a_range_that_the_audio_does_not_have_is_416_with_its_size() {
    for (audio, range, whole) in [
        (&b"0123456789"[..], "bytes=10-", "bytes */10"),
        (b"0123456789", "bytes=-0", "bytes */10"),
        (b"", "bytes=0-", "bytes */0"),
    ] {
        let response = send(ask(&stored(audio).await, range)).await;
        response.assert_error(416, "RANGE_NOT_SATISFIABLE");
        assert_eq!(response.header("content-range"), Some(whole));
    }
    let empty = answer(stored(b"").await.read(PATH).header(ACCEPT, "audio/*")).await;
    assert_eq!((empty.status().as_u16(), header(&empty, "content-length")), (200, Some("0")));
}

#[tokio::test]
async fn head_tells_the_size_and_type_of_the_audio() {
    let gateway = stored(b"0123456789").await;
    let request = gateway.authorized("HEAD", PATH).header(ACCEPT, "audio/*").header("range", "bytes=0-3");
    let response = answer(request).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-length"), Some("10"));
    assert_eq!(header(&response, "content-type"), Some("audio/mpeg"));
    assert_eq!(header(&response, "accept-ranges"), Some("bytes"));
}

#[tokio::test]
async fn audio_that_is_absent_has_the_errors_of_the_recording() {
    let vanished = recorded(completed(CALL_ID), AudioFormat::Mp3, b"");
    vanished.memory.tables().recordings.clear();
    let unrecorded = World::with_calls([completed(CALL_ID)]);
    for world in [vanished, unrecorded] {
        let response = send(ask(&start(&world).await, "bytes=0-")).await;
        response.assert_error(404, "RECORDING_NOT_FOUND");
    }
    let anonymous = start(&World::lost()).await;
    let request = anonymous.get(PATH).header(ACCEPT, "audio/*");
    send(request).await.assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn nothing_of_the_audio_is_logged() {
    let log = log();
    let gateway = stored(b"voice-secret").await;
    let response = answer(ask(&gateway, "bytes=0-11").header("x-request-id", "private-audio")).await;
    assert_eq!(response.text().await.expect("text"), "voice-secret");
    log.assert_private("private-audio", &["voice-secret"]);
}
