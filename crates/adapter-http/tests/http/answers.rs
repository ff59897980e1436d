//! Every status and code of the route, each from the thing that causes it.

use std::time::Duration;

use domain::ports::{HoldResult, PortUnavailable};
use domain::{
    CallReference, DialOutcome, NotConnectedReason, NotDialledReason, ProviderCode, ProviderReference,
    SettledCall, UnknownCause,
};
use serde_json::{Value, json};

use crate::running::{Answer, answer, start};
use crate::world::{CALL_ID, World, call_id, reference};

async fn answer_in(world: World, body: Value) -> Answer {
    start(world).await.place(body).await
}

fn contact() -> Value {
    json!({ "contactId": "c1" })
}

#[tokio::test]
async fn a_placed_call_is_answered_in_the_contracts_words() {
    let answer = answer_in(World::new(), contact()).await;
    assert_eq!(answer.status, 200);
    let expected = json!({
        "success": true,
        "conversationId": "conv_1",
        "sipCallId": "sip_1",
        "message": "AI call initiated",
        "deduplicated": false,
        "callId": CALL_ID
    });
    assert_eq!(answer.body, expected);
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn ids_that_the_provider_did_not_give_are_left_out() {
    let world = World { outcome: DialOutcome::Placed(ProviderReference::default()), ..World::new() };
    let answer = answer_in(world, json!({ "phoneNumber": "14165550110" })).await;
    let expected = json!({
        "success": true, "message": "AI call initiated", "deduplicated": false, "callId": CALL_ID
    });
    assert_eq!((answer.status, answer.body), (200, expected));
}

#[tokio::test]
async fn a_duplicate_of_a_placed_call_gets_its_ids() {
    let settled = SettledCall::Placed(CallReference::new(call_id(), reference()));
    let world = World { lock: Ok(HoldResult::Settled(settled)), ..World::new() };
    let dials = world.dials.clone();
    let answer = answer_in(world, contact()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["deduplicated"], true);
    assert_eq!(answer.body["conversationId"], "conv_1");
    assert_eq!(dials.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_duplicate_in_flight_is_told_when_to_come_back() {
    for (remaining, retry_after) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (29_300, "30")] {
        let remaining = Duration::from_millis(remaining);
        let world = World { lock: Ok(HoldResult::InFlight { remaining }), ..World::new() };
        let answer = answer_in(world, contact()).await;
        answer.assert_error(429, "OUTBOUND_IN_FLIGHT");
        assert_eq!(answer.header("retry-after"), Some(retry_after));
    }
}

#[tokio::test]
async fn what_the_request_itself_gets_wrong_has_its_code() {
    let gateway = start(World::new()).await;
    let cases = [
        (json!({}), 400, "CONTACT_OR_PHONE_REQUIRED"),
        (json!({ "contactId": "", "phoneNumber": null }), 400, "CONTACT_OR_PHONE_REQUIRED"),
        (json!({ "phoneNumber": "hello" }), 400, "INVALID_PHONE_NUMBER"),
        (json!({ "phoneNumber": "911" }), 400, "DESTINATION_NOT_ALLOWED"),
        (json!({ "phoneNumber": "+19005550110" }), 400, "DESTINATION_NOT_ALLOWED"),
        (json!({ "contactId": "c1", "phoneNumber": "+14165550111" }), 400, "CONTACT_PHONE_MISMATCH"),
        (json!({ "contactId": "x".repeat(200) }), 404, "CONTACT_NOT_FOUND"),
        (json!({ "contactId": "c1", "agentId": "x".repeat(200) }), 400, "AGENT_NOT_FOUND"),
        (json!({ "contactId": "c1", "fromNumber": "12" }), 400, "FROM_NUMBER_NOT_AVAILABLE"),
        (json!({ "contactId": "c1", "callReason": "x".repeat(9000) }), 400, "VALIDATION_FAILED"),
    ];
    for (body, status, code) in cases {
        gateway.place(body).await.assert_error(status, code);
    }
}

#[tokio::test]
async fn what_the_records_lack_has_its_code() {
    let asked = json!({ "contactId": "c1", "agentId": "a1", "fromNumber": "+14165550100" });
    type Change = fn(&mut World);
    let cases: [(Change, Value, u16, &str); 13] = [
        (|w| w.user = Ok(None), contact(), 404, "USER_NOT_FOUND"),
        (|w| w.contact = None, contact(), 404, "CONTACT_NOT_FOUND"),
        (|w| w.contact.as_mut().expect("one").phone_number = None, contact(), 400, "CONTACT_HAS_NO_PHONE"),
        (|w| w.own_number = true, contact(), 400, "DESTINATION_NOT_ALLOWED"),
        (|w| w.agent = None, asked.clone(), 400, "AGENT_NOT_FOUND"),
        (|w| w.agent = None, contact(), 400, "NO_VOICE_AGENT"),
        (|w| w.agent.as_mut().expect("one").voice_enabled = false, contact(), 400, "NO_VOICE_AGENT"),
        (|w| w.agent.as_mut().expect("one").provider_agent_id = None, contact(), 400, "AGENT_NOT_SYNCED"),
        (|w| w.caller = None, contact(), 400, "NO_AI_ENABLED_NUMBER"),
        (|w| w.caller = None, asked.clone(), 400, "FROM_NUMBER_NOT_AVAILABLE"),
        (|w| w.caller.as_mut().expect("one").ai_enabled = false, asked, 400, "FROM_NUMBER_NOT_AVAILABLE"),
        (|w| w.caller.as_mut().expect("one").on_trunk = false, contact(), 400, "NUMBER_NOT_ON_TRUNK"),
        (
            |w| w.user = Err(PortUnavailable::new("postgres", "secret detail")),
            contact(),
            500,
            "SERVICE_UNAVAILABLE",
        ),
    ];
    for (change, body, status, code) in cases {
        let mut world = World::new();
        change(&mut world);
        answer_in(world, body).await.assert_error(status, code);
    }
}

#[tokio::test]
async fn what_became_of_the_dial_has_its_code() {
    let rejected = NotDialledReason::Rejected(ProviderCode::from_untrusted("quota_exceeded"));
    let busy = DialOutcome::NotConnected { reference: reference(), reason: NotConnectedReason::Busy };
    let cases = [
        (DialOutcome::NotDialled(rejected), "PROVIDER_REJECTED", json!("quota_exceeded")),
        (DialOutcome::NotDialled(NotDialledReason::Unavailable), "PROVIDER_UNAVAILABLE", Value::Null),
        (busy, "CALL_NOT_CONNECTED", json!("busy")),
        (DialOutcome::Unknown(UnknownCause::TimedOut), "CALL_OUTCOME_UNKNOWN", Value::Null),
    ];
    for (outcome, code, reason) in cases {
        let answer = answer_in(World { outcome, ..World::new() }, contact()).await;
        answer.assert_error(500, code);
        assert_eq!(answer.body["callId"], CALL_ID);
        assert_eq!(answer.body["reason"], reason, "{code}");
        let ids =
            if code == "CALL_NOT_CONNECTED" { (json!("conv_1"), json!("sip_1")) } else { Default::default() };
        assert_eq!((answer.body["conversationId"].clone(), answer.body["sipCallId"].clone()), ids, "{code}");
        assert_eq!(answer.header("retry-after"), None);
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_a_500_that_names_no_store() {
    let away = PortUnavailable::new("redis", "secret detail");
    let answer = answer_in(World { lock: Err(away), ..World::new() }, contact()).await;
    answer.assert_error(500, "SERVICE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some_and(|secs| secs.parse::<u32>().is_ok_and(|secs| secs >= 1)));
    let text = answer.body.to_string();
    assert!(!text.contains("redis") && !text.contains("secret detail"), "{text}");
}

#[tokio::test]
async fn a_method_that_the_path_does_not_have_is_405_and_says_which_it_has() {
    let gateway = start(World::new()).await;
    let cases = [
        ("GET", crate::running::PATH, "POST"),
        ("PUT", crate::running::PATH, "POST"),
        ("DELETE", crate::running::PATH, "POST"),
        ("OPTIONS", crate::running::PATH, "POST"),
        ("TRACE", crate::running::PATH, "POST"),
        ("POST", "/api/calls/history", "GET"),
        ("DELETE", "/api/calls/64f0a1b2c3d4e5f6a7b8d111", "GET"),
        ("GET", "/api/webhook/elevenlabs", "POST"),
        ("POST", "/healthz", "GET"),
        ("POST", "/readyz", "GET"),
        ("POST", "/docs/", "GET"),
        ("POST", "/openapi.yaml", "GET"),
    ];
    for (method, path, allow) in cases {
        let answer = answer(gateway.method(method, path)).await;
        answer.assert_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn a_path_that_is_not_there_is_404_in_the_envelope() {
    let gateway = start(World::new()).await;
    for path in [
        "/",
        "/api/calls/ai/outbound/",
        "/api/calls",
        "/api/calls/",
        "/docs/nothing.js",
        "/%ff",
        "/healthz/x",
    ] {
        answer(gateway.get(path)).await.assert_error(404, "NOT_FOUND");
    }
}
