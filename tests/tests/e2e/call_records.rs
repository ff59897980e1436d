//! What the record of a call says after its end, as the provider's events report it: in odd words, in
//! several deliveries, and with more than the gateway keeps. The events are posted by the test.

use rstest::rstest;
use serde_json::{Value, json};
use simulator::{Behaviour, ScriptedBehaviour, WebhookScript};
use testkit::eventually;
use testkit::fault_proxy::{Fault, FaultProxy};

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Client, Receiver, TOOL_SECRET, World};

const NUMBER: &str = "+14165550175";
const EVENTS: &str = "/api/webhook/elevenlabs";

/// Places a call whose events the simulator does not send. Returns its id and its conversation.
async fn call(world: &World, client: &Client, behaviour: Behaviour) -> (String, Value) {
    let silent = WebhookScript { dropped: true, ..WebhookScript::default() };
    world.simulator.script(ScriptedBehaviour::new(behaviour).webhook(silent));
    let placed = client.call_number(NUMBER).await;
    (placed.call_id(), placed.body["conversationId"].clone())
}

async fn post(client: &Client, kind: &str, data: Value) {
    let event = json!({ "type": kind, "event_timestamp": 1_739_537_297, "data": data });
    let response = client.post_with_bearer(EVENTS, TOOL_SECRET, &event).await;
    assert_eq!(response.status, 200, "{}", response.body);
}

/// The first event has a new word for the end, too many turns and no summary. The second one has the
/// rest, and says that a voicemail answered.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_event_adds_to_the_record(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let mut gateway = world.spawn().await;
    let client = gateway.client.clone();
    let (call_id, conversation_id) = call(&world, &client, Behaviour::Answer { after_ms: 20 }).await;
    let turn = json!({ "role": "assistant", "message": "Hello \u{1f600}", "time_in_call_secs": 0 });
    let first = json!({
        "conversation_id": conversation_id, "status": "Completed", "analysis": null,
        "metadata": { "call_duration_secs": 15 }, "transcript": vec![turn; 5000],
    });
    post(&client, "post_call_transcription", first).await;
    let call = client.read_call_when(&call_id, "completed").await;
    assert_eq!((&call["truncated"], &call["endReason"]), (&json!(true), &json!("completed")), "{call}");
    assert_eq!((call["transcript"].as_array().map(Vec::len), &call["duration"]), (Some(4096), &json!(15)));
    assert!(call["summary"].is_null() && call["analysis"].is_null(), "{call}");

    let second = json!({
        "conversation_id": conversation_id, "status": "done", "agent_name": "Front desk",
        "analysis": {
            "call_successful": "failure", "transcript_summary": "A voicemail answered.",
            "evaluation_criteria_results": { "polite": { "result": "success", "rationale": "It was." } },
            "data_collection_results": { "guests": { "value": 4 } },
        },
        "metadata": { "features_usage": { "voicemail_detection": { "enabled": true, "used": true } } },
    });
    post(&client, "post_call_transcription", second).await;
    let call = eventually("the second event is merged", async || {
        Some(client.read_call(&call_id).await).filter(|call| call["summary"].is_string())
    });
    let call = call.await;
    assert_eq!((&call["status"], &call["endReason"]), (&json!("completed"), &json!("voicemail")), "{call}");
    assert_eq!(call["analysis"]["callSuccessful"], "failure", "{call}");
    assert_eq!(call["analysis"]["evaluationCriteria"][0]["result"], "success", "{call}");
    assert_eq!(call["analysis"]["collectedData"], json!([{ "id": "guests", "value": 4 }]), "{call}");
    assert_eq!((&call["agentName"], &call["duration"]), (&json!("Front desk"), &json!(15)), "{call}");
    assert_eq!(call["transcript"].as_array().map(Vec::len), Some(4096));

    let listed = client.get("/api/calls/history").await.body["calls"][0].clone();
    assert_eq!((&listed["endReason"], &listed["truncated"]), (&json!("voicemail"), &json!(true)));
    assert_eq!(listed["analysis"], json!({ "callSuccessful": "failure" }), "{listed}");
    gateway.signal("TERM").await;
    gateway.ended().await;
    let log = gateway.log();
    assert_eq!(log.matches("the call is marked as truncated").count(), 1, "{log}");
}

/// A refusal reaches the record and the event although the client may not have waited for the
/// response. A failed dial gets its SIP status from the response, and then from the event.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_record_and_the_event_say_why_a_call_failed(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with_short_lock();
    let gateway = world.start_with_webhooks().await;
    let (client, receiver) = (&gateway.client, Receiver::start().await);
    client.register_endpoint(&receiver.url()).await;
    let failure = |code| Behaviour::SipFailure { code, message: None, with_ids: true };
    for (number, behaviour, reason, code, sip_status) in [
        ("+14165550175", Behaviour::http_error(402), "provider-rejected", "insufficient_credits", None),
        ("+14165550176", failure(404), "provider-rejected", "sip_404", Some(404)),
        ("+14165550177", failure(503), "failed", "sip_503", Some(503)),
        ("+14165550178", failure(603), "declined", "sip_603", Some(603)),
    ] {
        let silent = WebhookScript { dropped: true, ..WebhookScript::default() };
        world.simulator.script(ScriptedBehaviour::new(behaviour).webhook(silent));
        client.call_number(number).await;
        let listed = client.get("/api/calls/history").await.body["calls"][0].clone();
        assert_eq!((&listed["to"], &listed["endReason"]), (&json!(number), &json!(reason)), "{listed}");
        let expected = (&json!(code), &sip_status.map_or(Value::Null, Value::from));
        assert_eq!((&listed["providerCode"], &listed["sipStatus"]), expected, "{listed}");
        assert!(listed["endTime"].is_string(), "{listed}");
        let call_id = listed["callId"].as_str().expect("an id").to_owned();
        let is_its_end = |request: &crate::support::ReceivedRequest| {
            request.event_type() == "call_ended" && request.call_id() == call_id
        };
        let ended =
            eventually("the end is delivered", async || receiver.requests().into_iter().find(is_its_end));
        assert_eq!(ended.await.event()["data"]["endReason"], reason, "{number}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_come_from_the_replica_and_from_the_database_while_it_fails() {
    let world = World::new(PostgresAndRedis).await;
    let replica = FaultProxy::start(world.database_server()).await;
    let world = world.with_replica_at(replica.address());
    let gateway = world.spawn().await;
    let client = gateway.client.clone();
    client.call_number(NUMBER).await;
    assert_eq!(replica.accepted(), 0, "no call needs the replica");
    let total = async || client.get("/api/calls/history").await.body["total"].clone();
    assert_eq!(total().await, 1);
    assert!(replica.accepted() > 0, "the list comes from the replica");

    replica.set(Fault::Refuse);
    replica.cut_connections();
    assert_eq!(total().await, 1);
    let refused = replica.accepted();
    assert_eq!((total().await, replica.accepted()), (json!(1), refused), "it is not asked again for a while");
    let report = "the replica for the history failed";
    eventually("the failure is logged", async || gateway.log().contains(report)).await;
}
