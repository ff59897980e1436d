//! The bytes of a request, the forms of `Retry-After`, and which connections are reused.

use std::time::Duration;

use domain::ports::{SendOutcome, WebhookSender};
use domain::{CallEventKind, CallStatus, DeliveryFailure, EventId, WebhookSecret};
use testkit::peer::Peer;

#[path = "support/deliveries.rs"]
#[expect(dead_code, reason = "settings and failures are for the other tests")]
mod deliveries;
#[path = "support/request.rs"]
mod request;

use deliveries::{NOW, delivery, open_sender};
use request::Request;

fn response(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: 2\r\n\r\nOK")
}

#[tokio::test]
async fn a_receiver_gets_the_event_signed() {
    let receiver = Peer::answering(response("200 OK", "")).await;
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
    assert_eq!(request.header("webhook-timestamp"), "1760000000", "the time of the attempt, in seconds");
    assert!(request.is_signed(&delivery.secrets[0]));
    assert!(!request.is_signed(&WebhookSecret::mint([2; 32])));
    assert_eq!(request.header("webhook-signature").split(' ').count(), 1, "one signature for each secret");
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
async fn an_unknown_conversation_is_left_out_and_a_repeated_request_has_the_same_body() {
    let receiver = Peer::answering(response("202 Accepted", "")).await;
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

#[tokio::test]
async fn a_pause_may_be_a_date() {
    let headers = "retry-after: Thu, 09 Oct 2025 08:54:20 GMT\r\n";
    let receiver = Peer::answering(response("503 Later", headers)).await;
    let outcome = open_sender().send(&delivery(&receiver.base_url()), NOW).await;
    let retry_after = Some(Duration::from_millis(59_100));
    assert_eq!(outcome, SendOutcome::Failed { failure: DeliveryFailure::Status(503), retry_after });
}

/// A connection whose response has no body is reused for the next event.
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
