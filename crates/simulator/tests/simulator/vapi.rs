//! The API that responds when a call is queued.

use std::collections::HashSet;

use serde_json::{Value, json};
use simulator::{
    Behaviour, CallOutcome, DEMO_AGENT_ID, DEMO_PHONE_NUMBER_ID, ErrorShape, ScriptedBehaviour, Settings,
};

use crate::sandbox::{CALLEE, Sandbox, json_of, magic};

fn call_to(number: &str) -> Value {
    json!({
        "assistantId": DEMO_AGENT_ID,
        "phoneNumberId": DEMO_PHONE_NUMBER_ID,
        "name": "call-1",
        "customer": { "number": number, "externalId": "call-1" },
        "assistantOverrides": { "variableValues": { "org_name": "Acme", "call_reason": "" } },
    })
}

async fn created(sandbox: &Sandbox, number: &str) -> Value {
    let response = sandbox.post("/call", &call_to(number)).await;
    assert_eq!(response.status(), 201);
    json_of(response).await
}

async fn list(sandbox: &Sandbox, filter: &str) -> Vec<Value> {
    let response = sandbox.get(&format!("/call?{filter}")).await;
    assert_eq!(response.status(), 200, "{filter}");
    json_of(response).await.as_array().expect("a bare array").clone()
}

async fn record_at(sandbox: &Sandbox, id: &str, status: &str) -> Value {
    sandbox.record_at(&format!("/call/{id}"), status).await
}

#[tokio::test]
async fn the_response_comes_when_the_call_is_queued_and_the_phone_rings_after_that() {
    let sandbox = Sandbox::with(Settings { time_scale: 0.05, ..Settings::default() }).await;
    let queued = created(&sandbox, magic("slow_answer")).await;
    assert_eq!((&queued["status"], &queued["type"]), (&json!("queued"), &json!("outboundPhoneCall")));
    assert_eq!((&queued["name"], &queued["customer"]["externalId"]), (&json!("call-1"), &json!("call-1")));
    assert_eq!(queued["subscriptionLimits"]["concurrencyBlocked"], false);
    assert!(queued["phoneCallProviderId"].is_null() && queued["orgId"].is_string());
    let id = queued["id"].as_str().expect("an id");
    assert_eq!((id.len(), id.matches('-').count(), &id[14..15]), (36, 4, "4"), "{id}");

    let ringing = record_at(&sandbox, id, "ringing").await;
    assert!(ringing["phoneCallProviderId"].as_str().is_some_and(|id| id.starts_with("CA")));
    assert!(ringing["endedReason"].is_null());
    record_at(&sandbox, id, "in-progress").await;
    assert_eq!(record_at(&sandbox, id, "ended").await["endedReason"], "assistant-ended-call");
}

#[tokio::test]
async fn only_the_record_shows_that_the_callee_was_not_reached() {
    let sandbox = Sandbox::start().await;
    let unreached = "call.in-progress.error-sip-outbound-call-failed-to-connect";
    for (name, reason) in [
        ("busy", "customer-busy"),
        ("declined", "customer-busy"),
        ("no_answer", "customer-did-not-answer"),
        ("failure_without_ids", "customer-did-not-answer"),
        ("sip_timeout", unreached),
        ("domain_unavailable", unreached),
    ] {
        let queued = created(&sandbox, magic(name)).await;
        let id = queued["id"].as_str().expect("an id");
        assert_eq!(record_at(&sandbox, id, "ended").await["endedReason"], reason, "{name}");
    }
    let queued = created(&sandbox, magic("rings_out")).await;
    let id = queued["id"].as_str().expect("an id");
    record_at(&sandbox, id, "ringing").await;
    assert_eq!(sandbox.simulator.dials_to(magic("rings_out")), 1);
}

#[tokio::test]
async fn calls_are_listed_separately_from_the_other_providers() {
    let sandbox = Sandbox::start_with_any_id().await;
    for index in 0..3 {
        let mut call = call_to(CALLEE);
        call["assistantId"] = json!(format!("assistant-{}", index % 2));
        call["name"] = json!(format!("call-{index}"));
        call["customer"]["externalId"] = call["name"].clone();
        sandbox.post("/call", &call).await;
    }
    sandbox.dial(CALLEE).await;
    assert_eq!(sandbox.simulator.dials().len(), 4, "both providers share one log of dials");
    assert_eq!(sandbox.conversations_of("call-1").await.len(), 1);

    let names = |calls: Vec<Value>| -> Vec<String> {
        calls.iter().map(|call| call["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(list(&sandbox, "").await), ["call-2", "call-1", "call-0"]);
    assert_eq!(names(list(&sandbox, "limit=1").await), ["call-2"]);
    assert_eq!(names(list(&sandbox, "assistantId=assistant-1").await), ["call-1"]);
    assert_eq!(list(&sandbox, &format!("phoneNumberId={DEMO_PHONE_NUMBER_ID}")).await.len(), 3);
    assert_eq!(list(&sandbox, "phoneNumberId=another").await.len(), 0);
    assert_eq!(
        list(&sandbox, "createdAtGt=2020-01-01T00:00:00.000Z&createdAtLt=2100-01-01T00:00:00Z").await.len(),
        3
    );
    assert_eq!(list(&sandbox, "createdAtLt=2020-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(list(&sandbox, "createdAtGt=2100-01-01T00:00:00Z").await.len(), 0);
    for filter in ["limit=1001", "limit=x", "createdAtGt=yesterday"] {
        assert_eq!(sandbox.get(&format!("/call?{filter}")).await.status(), 400, "{filter}");
    }
    let other_providers = sandbox.simulator.dials().pop().expect("a dial").conversation_id;
    for id in [other_providers.as_str(), "nothing"] {
        assert_eq!(sandbox.get(&format!("/call/{id}")).await.status(), 404, "{id}");
    }
}

#[tokio::test]
async fn a_dial_is_logged_with_all_that_was_sent() {
    let sandbox = Sandbox::start().await;
    let queued = created(&sandbox, CALLEE).await;
    let dial = sandbox.simulator.dials().pop().expect("a dial");
    assert_eq!(dial.user_id.as_deref(), Some("call-1"));
    assert_eq!(
        (dial.agent_id.as_str(), dial.agent_phone_number_id.as_str()),
        (DEMO_AGENT_ID, DEMO_PHONE_NUMBER_ID)
    );
    assert_eq!(dial.dynamic_variables["org_name"], "Acme");
    assert_eq!(queued["id"], dial.conversation_id);

    let mut torn = call_to(CALLEE);
    torn["name"] = json!("another");
    sandbox.post("/call", &torn).await;
    assert_eq!(sandbox.simulator.dials()[1].user_id, None, "two references that differ are none");
}

#[tokio::test]
async fn refusals_are_in_the_providers_format_and_dial_no_number() {
    let sandbox = Sandbox::with(Settings { api_key: Some("key".to_owned()), ..Settings::default() }).await;
    for (changes, status) in [
        (json!({ "assistantId": null }), 400),
        (json!({ "customer": { "externalId": "call-1" } }), 400),
        (json!({ "customer": 7 }), 400),
        (json!({ "name": "x".repeat(41) }), 400),
        (json!({ "customer": { "number": CALLEE, "externalId": "x".repeat(41) } }), 400),
        (json!({ "assistantOverrides": { "variableValues": 7 } }), 400),
        (json!({ "assistantId": "assistant_1" }), 400),
        (json!({ "phoneNumberId": "number_1" }), 400),
        (json!({ "assistantId": DEMO_PHONE_NUMBER_ID, "phoneNumberId": DEMO_AGENT_ID }), 400),
        (json!({ "name": "x".repeat(300 << 10) }), 413),
    ] {
        let mut call = call_to(CALLEE);
        call.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        let response = sandbox.post("/call", &call).await;
        assert_eq!(response.status(), status);
        let body = json_of(response).await;
        assert_eq!(body["statusCode"], status);
        assert!(body["message"].is_array() || body["message"].is_string());
        assert!(body["error"].is_string());
    }
    let wrong = sandbox.http.post(sandbox.url("/call")).bearer_auth("other").json(&call_to(CALLEE)).send();
    assert_eq!(wrong.await.expect("a response").status(), 401);
    let none = sandbox.http.get(sandbox.url("/call")).send().await.expect("a response");
    assert_eq!(none.status(), 401);
    assert_eq!(json_of(none).await["error"], "Unauthorized");
    assert!(sandbox.simulator.dials().is_empty());
}

#[tokio::test]
async fn errors_have_one_message_or_a_list() {
    let sandbox = Sandbox::start().await;
    for (shape, message) in
        [(ErrorShape::String, json!("Some text")), (ErrorShape::List, json!(["Some text"]))]
    {
        let (code, text) = (Some("Some Code".to_owned()), Some("Some text".to_owned()));
        let error =
            Behaviour::HttpError { status: 429, shape, code, message: text, retry_after_secs: Some(3) };
        sandbox.simulator.script(ScriptedBehaviour::new(error).times(1));
        let response = sandbox.post("/call", &call_to(CALLEE)).await;
        assert_eq!(response.headers()["retry-after"], "3");
        assert_eq!(
            json_of(response).await,
            json!({ "message": message, "error": "Some Code", "statusCode": 429 })
        );
    }
    let refused = sandbox.post("/call", &call_to(magic("payment_required"))).await;
    assert_eq!(json_of(refused).await["error"], "Payment Required");
    assert!(sandbox.simulator.dials().is_empty());
}

#[tokio::test]
async fn a_call_above_the_concurrency_limit_is_accepted_and_not_dialled() {
    let sandbox = Sandbox::start().await;
    let blocked = created(&sandbox, magic("concurrency_blocked")).await;
    assert_eq!(blocked["subscriptionLimits"]["concurrencyBlocked"], true);
    assert!(sandbox.simulator.dials().is_empty());
}

#[tokio::test]
async fn responses_are_lost_and_damaged_here_too() {
    let sandbox = Sandbox::start().await;
    for name in ["drops", "resets", "truncated_body"] {
        let lost = match sandbox.try_post("/call", &call_to(magic(name))).await {
            Ok(response) => response.bytes().await.is_err(),
            Err(_) => true,
        };
        assert!(lost && sandbox.simulator.dials_to(magic(name)) == 1, "{name}");
    }
    for (name, status) in
        [("internal_error", 500), ("conflict", 409), ("redirects", 307), ("bad_gateway", 502)]
    {
        assert_eq!(sandbox.post("/call", &call_to(magic(name))).await.status(), status, "{name}");
        assert_eq!(sandbox.simulator.dials_to(magic(name)), 1, "{name}");
    }
    sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::OversizeBody { bytes: 3_000_000 }).times(1));
    let long = sandbox.post("/call", &call_to(CALLEE)).await;
    assert_eq!(long.status(), 201);
    assert!(json_of(long).await["name"].as_str().is_some_and(|name| name.len() >= 3_000_000));
    sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::WrongTypes).times(1));
    assert!(json_of(sandbox.post("/call", &call_to(CALLEE)).await).await["orgId"].is_array());

    let busy = ScriptedBehaviour::new(Behaviour::http_error(500)).times(1).call(CallOutcome::Busy);
    sandbox.simulator.script(busy);
    sandbox.post("/call", &call_to(CALLEE)).await;
    let id = sandbox.simulator.dials().pop().expect("a dial").conversation_id;
    assert_eq!(record_at(&sandbox, &id, "ended").await["endedReason"], "customer-busy");
}

#[tokio::test]
async fn numbers_assistants_and_counts() {
    let sandbox = Sandbox::start().await;
    let numbers = sandbox.get_json("/phone-number").await;
    assert_eq!(
        (&numbers[0]["id"], &numbers[0]["number"]),
        (&json!(DEMO_PHONE_NUMBER_ID), &json!("+14165550100"))
    );
    assert_eq!(sandbox.get_json("/assistant").await[0]["id"], DEMO_AGENT_ID);
    let ids: HashSet<String> = [created(&sandbox, CALLEE).await, created(&sandbox, CALLEE).await]
        .iter()
        .map(|call| call["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 2);
    sandbox.get("/call/a").await;
    let counts = sandbox.simulator.requests();
    assert_eq!((counts["/call"], counts["/call/{id}"], counts["/assistant"]), (2, 1, 1));
    let refused =
        sandbox.http.delete(sandbox.url("/call")).bearer_auth("key").send().await.expect("a response");
    assert_eq!(refused.status(), 404);
}
