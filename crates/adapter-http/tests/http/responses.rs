//! Every status and code of a request for a call.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{HoldResult, MockIdempotencyLock};
use domain::{
    CallerNumber, Carrier, DialOutcome, NotConnectedReason, NotDialledReason, ProviderCode,
    ProviderReference, UnknownCause,
};
use serde_json::{Value, json};
use testkit::memory::Tables;

use crate::log::log;
use crate::running::{PATH, Response, send, start};
use crate::world::{CALL_ID, World, reference};

fn contact() -> Value {
    json!({ "contactId": "c1" })
}

/// The response to this request if the dial has this outcome.
async fn place(outcome: DialOutcome, body: Value) -> Response {
    let world = World::new();
    world.provider.set_outcome(outcome);
    start(&world).await.place(body).await
}

#[tokio::test]
async fn a_placed_call_has_the_response_of_the_contract() {
    let response = start(&World::new()).await.place(contact()).await;
    let expected = json!({
        "success": true,
        "conversationId": "conv_1",
        "sipCallId": "sip_1",
        "message": "AI call initiated",
        "deduplicated": false,
        "callId": CALL_ID
    });
    assert_eq!((response.status, &response.body), (200, &expected));
    assert_eq!(response.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn ids_that_the_provider_did_not_give_are_left_out() {
    let outcome = DialOutcome::Placed(ProviderReference::default());
    let response = place(outcome, json!({ "phoneNumber": "14165550110" })).await;
    let expected = json!({
        "success": true, "message": "AI call initiated", "deduplicated": false, "callId": CALL_ID
    });
    assert_eq!((response.status, response.body), (200, expected));
}

#[tokio::test]
async fn a_duplicate_of_a_placed_call_gets_its_ids() {
    let world = World::new();
    let gateway = start(&world).await;
    let mut expected = gateway.place(contact()).await.body;
    expected["deduplicated"] = json!(true);
    let duplicate = gateway.place(contact()).await;
    assert_eq!((duplicate.status, &duplicate.body), (200, &expected));
    assert_eq!(duplicate.body["conversationId"], "conv_1");
    assert_eq!(world.provider.dials().len(), 1);
}

#[tokio::test]
async fn the_response_to_a_duplicate_in_flight_says_when_to_try_again() {
    for (remaining, retry_after) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (29_300, "30")] {
        let remaining = Duration::from_millis(remaining);
        let mut lock = MockIdempotencyLock::new();
        lock.expect_acquire().returning(move |_| Ok(HoldResult::InFlight { remaining }));
        let world = World { lock: Arc::new(lock), ..World::new() };
        let response = start(&world).await.place(contact()).await;
        response.assert_error(429, "OUTBOUND_IN_FLIGHT");
        assert_eq!(response.header("retry-after"), Some(retry_after));
    }
}

#[tokio::test]
async fn an_invalid_request_has_the_code_of_its_mistake() {
    let gateway = start(&World::new()).await;
    let cases = [
        (json!({}), 400, "CONTACT_OR_PHONE_REQUIRED"),
        (json!({ "contactId": "", "phoneNumber": null }), 400, "CONTACT_OR_PHONE_REQUIRED"),
        (json!({ "phoneNumber": "hello" }), 400, "INVALID_PHONE_NUMBER"),
        (json!({ "phoneNumber": "911" }), 400, "DESTINATION_NOT_ALLOWED"),
        (json!({ "phoneNumber": "+19005550110" }), 400, "DESTINATION_NOT_ALLOWED"),
        (json!({ "phoneNumber": "+18765550110" }), 400, "COUNTRY_NOT_ALLOWED"),
        (json!({ "phoneNumber": "6465550123" }), 400, "INVALID_PHONE_NUMBER"),
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
async fn a_missing_record_has_its_code() {
    let named = json!({ "contactId": "c1", "agentId": "a1", "fromNumber": "+14165550100" });
    type Change = fn(&mut Tables);
    let cases: [(Change, Value, u16, &str); 12] = [
        (|t| t.directory.users.clear(), contact(), 404, "USER_NOT_FOUND"),
        (|t| t.directory.contacts.clear(), contact(), 404, "CONTACT_NOT_FOUND"),
        (|t| t.directory.contacts[0].phone_number = None, contact(), 400, "CONTACT_HAS_NO_PHONE"),
        (
            |t| {
                let own_number = t.directory.numbers[0].number.phone_number.clone();
                t.directory.contacts[0].phone_number = Some(own_number);
            },
            contact(),
            400,
            "DESTINATION_NOT_ALLOWED",
        ),
        (|t| t.directory.agents.clear(), named.clone(), 400, "AGENT_NOT_FOUND"),
        (|t| t.directory.agents.clear(), contact(), 400, "NO_VOICE_AGENT"),
        (|t| t.directory.agents[0].voice_enabled = false, contact(), 400, "NO_VOICE_AGENT"),
        (|t| t.directory.agents[0].provider_agent_id = None, contact(), 400, "AGENT_NOT_SYNCED"),
        (|t| t.directory.numbers.clear(), contact(), 400, "NO_AI_ENABLED_NUMBER"),
        (|t| t.directory.numbers.clear(), named.clone(), 400, "FROM_NUMBER_NOT_AVAILABLE"),
        (|t| t.directory.numbers[0].number.ai_enabled = false, named, 400, "FROM_NUMBER_NOT_AVAILABLE"),
        (|t| t.directory.numbers[0].number.on_trunk = false, contact(), 400, "NUMBER_NOT_ON_TRUNK"),
    ];
    for (change, body, status, code) in cases {
        let world = World::new();
        change(&mut world.memory.tables());
        start(&world).await.place(body).await.assert_error(status, code);
    }
}

/// The number is named by its last two digits alone.
#[tokio::test]
async fn the_refusal_of_a_caller_number_says_which_condition_failed() {
    let named = json!({ "contactId": "c1", "fromNumber": "+14165550100" });
    const DEFAULT: &str = "the user has no caller number that serves AI calls";
    const REQUESTED: &str = "fromNumber is not a caller number of this user that serves AI calls";
    const SILENT: &str = "the caller number +…00 is not enabled for AI calls";
    const UNSERVED: &str =
        "the caller number +…00 has the carrier textgrid, which the voice provider does not serve";
    type Change = fn(&mut CallerNumber);
    let cases: [(Change, [String; 2]); 4] = [
        (|n| n.ai_enabled = false, [DEFAULT, REQUESTED].map(|start| format!("{start}: {SILENT}"))),
        (
            |n| n.carrier = Carrier::named("textgrid"),
            [DEFAULT, REQUESTED].map(|start| format!("{start}: {UNSERVED}")),
        ),
        (|n| n.on_trunk = false, [(); 2].map(|()| "the caller number +…00 is not on the trunk".to_owned())),
        (
            |n| n.provider_number_id = None,
            [(); 2].map(|()| "the caller number +…00 is not known to the voice provider".to_owned()),
        ),
    ];
    for (change, sentences) in cases {
        let world = World::new();
        change(&mut world.memory.tables().directory.numbers[0].number);
        let gateway = start(&world).await;
        for (body, sentence) in [contact(), named.clone()].into_iter().zip(sentences) {
            let refused = gateway.place(body).await;
            assert_eq!((refused.status, refused.body["error"].as_str()), (400, Some(sentence.as_str())));
        }
    }
}

#[tokio::test]
async fn every_outcome_of_a_dial_has_its_code() {
    let rejected = NotDialledReason::Rejected(ProviderCode::from_untrusted("quota_exceeded"));
    let busy =
        DialOutcome::NotConnected { reference: reference(), reason: NotConnectedReason::Busy, code: None };
    let cases = [
        (DialOutcome::NotDialled(rejected), "PROVIDER_REJECTED", json!("quota_exceeded")),
        (DialOutcome::NotDialled(NotDialledReason::Unavailable), "PROVIDER_UNAVAILABLE", Value::Null),
        (busy, "CALL_NOT_CONNECTED", json!("busy")),
        (DialOutcome::Unknown(UnknownCause::TimedOut), "CALL_OUTCOME_UNKNOWN", Value::Null),
    ];
    for (outcome, code, reason) in cases {
        let response = place(outcome, contact()).await;
        response.assert_error(500, code);
        assert_eq!(response.body["callId"], CALL_ID);
        assert_eq!(response.body["reason"], reason, "{code}");
        let ids =
            if code == "CALL_NOT_CONNECTED" { (json!("conv_1"), json!("sip_1")) } else { Default::default() };
        assert_eq!(
            (response.body["conversationId"].clone(), response.body["sipCallId"].clone()),
            ids,
            "{code}"
        );
        assert_eq!(response.header("retry-after"), None);
    }
}

/// The wait is rounded up to whole seconds and at least one.
#[tokio::test]
async fn a_refusal_for_now_has_the_providers_retry_after() {
    for (millis, header) in [(7000, "7"), (6001, "7"), (0, "1"), (u64::MAX, "86400")] {
        let code = ProviderCode::from_untrusted("rate_limit_exceeded");
        let reason = NotDialledReason::RejectedForNow { code, retry_after: Duration::from_millis(millis) };
        let response = place(DialOutcome::NotDialled(reason), contact()).await;
        response.assert_error(500, "PROVIDER_REJECTED");
        assert_eq!(response.body["reason"], "rate_limit_exceeded");
        assert_eq!(response.header("retry-after"), Some(header));
    }
}

#[tokio::test]
async fn a_store_that_is_unavailable_is_a_500_that_names_no_store() {
    let log = log();
    let new_number = || json!({ "phoneNumber": "+14165550177" });
    for (id, world, body) in [
        ("lost-parties", World::lost(), contact()),
        ("lost-contacts", World::lost_except_parties(), new_number()),
        ("lost-lock", World::lost_except_parties(), contact()),
    ] {
        let gateway = start(&world).await;
        let request = gateway.post(body.to_string());
        send(request.header("x-request-id", id)).await.assert_unavailable(&log, id);
    }
}

#[tokio::test]
async fn a_method_that_the_path_does_not_have_is_405_and_lists_the_allowed_one() {
    let gateway = start(&World::new()).await;
    let cases = [
        ("GET", PATH, "POST"),
        ("PUT", PATH, "POST"),
        ("DELETE", PATH, "POST"),
        ("OPTIONS", PATH, "POST"),
        ("TRACE", PATH, "POST"),
        ("POST", "/api/calls/history", "GET, HEAD"),
        ("POST", "/api/calls/refusals", "GET, HEAD"),
        ("POST", "/api/agents", "GET, HEAD"),
        ("DELETE", "/api/numbers", "GET, HEAD"),
        ("PUT", "/api/contacts", "GET, HEAD"),
        ("DELETE", "/api/calls/64f0a1b2c3d4e5f6a7b8d111", "GET, HEAD"),
        ("GET", "/api/webhook/elevenlabs", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("POST", "/readyz", "GET, HEAD"),
        ("POST", "/docs/", "GET, HEAD"),
        ("POST", "/openapi.yaml", "GET, HEAD"),
    ];
    for (method, path, allow) in cases {
        let response = send(gateway.anonymous(method, path)).await;
        response.assert_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(response.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_in_the_form_of_an_error() {
    let gateway = start(&World::new()).await;
    for path in [
        "/",
        "/api/calls/ai/outbound/",
        "/api/calls",
        "/api/calls/",
        "/docs/nothing.js",
        "/%ff",
        "/healthz/x",
    ] {
        send(gateway.get(path)).await.assert_error(404, "NOT_FOUND");
    }
}
