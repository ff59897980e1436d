//! The tool with which the agent reports that the callee opted out.

use std::time::Duration;

use domain::ports::ContextCache;
use domain::{ConversationContext, PhoneNumber};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testkit::fixtures::context;

use crate::log::log;
use crate::provider_webhook::TOOL_SECRET;
use crate::running::{Response, Running, send, start};
use crate::world::World;

const PATH: &str = "/api/webhook/elevenlabs/tools/opt-out";
const NUMBER: &str = "+14165550187";

fn bare(gateway: &Running, body: &Value) -> RequestBuilder {
    gateway.anonymous("POST", PATH).header("content-type", "application/json").body(body.to_string())
}

async fn report(gateway: &Running, body: &Value) -> Response {
    send(bare(gateway, body).bearer_auth(TOOL_SECRET)).await
}

fn recorded() -> Value {
    json!({ "success": true, "message": "The number will not be called again." })
}

#[tokio::test]
async fn the_callee_of_the_conversation_is_suppressed() {
    let world = World::new();
    let context = context();
    let cached = ConversationContext::Outbound(context.clone());
    world.memory.store(&cached, Duration::from_hours(1)).await.expect("the store is up");
    let gateway = start(&world).await;
    let body = json!({ "conversation_id": context.conversation_id.as_str(), "phone_number": NUMBER, "x": 1 });
    for _ in 0..2 {
        report(&gateway, &body).await.assert_ok(200, &recorded());
    }
    let stored = world.memory.tables().directory.suppressions.clone();
    assert_eq!(stored.len(), 1, "the agent may repeat itself");
    assert_eq!(stored[0].organization_id, Some(context.identity.organization_id));
    assert_eq!(stored[0].phone_number, Some(context.identity.to));
}

#[tokio::test]
async fn a_number_without_a_call_counts_for_all_and_without_both_a_person_must_look_at_it() {
    let (world, log) = (World::new(), log());
    let gateway = start(&world).await;
    let by_number = json!({ "conversation_id": "conv_unknown", "phone_number": NUMBER });
    report(&gateway, &by_number).await.assert_ok(200, &recorded());
    let stored = world.memory.tables().directory.suppressions.clone();
    assert_eq!(stored[0].phone_number.as_ref().map(PhoneNumber::as_e164), Some(NUMBER));
    assert_eq!(stored[0].organization_id, None);

    let nothing = json!({ "success": false, "error": "The call was not found. A person will look at it." });
    for body in [
        json!({ "conversation_id": "conv_lost" }),
        json!({ "conversation_id": 7, "phone_number": ["x"] }),
        json!({ "conversation_id": "conv_other", "phone_number": "sixteen" }),
        json!({}),
    ] {
        report(&gateway, &body).await.assert_ok(200, &nothing);
    }
    assert_eq!(world.memory.tables().directory.suppressions.len(), 5);
    let text = log.text();
    let line = text.lines().find(|line| line.contains("a callee opted out, and neither a call nor a number"));
    assert!(line.is_some_and(|line| line.contains("\"ERROR\"")), "{line:?}");
    assert!(!log.text().contains(&NUMBER[1..]), "the log has a number");
}

#[tokio::test]
async fn only_the_tool_secret_opens_it_and_the_body_is_an_object() {
    let gateway = start(&World::new()).await;
    let body = json!({ "conversation_id": "conv_1" });
    send(bare(&gateway, &body)).await.assert_error(401, "UNAUTHORIZED");
    send(bare(&gateway, &body).bearer_auth("another")).await.assert_error(401, "UNAUTHORIZED");
    report(&gateway, &json!([])).await.assert_error(400, "VALIDATION_FAILED");
    let without = World { has_webhook_secret: false, ..World::new() };
    let gateway = start(&without).await;
    send(bare(&gateway, &body).bearer_auth(TOOL_SECRET)).await.assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn an_opt_out_that_cannot_be_stored_is_an_error_for_the_agent() {
    let gateway = start(&World::lost()).await;
    let response = report(&gateway, &json!({ "conversation_id": "conv_1" })).await;
    response.assert_error(500, "SERVICE_UNAVAILABLE");
}
