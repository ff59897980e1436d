//! The events of the voice provider: who may send them, how large they may be, and that 200 means
//! that an event is stored.

use std::sync::Arc;
use std::time::Duration;

use adapter_http::EVENT_BODY_LIMIT;
use domain::ports::MockEventInbox;
use futures_util::{StreamExt as _, stream};
use reqwest::{Body, RequestBuilder};
use serde_json::{Value, json};
use testkit::eventually;
use testkit::memory::Memory;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::gated::Gated;
use crate::log::{log, message_is};
use crate::provider_webhook::{FORGED, KNOWN, SIGNATURE, SIGNATURE_HEADER, TOOL_SECRET};
use crate::running::{Options, Response, Running, read_to_close, send, soon, start, start_with};
use crate::stored::booked;
use crate::world::{CALL_ID, World};

const EVENTS: &str = "/api/webhook/elevenlabs";

/// A world with the call that the event [`KNOWN`] names.
fn world() -> World {
    World::with_calls([booked(CALL_ID)])
}

/// A world whose inbox waits until the test releases it.
fn slow() -> (World, Gated<Memory>) {
    let world = world();
    let inbox = Gated::new(world.memory.clone());
    (World { inbox: Arc::new(inbox.clone()), ..world }, inbox)
}

/// The bodies in the inbox, in the order of arrival.
fn stored(world: &World) -> Vec<Vec<u8>> {
    world.memory.tables().inbox.iter().map(|stored| stored.event.body.clone()).collect()
}

/// Whether the worker was notified of an event since the last question.
async fn was_notified(world: &World) -> bool {
    // `Notify` keeps a notification for the next waiter.
    tokio::time::timeout(Duration::from_millis(50), world.accepted.notified()).await.is_ok()
}

fn bare(gateway: &Running, body: impl Into<Body>) -> RequestBuilder {
    gateway.anonymous("POST", EVENTS).body(body)
}

fn signed(gateway: &Running, body: impl Into<Body>) -> RequestBuilder {
    bare(gateway, body).header(SIGNATURE_HEADER, SIGNATURE)
}

/// An event of this many bytes, sent without a declared length.
fn chunked(len: usize) -> Body {
    let mut chunks = vec![vec![b'{'; 1024 * 1024]; len / (1024 * 1024)];
    chunks.push(vec![b'{'; len % (1024 * 1024)]);
    Body::wrap_stream(futures_util::stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)))
}

fn assert_received(response: &Response, call_id: Option<&str>) {
    let mut expected = json!({ "received": true });
    if let Some(call_id) = call_id {
        expected["callId"] = json!(call_id);
    }
    assert_eq!((response.status, &response.body), (200, &expected));
}

#[tokio::test]
async fn a_signed_event_is_stored_unchanged_and_wakes_the_worker() {
    let world = world();
    let gateway = start(&world).await;
    assert_received(&send(signed(&gateway, KNOWN)).await, Some(CALL_ID));
    assert_eq!(stored(&world), [KNOWN.as_bytes()]);
    assert!(was_notified(&world).await);
    let spaced = b"{ \"a\" :\r\n\t1,\"\xff\":0}\n";
    assert_received(&send(signed(&gateway, spaced.as_slice())).await, None);
    assert_eq!(stored(&world), [KNOWN.as_bytes(), spaced.as_slice()]);
}

#[tokio::test]
async fn the_tool_secret_is_accepted_instead_of_a_signature() {
    let world = world();
    let gateway = start(&world).await;
    assert_received(&send(bare(&gateway, KNOWN).bearer_auth(TOOL_SECRET)).await, Some(CALL_ID));
    let both = bare(&gateway, "{}").bearer_auth("wrong").header(SIGNATURE_HEADER, SIGNATURE);
    assert_received(&send(both).await, None);
    assert_eq!(stored(&world).len(), 2);
}

/// Operators type this path, and the vendor sends an event that got 404 never again.
#[tokio::test]
async fn a_slash_at_the_end_is_accepted_and_a_compressed_event_is_refused_by_its_header() {
    let world = world();
    let gateway = start(&world).await;
    let with_slash = gateway.anonymous("POST", "/api/webhook/elevenlabs/").body(KNOWN);
    assert_received(&send(with_slash.header(SIGNATURE_HEADER, SIGNATURE)).await, Some(CALL_ID));
    let question = "/api/webhook/elevenlabs/personalization/";
    send(gateway.anonymous("POST", question).body("{}")).await.assert_error(401, "UNAUTHORIZED");
    let compressed = send(signed(&gateway, KNOWN).header("content-encoding", "gzip")).await;
    compressed.assert_invalid(&["Content-Encoding"], KNOWN);
    assert_eq!(stored(&world).len(), 1);
}

#[tokio::test]
async fn an_unverified_event_is_401_and_not_stored() {
    let world = world();
    let gateway = start(&world).await;
    let requests = [
        bare(&gateway, KNOWN),
        bare(&gateway, KNOWN).header(SIGNATURE_HEADER, ""),
        bare(&gateway, KNOWN).header(SIGNATURE_HEADER, "t=1,v0=00"),
        bare(&gateway, KNOWN).header(SIGNATURE_HEADER, b"\xff".as_slice()),
        signed(&gateway, KNOWN).header(SIGNATURE_HEADER, SIGNATURE),
        bare(&gateway, KNOWN).header(SIGNATURE_HEADER, "x".repeat(9000)),
        bare(&gateway, KNOWN).bearer_auth("wrong"),
        bare(&gateway, KNOWN).bearer_auth(format!("{TOOL_SECRET} {TOOL_SECRET}")),
        bare(&gateway, KNOWN).header("authorization", format!("Basic {TOOL_SECRET}")),
        // A user's token does not authorize an event.
        gateway.authorized("POST", EVENTS).body(KNOWN),
        // The signature is checked before the body is read.
        bare(&gateway, "no event").header(SIGNATURE_HEADER, "t=1,v0=00"),
    ];
    for (n, request) in requests.into_iter().enumerate() {
        let response = send(request).await;
        response.assert_error(401, "UNAUTHORIZED");
        assert_eq!(response.body["error"], "a valid signature or tool secret is required", "{n}");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(stored(&world), Vec::<Vec<u8>>::new());
    assert!(!was_notified(&world).await);
}

#[tokio::test]
async fn a_gateway_without_a_secret_refuses_every_event() {
    let gateway = start(&World { has_webhook_secret: false, ..world() }).await;
    send(signed(&gateway, KNOWN)).await.assert_error(401, "UNAUTHORIZED");
    send(bare(&gateway, KNOWN).bearer_auth(TOOL_SECRET)).await.assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn an_event_without_credentials_is_refused_before_its_body_arrives() {
    let gateway = start(&world()).await;
    let stream = gateway.raw("POST", EVENTS, "Content-Length: 1000\r\nConnection: close\r\n").await;
    let received = read_to_close(stream).await;
    assert!(received.starts_with("HTTP/1.1 401 "), "{received}");
}

#[tokio::test]
async fn an_event_with_a_wrong_bearer_is_refused_before_its_body_arrives() {
    let gateway = start(&world()).await;
    for head in ["Authorization: Bearer made-up\r\n", "ElevenLabs-Signature: t=1,v0=00\r\n"] {
        let head = format!("{head}Content-Length: 1000\r\nConnection: close\r\n");
        let received = read_to_close(gateway.raw("POST", EVENTS, &head).await).await;
        assert!(received.starts_with("HTTP/1.1 401 "), "{received}");
    }
}

/// More than there are permits.
const CROWD: usize = 300;

/// Opens connections that send this head and the beginning of a body, and then nothing. The head of
/// a further event arrives after theirs.
async fn stalled(gateway: &Running, credential: &str, sent: usize) -> Vec<TcpStream> {
    let head = format!("{credential}\r\nContent-Length: 1000000\r\n");
    let mut streams = Vec::new();
    for _ in 0..CROWD {
        let mut stream = gateway.raw("POST", EVENTS, &head).await;
        // A gateway that has refused the head may have closed the connection.
        let _ = stream.write_all(&vec![b'{'; sent]).await;
        streams.push(stream);
    }
    streams
}

/// No body is complete within the time of these tests, so that every permit stays taken that one of
/// the clients gets.
#[tokio::test]
async fn stalled_clients_without_a_credential_do_not_delay_an_event() {
    let world = world();
    let long = Duration::from_secs(120);
    let options = || Options { event_timeout: long, event_stall: long, ..Options::default() };
    for (credential, sent) in [
        ("Authorization: Bearer made-up".to_owned(), 10),
        (format!("{SIGNATURE_HEADER}: {FORGED}"), 0),
        (format!("{SIGNATURE_HEADER}: {FORGED}"), 16 * 1024 - 1),
    ] {
        let gateway = start_with(&world, options()).await;
        let streams = stalled(&gateway, &credential, sent).await;
        assert_received(&soon(send(signed(&gateway, KNOWN))).await, Some(CALL_ID));
        assert_received(&soon(send(signed(&gateway, vec![b'{'; 300 * 1024]))).await, None);
        drop(streams);
    }
}

/// A body that waits for the permit of a large event holds that of a small one. Only a part of these
/// can wait; further large events are refused immediately.
#[tokio::test]
async fn stalled_large_events_leave_permits_to_small_ones() {
    let long = Duration::from_secs(120);
    let options = Options { event_timeout: long, event_stall: long, ..Options::default() };
    let gateway = start_with(&world(), options).await;
    let streams = stalled(&gateway, &format!("{SIGNATURE_HEADER}: {FORGED}"), 256 * 1024 + 1).await;
    let refused = soon(send(signed(&gateway, vec![b'{'; 300 * 1024]))).await;
    refused.assert_error(503, "TOO_MANY_DELIVERIES");
    assert_received(&soon(send(signed(&gateway, KNOWN))).await, Some(CALL_ID));
    drop(streams);
}

/// With 16 KiB a client gets a permit, and loses it when it stalls.
#[tokio::test]
async fn a_client_that_stalls_with_a_permit_is_refused_and_an_event_gets_the_permit() {
    let stall = Duration::from_millis(300);
    let options =
        Options { event_timeout: Duration::from_secs(120), event_stall: stall, ..Options::default() };
    let gateway = start_with(&world(), options).await;
    let streams = stalled(&gateway, &format!("{SIGNATURE_HEADER}: {FORGED}"), 16 * 1024).await;
    assert_received(&soon(send(signed(&gateway, KNOWN))).await, Some(CALL_ID));
    let mut refused = String::new();
    let mut stream = streams.into_iter().next().expect("a stream");
    while !refused.contains("\"DELIVERY_TIMED_OUT\"") {
        let mut buffer = [0; 1024];
        let read = soon(stream.read(&mut buffer)).await.expect("a response");
        assert!(read > 0, "{refused}");
        refused.push_str(std::str::from_utf8(&buffer[..read]).expect("text"));
    }
    assert!(refused.starts_with("HTTP/1.1 408 "), "{refused}");
}

#[tokio::test]
async fn a_signed_body_that_is_not_an_event_is_400_and_not_stored() {
    let world = world();
    let gateway = start(&world).await;
    for body in ["", "hunter2"] {
        let response = send(signed(&gateway, body)).await;
        response.assert_error(400, "VALIDATION_FAILED");
        let details = json!([{ "message": "the body is not an event of the provider" }]);
        assert_eq!(response.body["error"]["details"], details);
    }
    assert_eq!(stored(&world), Vec::<Vec<u8>>::new());
    assert!(!was_notified(&world).await);
}

#[tokio::test]
async fn an_event_that_cannot_be_stored_is_refused_with_a_500() {
    let log = log();
    let world = World::lost();
    let gateway = start(&world).await;
    let response = send(signed(&gateway, KNOWN).header("x-request-id", "lost-inbox")).await;
    response.assert_unavailable(&log, "lost-inbox");
    assert!(!was_notified(&world).await);
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_gives_its_permits_back() {
    // The mock expects no call and panics.
    let world = World { inbox: Arc::new(MockEventInbox::new()), ..World::new() };
    let gateway = start(&world).await;
    for _ in 0..20 {
        let large = signed(&gateway, vec![b'{'; 300 * 1024]);
        soon(send(large)).await.assert_error(500, "INTERNAL");
    }
}

#[tokio::test]
async fn an_event_without_a_recording_may_be_16_mib_and_not_a_byte_more() {
    let world = world();
    let gateway = start(&world).await;
    assert_received(&send(signed(&gateway, chunked(EVENT_BODY_LIMIT))).await, None);
    assert_received(&send(signed(&gateway, vec![b'{'; EVENT_BODY_LIMIT])).await, None);
    let lens: Vec<_> = stored(&world).iter().map(Vec::len).collect();
    assert_eq!(lens, [EVENT_BODY_LIMIT; 2]);
    for body in [chunked(EVENT_BODY_LIMIT + 1), vec![b'{'; EVENT_BODY_LIMIT + 1].into()] {
        let response = send(signed(&gateway, body)).await;
        response.assert_error(400, "VALIDATION_FAILED");
        assert_eq!(response.body["error"]["details"][0]["message"], "the body is larger than 16 MiB");
    }
    assert_eq!(stored(&world).len(), 2);
}

/// The provider gives up an event that is refused, and the call would never get its recording.
#[tokio::test]
async fn an_event_with_a_large_recording_is_stored_without_it() {
    let world = world();
    let gateway = start(&world).await;
    let body = |len: usize| {
        let first = stream::iter([Ok::<_, std::io::Error>(b"{ ".to_vec())]);
        Body::wrap_stream(first.chain(stream::iter((0..len).map(|_| Ok(vec![b'a'; 1024 * 1024])))))
    };
    for (mebibytes, stored_len) in [(16, 16_777_218), (40, 41_943_042)] {
        assert_received(&send(signed(&gateway, body(mebibytes))).await, None);
        assert!(was_notified(&world).await);
        let expected = format!("{{ {stored_len}").into_bytes();
        assert_eq!(stored(&world).pop(), Some(expected), "the shorter body");
    }
    let forged = bare(&gateway, body(17)).header(SIGNATURE_HEADER, "t=1,v0=00");
    send(forged).await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(stored(&world).len(), 2);
}

#[tokio::test]
async fn an_event_that_does_not_arrive_in_time_is_refused() {
    let world = world();
    let options = Options { event_timeout: Duration::from_millis(100), ..Options::default() };
    let gateway = start_with(&world, options).await;
    let head = format!("{SIGNATURE_HEADER}: {SIGNATURE}\r\nContent-Length: 100\r\nConnection: close\r\n");
    let mut stream = gateway.raw("POST", EVENTS, &head).await;
    stream.write_all(b"{\"type\":").await.expect("a part of the body is sent");
    let received = read_to_close(stream).await;
    assert!(received.starts_with("HTTP/1.1 408 "), "{received}");
    assert!(received.contains("\"DELIVERY_TIMED_OUT\""), "{received}");
    assert_eq!(stored(&world), Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn a_large_event_waits_for_a_permit() {
    let (world, inbox) = slow();
    let gateway = start(&world).await;
    let large = || signed(&gateway, vec![b'{'; 300 * 1024]);
    let mut deliveries: Vec<_> = (0..17).map(|_| tokio::spawn(send(large()))).collect();
    eventually("16 events are being stored", async || inbox.arrived() == 16).await;
    // A small event does not wait for the large one.
    deliveries.push(tokio::spawn(send(signed(&gateway, KNOWN))));
    eventually("the small event is being stored", async || inbox.arrived() == 17).await;
    assert!(deliveries.iter().all(|delivery| !delivery.is_finished()));
    inbox.release(18);
    for delivery in deliveries {
        assert_eq!(soon(delivery).await.expect("a response").status, 200);
    }
    assert_eq!(stored(&world).len(), 18);
}

/// Takes all permits with events of this length, and asserts that one more event is refused.
async fn overfill(body_len: usize, permits: usize) {
    let (world, inbox) = slow();
    let options = Options { event_timeout: Duration::from_secs(4), ..Options::default() };
    let gateway = start_with(&world, options).await;
    let event = || signed(&gateway, vec![b'{'; body_len]);
    let held: Vec<_> = (0..permits).map(|_| tokio::spawn(send(event()))).collect();
    eventually("every permit is taken", async || inbox.arrived() == permits).await;
    let refused = soon(send(event())).await;
    refused.assert_error(503, "TOO_MANY_DELIVERIES");
    refused.assert_retry_after();
    inbox.release(permits);
    for delivery in held {
        assert_eq!(soon(delivery).await.expect("a response").status, 200);
    }
    assert_eq!(stored(&world).len(), permits);
}

#[tokio::test]
async fn a_large_event_that_gets_no_permit_in_time_is_refused() {
    overfill(300 * 1024, 16).await;
}

#[tokio::test]
async fn an_event_that_gets_no_permit_in_time_is_refused() {
    overfill(10, 256).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_end_the_storing() {
    let log = log();
    let (world, inbox) = slow();
    let gateway = start(&world).await;
    let head =
        format!("{SIGNATURE_HEADER}: {SIGNATURE}\r\nContent-Length: 2\r\nX-Request-Id: event-gone\r\n");
    let mut client = gateway.raw("POST", EVENTS, &head).await;
    client.write_all(b"{}").await.expect("the body is sent");
    eventually("the event is being stored", async || inbox.arrived() == 1).await;
    client.set_zero_linger().expect("a socket option");
    drop(client);
    let gone = |line: &Value| message_is(line, "the client disconnected before its response");
    eventually("the handler is dropped", async || log.lines("event-gone").iter().any(gone)).await;
    inbox.release(1);
    eventually("the event is stored", async || stored(&world).len() == 1).await;
    soon(world.accepted.notified()).await;
}

#[tokio::test]
async fn nothing_of_an_event_is_logged() {
    let log = log();
    let gateway = start(&world()).await;
    let requests = [
        signed(&gateway, KNOWN),
        bare(&gateway, KNOWN).bearer_auth(TOOL_SECRET),
        signed(&gateway, "not an event about a tumour"),
        bare(&gateway, KNOWN).header(SIGNATURE_HEADER, "t=1,v0=signature-secret"),
    ];
    for request in requests {
        let _ = send(request.header("x-request-id", "private-event")).await;
    }
    log.assert_private("private-event", &["tumour", "signature-secret", TOOL_SECRET]);
}
