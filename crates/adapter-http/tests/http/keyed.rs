//! `Idempotency-Key`, and what errors say about sending a request again.

use std::time::Duration;

use domain::{DialOutcome, NotConnectedReason, NotDialledReason, UnknownCause};
use serde_json::{Value, json};

use crate::running::{PATH, Response, Running, send, start};
use crate::world::{CALL_ID, World, reference};

const KEY: &str = "Idempotency-Key";
const LATER: Duration = Duration::from_hours(1);

fn contact() -> Value {
    json!({ "contactId": "c1" })
}

async fn place(gateway: &Running, key: &str, body: &Value) -> Response {
    send(gateway.post(body.to_string()).header(KEY, key)).await
}

/// Status and code, and what the client may do.
fn assert_retry(response: &Response, status: u16, code: &str, retry: &str) {
    response.assert_error(status, code);
    assert_eq!(response.body["retry"], retry, "{}", response.body);
}

#[tokio::test]
async fn the_same_request_gets_the_first_response_again() {
    let world = World::new();
    let gateway = start(&world).await;
    let first = place(&gateway, "k1", &contact()).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, None));
    world.clock.advance(LATER).await;
    let again = place(&gateway, "k1", &contact()).await;
    let mut expected = first.body;
    expected["deduplicated"] = json!(true);
    again.assert_ok(200, &expected);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(world.provider.dials().len(), 1);

    let other = place(&gateway, "k1", &json!({ "contactId": "c1", "callReason": "hunter2" })).await;
    assert_retry(&other, 400, "IDEMPOTENCY_KEY_REUSED", "new-key");
    assert!(!other.body.to_string().contains("hunter2"), "{}", other.body);
}

#[tokio::test]
async fn a_call_that_was_not_connected_gets_its_error_again() {
    let world = World::new();
    let reason = NotConnectedReason::Busy;
    world.provider.set_outcome(DialOutcome::NotConnected { reference: reference(), reason, code: None });
    let gateway = start(&world).await;
    let first = place(&gateway, "k1", &contact()).await;
    assert_retry(&first, 500, "CALL_NOT_CONNECTED", "new-key");
    assert_eq!((first.header("idempotent-replayed"), &first.body["deduplicated"]), (None, &Value::Null));
    world.clock.advance(LATER).await;
    let again = place(&gateway, "k1", &contact()).await;
    let mut expected = first.body;
    expected["deduplicated"] = json!(true);
    assert_eq!((again.status, again.body), (500, expected));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(world.provider.dials().len(), 1);
}

#[tokio::test]
async fn an_unknown_outcome_says_so_to_the_key_as_long_as_it_is_unknown() {
    let world = World::new();
    world.provider.set_outcome(DialOutcome::Unknown(UnknownCause::TimedOut));
    let gateway = start(&world).await;
    for _ in 0..3 {
        let response = place(&gateway, "k1", &contact()).await;
        assert_retry(&response, 500, "CALL_OUTCOME_UNKNOWN", "same-key");
        assert_eq!(response.body["callId"], CALL_ID);
        assert_eq!(response.header("idempotent-replayed"), None);
        world.clock.advance(LATER * 100).await;
    }
    assert_eq!(world.provider.dials().len(), 1);
}

#[tokio::test]
async fn a_key_has_1_to_255_visible_characters_and_is_sent_once() {
    let world = World::new();
    let gateway = start(&world).await;
    let long = "k".repeat(256);
    for key in ["", " ", "two words", "ключ", &long, "tab\there"] {
        let response = send(gateway.post(contact().to_string()).header(KEY, key.as_bytes())).await;
        response.assert_invalid(&[KEY], key);
        assert_eq!(response.body["retry"], "never");
    }
    let twice = gateway.post(contact().to_string()).header(KEY, "k1").header(KEY, "k1");
    send(twice).await.assert_invalid(&[KEY], "two headers");
    assert_eq!(world.provider.dials().len(), 0);
    assert_eq!(place(&gateway, &"k".repeat(255), &contact()).await.status, 200);
}

/// The token is checked first, and then the key, before the body is read.
#[tokio::test]
async fn a_wrong_token_comes_before_a_wrong_key_and_that_before_the_body() {
    let gateway = start(&World::new()).await;
    let response = send(gateway.anonymous("POST", PATH).header(KEY, "two words").body("x")).await;
    assert_retry(&response, 401, "UNAUTHORIZED", "same-key");
    let response = send(gateway.authorized("POST", PATH).header(KEY, "two words").body("x")).await;
    response.assert_invalid(&[KEY], "a body without a content type");
}

#[tokio::test]
async fn each_error_says_whether_to_send_the_request_again() {
    let not_dialled = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    let unknown = DialOutcome::Unknown(UnknownCause::TimedOut);
    let placed = DialOutcome::Placed(reference());
    let number = json!({ "phoneNumber": "911" });
    let unknown_contact = json!({ "contactId": "c9" });
    for (outcome, body, key, status, code, retry) in [
        (&not_dialled, contact(), "k1", 500, "PROVIDER_UNAVAILABLE", "same-key"),
        (&not_dialled, contact(), "", 500, "PROVIDER_UNAVAILABLE", "same-key"),
        (&unknown, contact(), "k1", 500, "CALL_OUTCOME_UNKNOWN", "same-key"),
        // Without a key, the same request may dial again.
        (&unknown, contact(), "", 500, "CALL_OUTCOME_UNKNOWN", "never"),
        (&placed, number, "k1", 400, "DESTINATION_NOT_ALLOWED", "never"),
        (&placed, unknown_contact, "", 404, "CONTACT_NOT_FOUND", "never"),
        (&placed, json!({}), "k1", 400, "CONTACT_OR_PHONE_REQUIRED", "never"),
        (&placed, json!([]), "k1", 400, "VALIDATION_FAILED", "never"),
    ] {
        let world = World::new();
        world.provider.set_outcome(outcome.clone());
        let gateway = start(&world).await;
        let response = match key {
            "" => gateway.place(body).await,
            key => place(&gateway, key, &body).await,
        };
        assert_retry(&response, status, code, retry);
    }
    let response = place(&start(&World::lost()).await, "k1", &contact()).await;
    assert_retry(&response, 500, "SERVICE_UNAVAILABLE", "same-key");
    // Other routes say nothing of it.
    let response = send(start(&World::new()).await.read("/api/calls/64f0a1b2c3d4e5f6a7b8d999")).await;
    response.assert_error(404, "CALL_NOT_FOUND");
    assert_eq!(response.body["retry"], Value::Null);
}
