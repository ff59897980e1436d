use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::SendOutcome;
use domain::{DeliveryFailure, TestEvent};

use super::{NOW, failed, send, send_delivery, url};
use crate::eventually;
use crate::fixtures::{due_delivery, organization_id, webhook_endpoint_id, webhook_secret};
use crate::harness::{AllowedReceivers, ScriptedNames, WebhookSenderHarness};
use crate::peer::Peer;

const NO_PORT: &str = "http://127.0.0.1:1/";

fn response(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: 2\r\n\r\nOK")
}

/// Receivers verify with the old secret or with the new one while a secret is replaced. Another
/// secret does not verify.
pub async fn a_delivery_is_signed_with_every_secret(harness: &impl WebhookSenderHarness) {
    let receiver = Peer::answering(response("204 No Content", "")).await;
    let mut delivery = due_delivery(url(&receiver.base_url()));
    for secrets in [vec![webhook_secret()], vec![webhook_secret(), webhook_secret()]] {
        delivery.secrets = secrets;
        assert_eq!(send_delivery(harness, &delivery).await, SendOutcome::Accepted);
        let received = receiver.received();
        let request = received.last().expect("a request");
        for (number, secret) in delivery.secrets.iter().enumerate() {
            assert!(harness.is_signed(request, secret), "not signed with secret {number}");
        }
        assert!(!harness.is_signed(request, &webhook_secret()), "signed with another secret");
    }
}

/// Each attempt is one request, whatever the receiver does.
pub async fn an_attempt_is_one_request(harness: &impl WebhookSenderHarness) {
    for bytes in [response("200 OK", ""), response("500 No", ""), response("429 No", ""), String::new()] {
        let receiver = Peer::answering(bytes.clone()).await;
        send(harness, &receiver.base_url()).await;
        assert_eq!(receiver.received().len(), 1, "connections for {bytes:?}");
    }
}

/// A test event is one request with every signature, and its outcome is that of a delivery. It is not
/// sent to an address that no delivery would be sent to.
pub async fn a_test_event_is_sent_like_a_delivery(harness: &impl WebhookSenderHarness) {
    let names = ScriptedNames::resolving_to(&[&["127.0.0.1"]]);
    let test = |to: &str| TestEvent {
        id: "evt_test_1".to_owned(),
        endpoint_id: webhook_endpoint_id(),
        organization_id: organization_id(),
        url: url(to),
        secrets: vec![webhook_secret(), webhook_secret()],
    };
    let sender = harness.sender(AllowedReceivers::Any, &names);
    for (status, expected) in
        [("204 Yes", SendOutcome::Accepted), ("410 Gone", failed(DeliveryFailure::Status(410)))]
    {
        let receiver = Peer::answering(response(status, "")).await;
        let event = test(&receiver.base_url());
        assert_eq!(sender.send_test(&event, NOW).await, expected);
        let received = receiver.received();
        assert_eq!(received.len(), 1);
        for (number, secret) in event.secrets.iter().enumerate() {
            assert!(harness.is_signed(&received[0], secret), "not signed with secret {number}");
        }
    }
    let careful = harness.sender(AllowedReceivers::Public, &names);
    let receiver = Peer::answering(response("200 OK", "")).await;
    let refused = careful.send_test(&test(&receiver.base_url()), NOW).await;
    assert_eq!(refused, failed(DeliveryFailure::ForbiddenAddress));
    assert!(receiver.received().is_empty(), "a forbidden address got a request");
}

/// A redirect is a failure with its status. Its target gets no request.
pub async fn a_redirect_is_not_followed(harness: &impl WebhookSenderHarness) {
    let target = Peer::answering(response("200 OK", "")).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/\r\n", target.base_url());
        let receiver = Peer::answering(response(&format!("{status} Elsewhere"), &location)).await;
        let outcome = send(harness, &receiver.base_url()).await;
        assert_eq!(outcome, failed(DeliveryFailure::Status(status)));
    }
    assert!(target.received().is_empty(), "a redirect was followed");
}

/// Only a 2xx status is a success.
pub async fn only_a_success_status_is_accepted(harness: &impl WebhookSenderHarness) {
    for status in [200, 202, 204] {
        let receiver = Peer::answering(response(&format!("{status} Yes"), "")).await;
        assert_eq!(send(harness, &receiver.base_url()).await, SendOutcome::Accepted, "{status}");
    }
    for status in [304, 400, 401, 404, 410, 429, 500, 503] {
        let receiver = Peer::answering(response(&format!("{status} No"), "")).await;
        assert_eq!(send(harness, &receiver.base_url()).await, failed(DeliveryFailure::Status(status)));
    }
}

/// `Retry-After` in seconds counts for 429 and 503. Other statuses and other texts have none.
pub async fn a_requested_pause_is_returned(harness: &impl WebhookSenderHarness) {
    let secs = |secs| Some(Duration::from_secs(secs));
    for (status, headers, retry_after) in [
        ("429 Later", "Retry-After: 7\r\n", secs(7)),
        ("503 Later", "retry-after: 120\r\n", secs(120)),
        ("503 Later", "retry-after: 999999999999\r\n", secs(86_400)),
        ("503 Later", "retry-after: soon\r\n", None),
        ("500 No", "Retry-After: 7\r\n", None),
    ] {
        let receiver = Peer::answering(response(status, headers)).await;
        let failure = DeliveryFailure::Status(status[..3].parse().expect("a number"));
        let outcome = send(harness, &receiver.base_url()).await;
        assert_eq!(outcome, SendOutcome::Failed { failure, retry_after }, "{status} {headers}");
    }
}

/// Neither a receiver that does not respond nor one that sends its response byte by byte extends an
/// attempt beyond its limit.
pub async fn a_slow_receiver_times_out(harness: &impl WebhookSenderHarness) {
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
        let outcome = send(harness, &receiver.base_url()).await;
        assert_eq!(outcome, failed(DeliveryFailure::TimedOut));
        assert_eq!(receiver.received().len(), 1, "one attempt is one request");
    }
}

/// No connection, a connection that closes, a response that is not HTTP, and a server without TLS
/// behind `https`, which gets no request in clear text.
pub async fn an_unreachable_receiver_has_failed(harness: &impl WebhookSenderHarness) {
    let closing = Peer::answering("").await;
    let no_http = Peer::start(|mut connection| async move {
        connection.read_some().await;
        connection.write(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    })
    .await;
    let no_tls = format!("https://{}", no_http.address());
    for to in [NO_PORT.to_owned(), closing.base_url(), no_http.base_url(), no_tls] {
        assert_eq!(send(harness, &to).await, failed(DeliveryFailure::Unreachable), "{to}");
    }
    let in_clear_text = no_http.received().iter().filter(|bytes| bytes.starts_with(b"POST ")).count();
    assert_eq!((no_http.received().len(), in_clear_text), (2, 1), "connections, and requests in clear text");
}

/// The head of the response decides. A body that does not end is not read.
pub async fn a_response_body_is_not_read(harness: &impl WebhookSenderHarness) {
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
            *ended.lock().expect("no panic while it is locked") = Some(chunks);
        }
    })
    .await;
    assert_eq!(send(harness, &receiver.base_url()).await, SendOutcome::Accepted);
    let chunks = eventually("the sender closes the connection", async || {
        *written.lock().expect("no panic while it is locked")
    });
    let chunks = chunks.await;
    // The buffers of the two sockets take some.
    assert!(chunks < 256, "{chunks} chunks of 64 KiB were sent");
}
