//! The voice provider's events: who may deliver them, how large they may be, and that 200 means that they are stored.

use std::time::Duration;

use adapter_http::EVENT_BODY_LIMIT;
use reqwest::{Body, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::calls::{soon, until};
use crate::inbox::{Inbox, KNOWN, SIGNATURE, TOOL_SECRET};
use crate::log::{log, message_is};
use crate::running::{Answer, Options, Running, answer, read_to_close, start, start_with};
use crate::world::{CALL_ID, World};

const EVENTS: &str = "/api/webhook/elevenlabs";
const SIGNATURE_HEADER: &str = "elevenlabs-signature";

async fn start_taking(inbox: &Inbox) -> Running {
    let options = Options { events: Some(inbox.intake()), ..Options::default() };
    start_with(World::new(), options).await
}

async fn start_taking_for(inbox: &Inbox, event_timeout: Duration) -> Running {
    let options = Options { events: Some(inbox.intake()), event_timeout, ..Options::default() };
    start_with(World::new(), options).await
}

fn bare(gateway: &Running, body: impl Into<Body>) -> RequestBuilder {
    gateway.method("POST", EVENTS).body(body)
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

fn assert_received(answer: &Answer, call_id: Option<&str>) {
    let mut expected = json!({ "received": true });
    if let Some(call_id) = call_id {
        expected["callId"] = json!(call_id);
    }
    assert_eq!((answer.status, &answer.body), (200, &expected));
}

#[tokio::test]
async fn an_event_that_is_signed_is_stored_as_it_came_and_said_to_be_there() {
    let inbox = Inbox::new();
    let gateway = start_taking(&inbox).await;
    assert_received(&answer(signed(&gateway, KNOWN)).await, Some(CALL_ID));
    assert_eq!(inbox.stored(), [KNOWN.as_bytes()]);
    assert!(inbox.was_notified().await);
    let spaced = b"{ \"a\" :\r\n\t1,\"\xff\":0}\n";
    assert_received(&answer(signed(&gateway, spaced.as_slice())).await, None);
    assert_eq!(inbox.stored(), [KNOWN.as_bytes(), spaced.as_slice()]);
}

#[tokio::test]
async fn the_tool_secret_does_as_well_as_a_signature() {
    let inbox = Inbox::new();
    let gateway = start_taking(&inbox).await;
    assert_received(&answer(bare(&gateway, KNOWN).bearer_auth(TOOL_SECRET)).await, Some(CALL_ID));
    let both = bare(&gateway, "{}").bearer_auth("wrong").header(SIGNATURE_HEADER, SIGNATURE);
    assert_received(&answer(both).await, None);
    assert_eq!(inbox.stored().len(), 2);
}

#[tokio::test]
async fn what_nothing_verifies_is_401_and_not_stored() {
    let inbox = Inbox::new();
    let gateway = start_taking(&inbox).await;
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
        // A user's token places calls and tells nothing of them.
        gateway
            .authenticated()
            .build()
            .map(|place| bare(&gateway, KNOWN).headers(place.headers().clone()))
            .expect("a request"),
        // Verified before it is read: what is no event is refused for its signature.
        bare(&gateway, "no event").header(SIGNATURE_HEADER, "t=1,v0=00"),
    ];
    for (n, request) in requests.into_iter().enumerate() {
        let answer = answer(request).await;
        answer.assert_error(401, "UNAUTHORIZED");
        assert_eq!(answer.body["error"], "a valid signature or tool secret is required", "{n}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(inbox.arrived(), 0);
    assert!(!inbox.was_notified().await);
}

#[tokio::test]
async fn a_gateway_without_a_secret_refuses_every_event() {
    let gateway = start(World::new()).await;
    answer(signed(&gateway, KNOWN)).await.assert_error(401, "UNAUTHORIZED");
    answer(bare(&gateway, KNOWN).bearer_auth(TOOL_SECRET)).await.assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_delivery_that_shows_nothing_is_refused_before_its_body_comes() {
    let gateway = start_taking(&Inbox::new()).await;
    let stream = gateway.raw_post(EVENTS, "Content-Length: 1000\r\nConnection: close\r\n").await;
    let received = read_to_close(stream).await;
    assert!(received.starts_with("HTTP/1.1 401 "), "{received}");
}

#[tokio::test]
async fn what_is_signed_and_no_event_is_400_and_not_stored() {
    let inbox = Inbox::new();
    let gateway = start_taking(&inbox).await;
    for body in ["", "hunter2"] {
        let answer = answer(signed(&gateway, body)).await;
        answer.assert_error(400, "VALIDATION_FAILED");
        let details = json!([{ "message": "the body is not an event of the provider" }]);
        assert_eq!(answer.body["error"]["details"], details);
    }
    assert_eq!(inbox.arrived(), 0);
    assert!(!inbox.was_notified().await);
}

#[tokio::test]
async fn an_event_that_cannot_be_stored_is_to_be_delivered_again() {
    let log = log();
    let inbox = Inbox { away: true, ..Inbox::new() };
    let gateway = start_taking(&inbox).await;
    let answer = answer(signed(&gateway, KNOWN).header("x-request-id", "inbox-away")).await;
    answer.assert_error(500, "SERVICE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some_and(|secs| secs.parse::<u32>().is_ok_and(|secs| secs >= 1)));
    let text = answer.body.to_string();
    assert!(!text.contains("postgres") && !text.contains("secret detail"), "{text}");
    assert!(!inbox.was_notified().await);
    let cause = |line: &&Value| line["fields"]["cause"] == "postgres is unavailable: secret detail";
    assert_eq!(log.lines("inbox-away").iter().filter(cause).count(), 1);
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_gives_its_seat_back() {
    let inbox = Inbox { broken: true, ..Inbox::new() };
    let gateway = start_taking(&inbox).await;
    for _ in 0..20 {
        let large = signed(&gateway, vec![b'{'; 300 * 1024]);
        soon(answer(large)).await.assert_error(500, "INTERNAL");
    }
}

#[tokio::test]
async fn an_event_may_be_16_mib_and_not_a_byte_more() {
    let inbox = Inbox::new();
    let gateway = start_taking(&inbox).await;
    assert_received(&answer(signed(&gateway, chunked(EVENT_BODY_LIMIT))).await, None);
    assert_received(&answer(signed(&gateway, vec![b'{'; EVENT_BODY_LIMIT])).await, None);
    let lens: Vec<_> = inbox.stored().iter().map(Vec::len).collect();
    assert_eq!(lens, [EVENT_BODY_LIMIT; 2]);
    for body in [chunked(EVENT_BODY_LIMIT + 1), vec![b'{'; EVENT_BODY_LIMIT + 1].into()] {
        let answer = answer(signed(&gateway, body)).await;
        answer.assert_error(400, "VALIDATION_FAILED");
        assert_eq!(answer.body["error"]["details"][0]["message"], "the body is larger than 16 MiB");
    }
    assert_eq!(inbox.arrived(), 2);
}

#[tokio::test]
async fn an_event_that_does_not_arrive_in_time_is_to_be_delivered_again() {
    let inbox = Inbox::new();
    let gateway = start_taking_for(&inbox, Duration::from_millis(100)).await;
    let head = format!("{SIGNATURE_HEADER}: {SIGNATURE}\r\nContent-Length: 100\r\nConnection: close\r\n");
    let mut stream = gateway.raw_post(EVENTS, &head).await;
    stream.write_all(b"{\"type\":").await.expect("a part of the body is sent");
    let received = read_to_close(stream).await;
    assert!(received.starts_with("HTTP/1.1 408 "), "{received}");
    assert!(received.contains("\"DELIVERY_TIMED_OUT\""), "{received}");
    assert_eq!(inbox.arrived(), 0);
}

#[tokio::test]
async fn a_large_event_waits_until_there_is_room_for_it() {
    let inbox = Inbox::slow();
    let gateway = start_taking(&inbox).await;
    let large = || signed(&gateway, vec![b'{'; 300 * 1024]);
    let mut deliveries: Vec<_> = (0..17).map(|_| tokio::spawn(answer(large()))).collect();
    until("16 are being stored", || inbox.arrived() == 16).await;
    // A small one passes by the one that waits.
    deliveries.push(tokio::spawn(answer(signed(&gateway, KNOWN))));
    until("the small one is being stored", || inbox.arrived() == 17).await;
    assert!(deliveries.iter().all(|delivery| !delivery.is_finished()));
    inbox.permits.add_permits(18);
    for delivery in deliveries {
        assert_eq!(soon(delivery).await.expect("an answer").status, 200);
    }
    assert_eq!(inbox.stored().len(), 18);
}

/// Fills the room for events of this length, and has one more turned away.
async fn overfill(body_len: usize, room: usize) {
    let inbox = Inbox::slow();
    let gateway = start_taking_for(&inbox, Duration::from_secs(4)).await;
    let event = || signed(&gateway, vec![b'{'; body_len]);
    let held: Vec<_> = (0..room).map(|_| tokio::spawn(answer(event()))).collect();
    until("there is no room", || inbox.arrived() == room).await;
    let turned_away = soon(answer(event())).await;
    turned_away.assert_error(503, "TOO_MANY_DELIVERIES");
    let retry_after = turned_away.header("retry-after").expect("a time").parse::<u32>();
    assert!(retry_after.is_ok_and(|secs| secs >= 1));
    inbox.permits.add_permits(room);
    for delivery in held {
        assert_eq!(soon(delivery).await.expect("an answer").status, 200);
    }
    assert_eq!(inbox.stored().len(), room);
}

#[tokio::test]
async fn a_large_event_that_finds_no_room_in_time_is_to_be_delivered_again() {
    overfill(300 * 1024, 16).await;
}

#[tokio::test]
async fn an_event_that_finds_no_room_in_time_is_to_be_delivered_again() {
    overfill(10, 256).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_end_the_storing() {
    let log = log();
    let inbox = Inbox::slow();
    let gateway = start_taking(&inbox).await;
    let head =
        format!("{SIGNATURE_HEADER}: {SIGNATURE}\r\nContent-Length: 2\r\nX-Request-Id: event-gone\r\n");
    let mut client = gateway.raw_post(EVENTS, &head).await;
    client.write_all(b"{}").await.expect("the body is sent");
    until("it is being stored", || inbox.arrived() == 1).await;
    client.set_zero_linger().expect("a socket option");
    drop(client);
    let gone = |line: &Value| message_is(line, "the client disconnected before its response");
    until("the handler is dropped", || log.lines("event-gone").iter().any(gone)).await;
    inbox.permits.add_permits(1);
    until("it is stored", || inbox.stored().len() == 1).await;
    soon(inbox.accepted.notified()).await;
}

#[tokio::test]
async fn nothing_of_an_event_is_logged() {
    let log = log();
    let gateway = start_taking(&Inbox::new()).await;
    let requests = [
        signed(&gateway, KNOWN),
        bare(&gateway, KNOWN).bearer_auth(TOOL_SECRET),
        signed(&gateway, "not an event about a tumour"),
        bare(&gateway, KNOWN).header(SIGNATURE_HEADER, "t=1,v0=signature-secret"),
    ];
    for request in requests {
        let _ = answer(request.header("x-request-id", "private-event")).await;
    }
    assert!(!log.lines("private-event").is_empty());
    let text = log.text();
    for secret in ["tumour", "signature-secret", TOOL_SECRET] {
        assert!(!text.contains(secret), "{secret}");
    }
}
