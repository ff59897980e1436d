//! What is sent, and what an answer means.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ports::{SendOutcome, WebhookSender};
use domain::{CallEventKind, CallStatus, DeliveryFailure, EventId, WebhookSecret};
use testkit::peer::Peer;

#[path = "support/deliveries.rs"]
#[expect(dead_code, reason = "names are for the other tests")]
mod deliveries;

use deliveries::{NOW, delivery, failed, open_sender};

/// One request as it came.
struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).expect("text");
        let (line, headers) = head.split_once("\r\n").expect("headers");
        let headers = headers.lines().map(|line| line.split_once(": ").expect("a header"));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { line: line.to_owned(), headers, body: bytes[end + 4..].to_vec() }
    }

    fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(found.next().is_none(), "{name} twice");
        value
    }

    /// As a receiver verifies it, with nothing but its secret and what came.
    fn is_signed(&self, secret: &WebhookSecret) -> bool {
        let signed = [
            self.header("webhook-id").as_bytes(),
            self.header("webhook-timestamp").as_bytes(),
            self.body.as_slice(),
        ]
        .join(b".".as_slice());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        self.header("webhook-signature").split(' ').any(|one| {
            let tag = one.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| hmac::verify(&key, &signed, &tag).is_ok())
        })
    }
}

fn answer(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: 2\r\n\r\nOK")
}

#[tokio::test]
async fn a_receiver_gets_the_event_signed() {
    let receiver = Peer::answering(answer("200 OK", "")).await;
    let delivery = delivery(&format!("{}/hooks/1?token=t#part", receiver.base_url()));
    assert_eq!(open_sender().send(&delivery, NOW).await, SendOutcome::Accepted);

    let requests = receiver.received();
    assert_eq!(requests.len(), 1);
    let request = Request::parse(&requests[0]);
    assert_eq!(request.line, "POST /hooks/1?token=t HTTP/1.1");
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("user-agent"), concat!("Outdial/", env!("CARGO_PKG_VERSION")));
    let id = "evt_665000000707070707070707_call_ended_completed";
    assert_eq!(request.header("webhook-id"), id);
    assert_eq!(request.header("webhook-timestamp"), "1760000000", "the attempt's time, in seconds");
    assert!(request.is_signed(&delivery.secrets[0]));
    assert!(!request.is_signed(&WebhookSecret::mint([2; 32])));
    let expected = concat!(
        r#"{"type":"call_ended","timestamp":"2025-10-09T08:53:19.123Z","data":{"#,
        r#""eventId":"evt_665000000707070707070707_call_ended_completed","callId":"665000000707070707070707","#,
        r#""status":"completed","direction":"outbound","conversationId":"conv_1","organizationId":"org_1","#,
        r#""userId":"user_1","contactId":"contact_1","agentId":"agent_1","#,
        r#""from":"+14165550100","to":"+14165550123"}}"#,
    );
    assert_eq!(String::from_utf8_lossy(&request.body), expected);
}

#[tokio::test]
async fn what_is_not_known_is_left_out_and_nothing_else_changes() {
    let receiver = Peer::answering(answer("202 Accepted", "")).await;
    let mut delivery = delivery(&receiver.base_url());
    delivery.event.kind = CallEventKind::Initiated;
    delivery.event.status = CallStatus::Initiated;
    delivery.event.conversation_id = None;
    delivery.event.id =
        EventId::of(&delivery.event.identity.call_id, CallEventKind::Initiated, CallStatus::Initiated);
    let sender = open_sender();
    for _ in 0..2 {
        assert_eq!(sender.send(&delivery, NOW).await, SendOutcome::Accepted);
    }
    let requests: Vec<_> = receiver.received().iter().map(|bytes| Request::parse(bytes)).collect();
    let body = String::from_utf8_lossy(&requests[0].body);
    assert!(body.starts_with(r#"{"type":"call_initiated","#), "{body}");
    assert!(body.contains(r#""direction":"outbound","organizationId":"#), "{body}");
    assert_eq!(requests[0].body, requests[1].body);
}

/// While a secret is replaced, receivers that have the old one and those that have the new one both verify.
#[tokio::test]
async fn each_secret_signs() {
    let receiver = Peer::answering(answer("204 No Content", "")).await;
    let mut delivery = delivery(&receiver.base_url());
    let secrets = [WebhookSecret::mint([3; 32]), WebhookSecret::mint([4; 32])];
    delivery.secrets = secrets.to_vec();
    assert_eq!(open_sender().send(&delivery, NOW).await, SendOutcome::Accepted);
    let request = Request::parse(&receiver.received()[0]);
    assert!(secrets.iter().all(|secret| request.is_signed(secret)));
    assert_eq!(request.header("webhook-signature").split(' ').count(), 2);
}

#[tokio::test]
async fn whatever_is_not_2xx_has_failed() {
    let secs = |secs| Some(Duration::from_secs(secs));
    for (status, headers, retry_after) in [
        ("500 No", "", None),
        ("500 No", "Retry-After: 7\r\n", None),
        ("410 Gone", "", None),
        ("400 No", "", None),
        ("304 No", "", None),
        ("429 Later", "Retry-After: 7\r\n", secs(7)),
        ("429 Later", "", None),
        ("503 Later", "retry-after: Thu, 09 Oct 2025 08:54:20 GMT\r\n", Some(Duration::from_millis(59_100))),
        ("503 Later", "retry-after: soon\r\n", None),
        ("503 Later", "retry-after: 999999999999\r\n", secs(86_400)),
    ] {
        let receiver = Peer::answering(answer(status, headers)).await;
        let outcome = open_sender().send(&delivery(&receiver.base_url()), NOW).await;
        let number = status[..3].parse().expect("a number");
        let expected = SendOutcome::Failed { failure: DeliveryFailure::Status(number), retry_after };
        assert_eq!(outcome, expected, "{status} {headers}");
        assert_eq!(receiver.received().len(), 1, "the queue makes the next attempt");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Peer::answering(answer("200 OK", "")).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/\r\n", elsewhere.base_url());
        let receiver = Peer::answering(answer(&format!("{status} Elsewhere"), &location)).await;
        let outcome = open_sender().send(&delivery(&receiver.base_url()), NOW).await;
        assert_eq!(outcome, failed(DeliveryFailure::Status(status)));
    }
    assert!(elsewhere.received().is_empty(), "a redirect was followed");
}

/// Neither silence nor an answer that comes byte by byte holds an attempt beyond its time.
#[tokio::test]
async fn a_receiver_that_takes_too_long_has_failed() {
    let silent = Peer::start(|mut connection| async move {
        connection.read_request().await;
        std::future::pending().await
    })
    .await;
    let slow = Peer::start(|mut connection| async move {
        connection.read_request().await;
        for byte in b"HTTP/1.1 200 OK\r\nx: ".iter().chain(std::iter::repeat(&b'x')) {
            if !connection.write(&[*byte]).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for receiver in [&silent, &slow] {
        let outcome = open_sender().send(&delivery(&receiver.base_url()), NOW).await;
        assert_eq!(outcome, failed(DeliveryFailure::TimedOut));
        assert_eq!(receiver.received().len(), 1, "one attempt, one request");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let written = Arc::new(Mutex::new(None));
    let ended = Arc::clone(&written);
    let receiver = Peer::start(move |mut connection| {
        let ended = Arc::clone(&ended);
        async move {
            connection.read_request().await;
            connection.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
            let mut chunks = 0_usize;
            while connection.write(chunk.as_bytes()).await {
                chunks += 1;
            }
            *ended.lock().expect("nobody panics with it") = Some(chunks);
        }
    })
    .await;
    let sender = open_sender();
    assert_eq!(sender.send(&delivery(&receiver.base_url()), NOW).await, SendOutcome::Accepted);
    let chunks = loop {
        if let Some(chunks) = *written.lock().expect("nobody panics with it") {
            break chunks;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    // What the sockets hold of it: nobody reads on.
    assert!(chunks < 256, "{chunks} chunks of 64 KiB went through");
}

#[tokio::test]
async fn what_cannot_be_reached_has_failed() {
    let silent = Peer::answering("").await;
    let no_http = Peer::start(|mut connection| async move {
        connection.read_some().await;
        connection.write(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    })
    .await;
    let no_tls = format!("https://{}", no_http.address());
    for to in ["http://127.0.0.1:1".to_owned(), silent.base_url(), no_http.base_url(), no_tls] {
        assert_eq!(
            open_sender().send(&delivery(&to), NOW).await,
            failed(DeliveryFailure::Unreachable),
            "{to}"
        );
    }
    let in_the_clear = no_http.received().iter().filter(|bytes| bytes.starts_with(b"POST ")).count();
    assert_eq!((no_http.received().len(), in_the_clear), (2, 1), "only what was to be http");
}

/// A receiver whose answer has nothing to read gets the next event over the same connection.
#[tokio::test]
async fn a_connection_is_kept_for_the_next_event() {
    let receiver = Peer::start(|mut connection| async move {
        while connection.read_some().await > 0 {
            connection.write(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    let sender = open_sender();
    for _ in 0..3 {
        assert_eq!(sender.send(&delivery(&receiver.base_url()), NOW).await, SendOutcome::Accepted);
    }
    assert_eq!(receiver.received().len(), 1);
}
