//! Bodies: size, time, type, and what is not the expected JSON.

use std::time::Duration;

use adapter_http::REQUEST_BODY_LIMIT;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::running::{Options, PATH, Running, read_to_close, send, start, start_with};
use crate::world::World;

/// A request for a call, padded to this many bytes.
fn padded(len: usize) -> String {
    let frame = json!({ "contactId": "c1", "padding": "" }).to_string().len();
    json!({ "contactId": "c1", "padding": "x".repeat(len - frame) }).to_string()
}

/// Asserts that this body is refused with this message.
async fn assert_refused(gateway: &Running, body: impl Into<reqwest::Body>, message: &str) {
    let response = send(gateway.post(body)).await;
    response.assert_error(400, "VALIDATION_FAILED");
    assert_eq!(response.body["error"]["details"][0]["message"], message);
}

#[tokio::test]
async fn a_body_may_be_64_kib_and_not_a_byte_more() {
    let gateway = start(&World::new()).await;
    assert_eq!(send(gateway.post(padded(REQUEST_BODY_LIMIT))).await.status, 200);
    assert_refused(&gateway, padded(REQUEST_BODY_LIMIT + 1), "the body is larger than 64 KiB").await;
    assert_refused(&gateway, padded(8 * REQUEST_BODY_LIMIT), "the body is larger than 64 KiB").await;
}

#[tokio::test]
async fn the_limit_applies_to_a_body_without_a_declared_length() {
    let gateway = start(&World::new()).await;
    let chunks = || futures_util::stream::iter((0..80).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024])));
    assert_refused(&gateway, reqwest::Body::wrap_stream(chunks()), "the body is larger than 64 KiB").await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_refused() {
    let options = Options { body_timeout: Duration::from_millis(100), ..Options::default() };
    let gateway = start_with(&World::new(), options).await;
    let mut stream = gateway.raw_head("Content-Length: 100\r\nConnection: close\r\n").await;
    stream.write_all(b"{\"contactId\":").await.expect("a part of the body is sent");
    let received = read_to_close(stream).await;
    assert!(received.starts_with("HTTP/1.1 400 "), "{received}");
    assert!(
        received.contains("VALIDATION_FAILED") && received.contains("did not arrive in time"),
        "{received}"
    );
}

#[tokio::test]
async fn only_json_is_read() {
    let gateway = start(&World::new()).await;
    let body = json!({ "contactId": "c1" }).to_string();
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"] {
        let request =
            gateway.authorized("POST", PATH).header("content-type", content_type).body(body.clone());
        assert_eq!(send(request).await.status, 200, "{content_type}");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ""] {
        let request =
            gateway.authorized("POST", PATH).header("content-type", content_type).body(body.clone());
        send(request).await.assert_error(400, "VALIDATION_FAILED");
    }
    send(gateway.authorized("POST", PATH).body(body)).await.assert_error(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_without_being_quoted() {
    let gateway = start(&World::new()).await;
    let bodies: [&[u8]; 8] = [
        b"",
        b"hunter2",
        b"[\"hunter2\"]",
        b"{\"contactId\":hunter2}",
        b"{\"contactId\":\"hunter2\xff\"}",
        br#"{"contactId":"hunter2","contactId":"hunter2"}"#,
        br#"{"contactId":"hunter2\u0000"}"#,
        br#"{"contactId":["hunter2"]}"#,
    ];
    for body in bodies {
        let response = send(gateway.post(body)).await;
        response.assert_error(400, "VALIDATION_FAILED");
        assert!(!response.body.to_string().contains("hunter2"), "{}", response.body);
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped() {
    let gateway = start(&World::new()).await;
    let body = json!({ "contactId": "c1" }).to_string();
    assert_eq!(send(gateway.post(format!("\u{feff}{body}"))).await.status, 200);
    let message = "the body is not valid JSON, or is nested too deeply";
    assert_refused(&gateway, format!("\u{feff}\u{feff}{body}"), message).await;
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_its_header() {
    let gateway = start(&World::new()).await;
    let body = json!({ "contactId": "c1" }).to_string();
    let request = |encoding: &str| gateway.post(body.clone()).header("content-encoding", encoding);
    for encoding in ["gzip", "br", "identity, gzip", ""] {
        let response = send(request(encoding)).await;
        response.assert_error(400, "VALIDATION_FAILED");
        let detail = &response.body["error"]["details"][0];
        assert_eq!(detail["field"], "Content-Encoding", "{encoding}");
    }
    assert_eq!(send(request("Identity")).await.status, 200);
}

#[tokio::test]
async fn an_invalid_field_is_named() {
    let gateway = start(&World::new()).await;
    let response = gateway.place(json!({ "contactId": "c1", "callReason": 7 })).await;
    response.assert_error(400, "VALIDATION_FAILED");
    assert_eq!(
        response.body["error"]["details"],
        json!([{ "field": "callReason", "message": "must be a string" }])
    );
}

#[tokio::test]
async fn a_nesting_bomb_is_refused() {
    let gateway = start(&World::new()).await;
    let bomb = format!("{{\"contactId\":\"c1\",\"x\":{}", "[".repeat(60_000));
    assert_refused(&gateway, bomb, "the body is not valid JSON, or is nested too deeply").await;
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let gateway = start(&World::new()).await;
    let response =
        gateway.place(json!({ "contactId": "c1", "metadata": { "a": [1, null] }, "userId": "u2" })).await;
    assert_eq!(response.status, 200);
}
