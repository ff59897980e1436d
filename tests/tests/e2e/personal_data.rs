//! Personal data and secrets do not appear in the log, at its most detailed level.

use rstest::rstest;
use serde_json::{Value, json};
use simulator::{Behaviour, ScriptedBehaviour, WebhookScript};

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Receiver, TOOL_SECRET, WEBHOOK_SECRET, World};

const REASON: &str = "a very private reason";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_is_logged(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with("OUTDIAL_LOG", "trace");
    let process = world.spawn().await;
    let client = &process.client;

    // Calls that are placed, rejected, of unknown outcome, and invalid.
    world.script(Behaviour::Answer { after_ms: 10 });
    client.place(json!({ "contactId": "c1", "callReason": REASON })).await;
    world.script(Behaviour::http_error(422));
    client.call_number("+14165550183").await;
    world.script(Behaviour::DropConnection);
    client.call_number("+14165550184").await;
    client.call_number("+1416555018").await;

    // A recorded call, whose events the receiver first refuses and then accepts.
    world.send_webhooks_to(client);
    let receiver = Receiver::start().await;
    let (endpoint, secret) = client.register_endpoint(&receiver.url()).await;
    receiver.respond_with(500);
    let recorded = ScriptedBehaviour::new(Behaviour::Answer { after_ms: 10 });
    world.simulator.script(recorded.webhook(WebhookScript { audio: true, ..WebhookScript::default() }));
    let mut stream = client.follow_events(Some("0")).await;
    let given = json!({ "private_variable": "a private value" });
    let asked = json!({
        "phoneNumber": "+14165550185", "callReason": REASON,
        "dynamicVariables": given, "metadata": { "private_key": "a private order" },
    });
    let placed = client.place_with_key("a-private-order-key", &asked).await;
    client.place_with_key("a-private-order-key", &json!({ "contactId": "c1" })).await;
    let refused = json!({ "system__private_variable": "a private value" });
    client.place(json!({ "phoneNumber": "+14165550185", "dynamicVariables": refused })).await;
    let call_id = placed.call_id();
    let call = client.read_call_when(&call_id, "completed").await;
    while stream.next().await.name != "call_recording_ready" {}
    receiver.requests_when("three attempts", |requests| requests.len() >= 3).await;
    receiver.respond_with(204);
    let renewed = client.post(&format!("/api/webhook-endpoints/{endpoint}/secret"), &json!({})).await;
    let requests = receiver
        .requests_when("the recording is announced", |requests| {
            requests.iter().any(|request| request.event_type() == "call_recording_ready")
        })
        .await;

    // Webhook endpoints that the gateway refuses, a recording, and an inbound caller.
    for url in [
        &format!("https://{}/s3cret-of-the-url", client.address()),
        "http://user:s3cret-of-the-url@127.0.0.1/",
        "http://s3cret-of-the-url.invalid/",
    ] {
        client.post("/api/webhook-endpoints", &json!({ "url": url })).await;
    }
    let recording = client.get(&format!("/api/calls/{call_id}/recording")).await;
    let inbound = json!({
        "conversation_id": "conv_inbound",
        "caller_id": "+14165550190",
        "called_id": "+14165550100",
    });
    let path = "/api/webhook/elevenlabs/personalization";
    let caller = client.post_with_bearer(path, TOOL_SECRET, &inbound).await;
    assert_eq!(caller.body["caller_name"], "Ada Lovelace");

    let audio = text(&recording.body["audioData"]);
    let token = client.token();
    let log = process.log();
    assert!(log.contains("request"), "the log is not empty");
    for private in [
        "4165550190",
        "4165550183",
        "4165550184",
        "416555018",
        "4165550185",
        "4165550100",
        "Lovelace",
        "Analytical Engines",
        REASON,
        "private_variable",
        "a private value",
        "private_key",
        "a private order",
        "a-private-order-key",
        text(&call["transcript"][0]["message"]),
        text(&call["summary"]),
        &audio[audio.len() - 60..],
        token.rsplit('.').next().expect("a token ends with its signature"),
        "simulated-api-key",
        TOOL_SECRET,
        WEBHOOK_SECRET,
        "s3cret-of-the-url",
        &receiver.host(),
        secret.trim_start_matches("whsec_"),
        text(&renewed.body["secret"]).trim_start_matches("whsec_"),
        requests[0].header("webhook-signature").trim_start_matches("v1,"),
    ] {
        let line = log.lines().find(|line| line.contains(private));
        assert_eq!(line, None, "{private} was logged");
    }
}
