//! Dials with a response in the provider's own format.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{Behaviour, DEMO_AGENT_ID, DEMO_PHONE_NUMBER_ID, ScriptedBehaviour, Settings};

use crate::sandbox::{CALLEE, SIP_TRUNK, Sandbox, call_to, json_of, magic};

fn has_id(body: &Value, key: &str, prefix: &str) -> bool {
    let random = body[key].as_str().and_then(|id| id.strip_prefix(prefix)).unwrap_or("");
    random.len() == 28 && random.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[tokio::test]
async fn any_number_answers_with_ids_in_the_providers_format() {
    let sandbox = Sandbox::start().await;
    let response = sandbox.dial_json("+442079460000").await;
    assert_eq!(response["success"], true);
    assert_eq!(response["message"], "Outbound call initiated successfully.");
    assert!(
        has_id(&response, "conversation_id", "conv_") && has_id(&response, "sip_call_id", "otb_"),
        "{response}"
    );
}

#[tokio::test]
async fn magic_numbers_report_every_outcome_of_a_call() {
    let sandbox = Sandbox::start().await;
    let busy = "INVITE failed: sip status: 486: Busy Here (SIP 486)";
    let unavailable = "INVITE failed: sip status: 480: Temporarily Unavailable (SIP 480)";
    let declined = "INVITE failed: sip status: 603: Decline (SIP 603)";
    let domain = "INVITE failed: sip status: 404: Domain unavailable (SIP 404)";
    let caller = "INVITE failed: sip status: 403: Unverified origination number D51 (SIP 403)";
    let placed = "Outbound call initiated successfully.";
    for (name, success, message, with_ids) in [
        ("answers_at_once", true, placed, true),
        ("slow_answer", true, placed, true),
        ("long_ring", true, placed, true),
        ("busy", false, busy, true),
        ("no_answer", false, unavailable, true),
        ("sip_timeout", false, "sip request timed out", true),
        ("declined", false, declined, true),
        ("failure_without_ids", false, unavailable, false),
        ("success_without_ids", true, placed, false),
        ("domain_unavailable", false, domain, true),
        ("caller_not_verified", false, caller, true),
        ("daily_limit", false, "Agent exceeded its daily call limit", true),
    ] {
        let response = sandbox.dial_json(magic(name)).await;
        assert_eq!(response["success"], success, "{name}");
        assert_eq!(response["message"], message, "{name}");
        assert_eq!(has_id(&response, "conversation_id", "conv_"), with_ids, "{name}");
        assert_eq!(has_id(&response, "sip_call_id", "otb_"), with_ids, "{name}");
        assert_eq!(response["conversation_id"].is_null(), !with_ids, "{name}");
        assert_eq!(sandbox.simulator.dials_to(magic(name)), 1, "{name}");
    }
}

#[tokio::test]
async fn magic_numbers_refuse_before_they_dial() {
    let sandbox = Sandbox::start().await;
    for (name, status, code) in [
        ("unauthorized", 401, "unauthorized"),
        ("payment_required", 402, "insufficient_credits"),
        ("forbidden", 403, "forbidden"),
        ("agent_not_found", 404, "agent_not_found"),
        ("phone_number_not_found", 404, "phone_number_not_found"),
        ("rate_limited", 429, "rate_limit_exceeded"),
        ("concurrency_blocked", 429, "concurrent_limit_exceeded"),
    ] {
        let response = sandbox.dial(magic(name)).await;
        assert_eq!(response.status(), status, "{name}");
        let retry_after = response.headers().get("retry-after").map(|value| value.as_bytes().to_vec());
        assert_eq!(retry_after, (name == "rate_limited").then(|| b"7".to_vec()), "{name}");
        assert_eq!(json_of(response).await["detail"]["code"], code, "{name}");
    }
    let response = sandbox.dial(magic("invalid_request")).await;
    assert_eq!(response.status(), 422);
    assert_eq!(json_of(response).await["detail"][0]["loc"], json!(["body", "to_number"]));
    assert!(sandbox.simulator.dials().is_empty());
}

#[tokio::test]
async fn the_response_waits_for_the_callee() {
    let sandbox = Sandbox::start().await;
    let started = Instant::now();
    sandbox.dial_with(Behaviour::Answer { after_ms: 300 }).await;
    assert!(started.elapsed() >= Duration::from_millis(300));

    let started = Instant::now();
    let then = Box::new(Behaviour::Busy { after_ms: 100 });
    let response = json_of(sandbox.dial_with(Behaviour::Ring { for_ms: 200, then }).await).await;
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(response["success"], false);
}

#[tokio::test]
async fn ringing_ends_at_the_requests_timeout() {
    let sandbox = Sandbox::start().await;
    let mut call = call_to(magic("rings_out"));
    call["telephony_call_config"]["ringing_timeout_secs"] = json!(1);
    let started = Instant::now();
    let response = json_of(sandbox.post(SIP_TRUNK, &call).await).await;
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!((&response["success"], &response["message"]), (&json!(false), &json!("request timed out")));
    let id = response["conversation_id"].as_str().expect("an id");
    let record = sandbox.conversation_at(id, "failed").await;
    assert_eq!(record["metadata"]["error"]["error_type"], "no_answer");
}

#[tokio::test]
async fn a_dial_is_counted_while_it_rings_with_all_that_was_sent() {
    let sandbox = Sandbox::start().await;
    sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::Hang).to(CALLEE));
    let call = call_to(CALLEE);
    tokio::select! {
        _ = sandbox.try_post(SIP_TRUNK, &call) => panic!("it hangs"),
        () = wait_for_dial(&sandbox, CALLEE) => {}
    }
    let dials = sandbox.simulator.dials();
    assert_eq!(dials.len(), 1);
    assert_eq!(dials[0].to_number, CALLEE);
    assert_eq!(dials[0].user_id.as_deref(), Some("call-1"));
    assert_eq!(dials[0].dynamic_variables["org_name"], "Acme");
    assert_eq!(dials[0].ringing_timeout_secs, 60);
    assert!(!format!("{dials:?}").contains(CALLEE), "a phone number in Debug");
}

async fn wait_for_dial(sandbox: &Sandbox, number: &str) {
    while sandbox.simulator.dials_to(number) == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn requests_are_validated_as_the_provider_does_it() {
    let sandbox = Sandbox::start().await;
    let bare = json!({ "agent_id": DEMO_AGENT_ID, "agent_phone_number_id": DEMO_PHONE_NUMBER_ID,
        "to_number": "+14165550110" });
    assert_eq!(sandbox.post(SIP_TRUNK, &bare).await.status(), 200);
    assert_eq!(sandbox.simulator.dials()[0].user_id, None);

    let changed = |pointer: &str, value: Value| {
        let mut call = call_to(CALLEE);
        *call.pointer_mut(pointer).expect("the request has this field") = value;
        call
    };
    for (call, loc, kind) in [
        (json!({ "agent_id": "a", "agent_phone_number_id": "p" }), json!(["body", "to_number"]), "missing"),
        (changed("/agent_id", json!(7)), json!(["body", "agent_id"]), "string_type"),
        (
            changed("/conversation_initiation_client_data/user_id", json!(7)),
            json!(["body", "conversation_initiation_client_data", "user_id"]),
            "string_type",
        ),
        (
            changed("/conversation_initiation_client_data", json!("x")),
            json!(["body", "conversation_initiation_client_data"]),
            "model_attributes_type",
        ),
        (
            changed("/telephony_call_config/ringing_timeout_secs", json!(0)),
            json!(["body", "telephony_call_config", "ringing_timeout_secs"]),
            "greater_than_equal",
        ),
        (
            changed("/telephony_call_config/ringing_timeout_secs", json!(1000)),
            json!(["body", "telephony_call_config", "ringing_timeout_secs"]),
            "less_than_equal",
        ),
        (json!([]), json!(["body"]), "model_attributes_type"),
    ] {
        let response = sandbox.post(SIP_TRUNK, &call).await;
        assert_eq!(response.status(), 422, "{kind}");
        let detail = &json_of(response).await["detail"];
        assert_eq!((&detail[0]["loc"], &detail[0]["type"]), (&loc, &json!(kind)));
    }
    for (field, code) in
        [("agent_id", "agent_not_found"), ("agent_phone_number_id", "phone_number_not_found")]
    {
        let response = sandbox.post(SIP_TRUNK, &changed(&format!("/{field}"), json!("agent_1"))).await;
        assert_eq!(response.status(), 404);
        assert_eq!(json_of(response).await["detail"]["code"], code);
    }
    let large = changed("/agent_id", json!("a".repeat(300 << 10)));
    assert_eq!(sandbox.post(SIP_TRUNK, &large).await.status(), 400);
    assert_eq!(sandbox.simulator.dials().len(), 1);
    assert_eq!(sandbox.simulator.requests()[SIP_TRUNK], 11);
}

/// For the directories of tests and of operators, which have ids of their own.
#[tokio::test]
async fn any_id_exists_on_request_except_missing_ones() {
    let sandbox = Sandbox::start_with_any_id().await;
    let mut call = call_to(CALLEE);
    (call["agent_id"], call["agent_phone_number_id"]) = (json!("agent_1"), json!("phnum_1"));
    assert_eq!(sandbox.post(SIP_TRUNK, &call).await.status(), 200);
    assert_eq!(sandbox.get("/v1/convai/agents/agent_1").await.status(), 200);
    for field in ["agent_id", "agent_phone_number_id"] {
        let mut call = call.clone();
        call[field] = json!("missing_1");
        assert_eq!(sandbox.post(SIP_TRUNK, &call).await.status(), 404, "{field}");
    }
}

#[tokio::test]
async fn the_twilio_endpoint_does_not_dial_from_a_sip_number() {
    let sandbox = Sandbox::start().await;
    let response = sandbox.post("/v1/convai/twilio/outbound-call", &call_to(CALLEE)).await;
    assert_eq!(response.status(), 400);
    assert_eq!(json_of(response).await["detail"]["code"], "invalid_provider_config");
    assert!(sandbox.simulator.dials().is_empty());
}

#[tokio::test]
async fn a_key_is_required() {
    let settings = Settings { api_key: Some("right".to_owned()), ..Settings::default() };
    let sandbox = Sandbox::with(settings).await;
    let url = sandbox.url(SIP_TRUNK);
    let dial = |key: &str| {
        sandbox.http.post(&url).header("xi-api-key", key).json(&call_to(magic("answers_at_once"))).send()
    };
    assert_eq!(dial("right").await.expect("a response").status(), 200);
    for (key, status) in [("wrong", "invalid_api_key"), ("", "needs_authorization")] {
        let response = dial(key).await.expect("a response");
        assert_eq!(response.status(), 401);
        assert_eq!(json_of(response).await["detail"]["status"], status);
    }
    assert_eq!(sandbox.simulator.dials().len(), 1);
}

#[tokio::test]
async fn hundreds_ring_at_the_same_time() {
    let sandbox = Sandbox::start().await;
    sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::Hang).to(CALLEE));
    let ringing = futures_util::future::join_all((0..200).map(|_| sandbox.dial(CALLEE)));
    tokio::select! {
        _ = ringing => panic!("they hang"),
        () = async {
            while sandbox.simulator.dials_to(CALLEE) < 200 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            assert_eq!(sandbox.dial_json(magic("answers_at_once")).await["success"], true);
        } => {}
    }
}
