//! Responses that are lost, damaged or from a proxy, and what happens to the call.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{Behaviour, CallOutcome, ErrorShape, ScriptedBehaviour};

use crate::sandbox::{CALLEE, SIP_TRUNK, Sandbox, call_to, json_of, magic};

#[tokio::test]
async fn a_dropped_connection_ends_without_a_byte_after_the_dial() {
    let sandbox = Sandbox::start().await;
    let (received, ended) = sandbox.dial_over_socket(magic("drops")).await;
    assert!(received.is_empty());
    assert!(ended.is_ok(), "a FIN, not a reset");
    assert_eq!(sandbox.simulator.dials_to(magic("drops")), 1);
    assert_eq!(sandbox.conversations_of("call-1").await.len(), 1);
}

#[tokio::test]
async fn a_reset_connection_ends_without_a_byte_after_the_dial() {
    let sandbox = Sandbox::start().await;
    let (received, ended) = sandbox.dial_over_socket(magic("resets")).await;
    assert!(received.is_empty());
    assert_eq!(ended.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    assert_eq!(sandbox.simulator.dials_to(magic("resets")), 1);
}

#[tokio::test]
async fn a_connection_can_be_lost_after_ringing() {
    let sandbox = Sandbox::start().await;
    let then = Box::new(Behaviour::DropConnection);
    sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::Ring { for_ms: 200, then }));
    let started = Instant::now();
    let (received, _) = sandbox.dial_over_socket(CALLEE).await;
    assert!(received.is_empty() && started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_hanging_dial_never_responds_and_ends_with_its_client() {
    let sandbox = Sandbox::start().await;
    let call = call_to(magic("hangs"));
    let hung = tokio::time::timeout(Duration::from_millis(300), sandbox.try_post(SIP_TRUNK, &call)).await;
    assert!(hung.is_err());
    assert_eq!(sandbox.simulator.dials_to(magic("hangs")), 1);
    assert_eq!(sandbox.conversations_of("call-1").await[0]["status"], "initiated");
}

#[tokio::test]
async fn statuses_that_lose_the_response_have_dialled() {
    let sandbox = Sandbox::start().await;
    for (name, status, json) in [
        ("internal_error", 500, true),
        ("bad_gateway", 502, false),
        ("service_unavailable", 503, true),
        ("gateway_timeout", 504, false),
        ("conflict", 409, true),
        ("foreign_page", 200, false),
    ] {
        let response = sandbox.dial(magic(name)).await;
        assert_eq!(response.status(), status, "{name}");
        let body = response.text().await.expect("a body");
        assert_eq!(serde_json::from_str::<Value>(&body).is_ok(), json, "{name}");
        assert_eq!(body.starts_with("<html>"), !json, "{name}");
        assert_eq!(sandbox.simulator.dials_to(magic(name)), 1, "{name}");
    }
    let response = sandbox.dial_with(Behaviour::http_error(408)).await;
    assert_eq!(response.status(), 408);
    assert_eq!(sandbox.simulator.dials_to(CALLEE), 1);
}

#[tokio::test]
async fn a_redirect_leads_to_a_second_dial() {
    let sandbox = Sandbox::start().await;
    let response = sandbox.dial(magic("redirects")).await;
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()["location"], SIP_TRUNK);
    assert_eq!(sandbox.simulator.dials_to(magic("redirects")), 1);
    let location = Some("http://127.0.0.1:9/elsewhere".to_owned());
    let response = sandbox.dial_with(Behaviour::Redirect { status: 302, location }).await;
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "http://127.0.0.1:9/elsewhere");
}

#[tokio::test]
async fn errors_come_in_all_four_shapes() {
    let sandbox = Sandbox::start().await;
    let error = |shape| Behaviour::HttpError {
        status: 404,
        shape,
        code: Some("some_code".to_owned()),
        message: Some("Some text".to_owned()),
        retry_after_secs: Some(3),
    };
    let mut details = Vec::new();
    for shape in [ErrorShape::DetailObject, ErrorShape::Legacy, ErrorShape::List, ErrorShape::String] {
        let response = sandbox.dial_with(error(shape)).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (404, &"3".parse().unwrap())
        );
        details.push(json_of(response).await["detail"].take());
    }
    assert_eq!((&details[0]["type"], &details[0]["code"]), (&json!("not_found"), &json!("some_code")));
    assert_eq!(details[1], json!({ "status": "some_code", "message": "Some text" }));
    assert_eq!(details[2][0]["msg"], "Some text");
    assert_eq!(details[3], "Some text");
    assert!(sandbox.simulator.dials().is_empty());
}

#[tokio::test]
async fn bodies_can_be_too_long_too_slow_truncated_and_wrong() {
    let sandbox = Sandbox::start().await;
    let long = sandbox.dial_with(Behaviour::OversizeBody { bytes: 3_000_001 }).await;
    assert_eq!(long.content_length(), None);
    let long = long.bytes().await.expect("all of it");
    assert!(long.len() > 3_000_001 && serde_json::from_slice::<Value>(&long).is_ok());

    let slow = sandbox.dial_with(Behaviour::TrickledBody { interval_ms: 2 }).await;
    let length = slow.content_length().expect("a length");
    let started = Instant::now();
    assert_eq!(json_of(slow).await["success"], true);
    assert!(started.elapsed() >= Duration::from_millis(length));

    let truncated = sandbox.dial_with(Behaviour::TruncatedBody).await;
    assert_eq!(truncated.status(), 200);
    assert!(truncated.bytes().await.is_err());

    let wrong = json_of(sandbox.dial_with(Behaviour::WrongTypes).await).await;
    assert_eq!(wrong["success"], "true");

    let nested = sandbox.dial_with(Behaviour::NestedBody { depth: 5_000 }).await;
    assert!(nested.text().await.expect("a body").contains(&"[".repeat(5_000)));

    let raw = Behaviour::RawBody { content_type: "text/plain".to_owned(), text: "null".to_owned() };
    let raw = sandbox.dial_with(raw).await;
    assert_eq!(raw.headers()["content-type"], "text/plain");
    assert_eq!(raw.text().await.expect("a body"), "null");
    assert_eq!(sandbox.simulator.dials_to(CALLEE), 6);
}

#[tokio::test]
async fn a_script_decides_the_outcome_of_a_call_whose_response_is_lost() {
    let sandbox = Sandbox::start().await;
    for (outcome, status) in [
        (CallOutcome::Answered, "done"),
        (CallOutcome::Busy, "failed"),
        (CallOutcome::NoAnswer, "failed"),
        (CallOutcome::Ringing, "initiated"),
    ] {
        sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::http_error(500)).times(1).call(outcome));
        sandbox.dial(CALLEE).await;
        let dials = sandbox.simulator.dials();
        let id = &dials.last().expect("a dial").conversation_id;
        sandbox.conversation_at(id, status).await;
    }
    sandbox
        .simulator
        .script(ScriptedBehaviour::new(Behaviour::DropConnection).times(1).call(CallOutcome::NotDialled));
    let (received, _) = sandbox.dial_over_socket(CALLEE).await;
    assert!(received.is_empty());
    assert_eq!(sandbox.simulator.dials_to(CALLEE), 4);
    assert_eq!(sandbox.conversations_of("call-1").await.len(), 4);
}
