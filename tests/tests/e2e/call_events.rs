//! Call events, as an organization receives them while its calls go on: as server-sent events and
//! as deliveries to its webhook endpoints.

use std::collections::BTreeSet;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use simulator::{Behaviour, ScriptedBehaviour, WebhookScript};
use testkit::eventually;
use tokio::time::{sleep, timeout};

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Client, PendingCall, ReceivedRequest, Receiver, World};

const ANSWER: Behaviour = Behaviour::Answer { after_ms: 20 };

/// The events of a call that is answered and recorded.
const EVENTS: [&str; 4] = ["call_initiated", "call_answered", "call_ended", "call_recording_ready"];

/// Waits until the call has a final status, or `unknown`, and returns the status.
async fn final_status(client: &Client, call_id: &str) -> String {
    eventually(&format!("the call {call_id} has ended"), async || {
        let call = client.read_call(call_id).await;
        let status = call["status"].as_str().expect("a call has a status");
        (!["initiated", "ringing", "in-progress"].contains(&status)).then(|| status.to_owned())
    })
    .await
}

/// A stream and an endpoint of the same organization get the same documents. Another organization
/// gets nothing.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_of_a_call_is_streamed_and_delivered(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let recorded = WebhookScript { audio: true, ..WebhookScript::default() };
    world.simulator.script(ScriptedBehaviour::new(ANSWER).webhook(recorded));
    let gateway = world.start_with_webhooks().await;
    let receiver = Receiver::start().await;
    let (_, secret) = gateway.client.register_endpoint(&receiver.url()).await;
    let mut stream = gateway.client.follow_events(None).await;
    let mut other_tenant = gateway.client.of_user("u2").follow_events(None).await;

    let (variables, metadata) =
        (json!({ "first_name": "Ada", "price": 41.5 }), json!({ "order": [4711, null] }));
    let asked = json!({ "phoneNumber": "+14165550175", "dynamicVariables": variables, "metadata": metadata });
    let call_id = gateway.client.place(asked).await.call_id();
    let mut streamed = Vec::new();
    for _ in EVENTS {
        streamed.push(stream.next().await);
    }
    let names: BTreeSet<_> = streamed.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(EVENTS));
    let delivered =
        receiver.requests_when("four deliveries", |requests| requests.len() >= EVENTS.len()).await;
    for event in &streamed {
        let delivery = delivered.iter().find(|delivery| delivery.event_type() == event.name);
        let delivery = delivery.unwrap_or_else(|| panic!("{} was not delivered", event.name));
        assert_eq!(delivery.body, event.data, "the same document is streamed and delivered");
        let data = &event.json()["data"];
        assert_eq!((&data["callId"], &data["to"]), (&json!(call_id), &json!("+14165550175")));
        assert_eq!(data["direction"], "outbound");
        assert_eq!((&data["metadata"], data.get("dynamicVariables")), (&metadata, None));
        assert_eq!(delivery.header("webhook-id"), data["eventId"]);
        assert!(delivery.is_signed_with(&secret), "the signature matches the secret of the registration");
    }
    let ended = streamed.iter().find(|event| event.name == "call_ended").expect("the call has ended").json();
    assert_eq!(ended["data"]["status"], "completed", "{ended}");
    assert!(ended["data"]["conversationId"].is_string(), "{ended}");
    let history = gateway.client.get("/api/calls/history?toNumber=%2B14165550175").await;
    for call in [&gateway.client.read_call(&call_id).await, &history.body["calls"][0]] {
        assert_eq!((&call["dynamicVariables"], &call["metadata"]), (&variables, &metadata), "{call}");
    }
    assert!(other_tenant.is_silent_for(Duration::from_millis(700)).await, "the call is of another tenant");
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reconnected_client_continues_after_its_last_event(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let gateway = world.start_with_webhooks().await;
    let mut stream = gateway.client.follow_events(None).await;
    gateway.client.call_number("+14165550175").await.call_id();
    let first = stream.next().await;
    drop(stream);
    let missed = gateway.client.call_number("+14165550176").await.call_id();
    gateway.client.read_call_when(&missed, "completed").await;
    let mut stream = gateway.client.follow_events(Some(&first.id)).await;
    let mut last: i64 = first.id.parse().expect("an event's id is a number");
    let mut missed_events = Vec::new();
    while missed_events.len() < 3 {
        let event = stream.next().await;
        let id: i64 = event.id.parse().expect("an event's id is a number");
        assert!(id > last, "each event arrives once, and in order");
        last = id;
        if event.json()["data"]["callId"] == json!(missed) {
            missed_events.push(event.name);
        }
    }
    assert_eq!(missed_events, ["call_initiated", "call_answered", "call_ended"]);
    gateway.stop().await;
}

/// The gateway does not wait for its clients to close their streams.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_the_streams(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let gateway = world.start_with_webhooks().await;
    let stream = gateway.client.follow_events(None).await;
    let stopping = timeout(Duration::from_secs(20), gateway.stop());
    let (stream_ends, stopped) = tokio::join!(stream.ends(), stopping);
    stopped.expect("the gateway stops within 20 s");
    assert!(stream_ends);
}

/// The client follows one replica and resumes at the other. It gets the events of a call that
/// either of them placed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_one_replica_are_published_by_the_others() {
    let world = World::new(PostgresAndRedis).await;
    let (one, other) = (world.start_with_webhooks().await, world.start().await);
    let receiver = Receiver::start().await;
    other.client.register_endpoint(&receiver.url()).await;
    let mut stream = other.client.follow_events(None).await;
    let call_id = one.client.call_number("+14165550175").await.call_id();
    let first = stream.next().await;
    assert_eq!(first.name, "call_initiated");
    assert_eq!(first.json()["data"]["callId"], json!(call_id));
    drop(stream);
    let mut stream = one.client.follow_events(Some(&first.id)).await;
    let rest = [stream.next().await.name, stream.next().await.name];
    assert_eq!(rest, ["call_answered", "call_ended"]);
    let requests = receiver.requests_when("three deliveries", |requests| requests.len() >= 3).await;
    let ids: BTreeSet<_> = requests.iter().map(|request| request.header("webhook-id")).collect();
    assert_eq!(ids.len(), requests.len(), "each event is delivered once, although two replicas deliver");
    one.stop().await;
    other.stop().await;
}

/// The process is killed five times, at different times while calls go on, and the receiver is
/// unavailable half of the time. In the end the receiver has every event that the ledger implies.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_however_often_the_process_is_killed(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with_short_lock().with_short_ringing();
    let world = world.with_frequent_reconciliation().with("OUTDIAL_WEBHOOK_WITHIN_SECS", "2");
    world.script(Behaviour::Answer { after_ms: 150 });
    let receiver = Receiver::start().await;
    for round in 0..5_u64 {
        let process = world.spawn().await;
        world.send_webhooks_to(&process.client);
        if round == 0 {
            process.client.register_endpoint(&receiver.url()).await;
        }
        receiver.respond_with(if round % 2 == 0 { 503 } else { 204 });
        let dials = world.simulator.dials().len();
        let numbers = (0..6).map(|call| format!("+141655502{round}{call}"));
        let calls: Vec<PendingCall> = numbers.map(|number| process.client.start_calling(&number)).collect();
        // A new process is slow at first. After its first dial it is under load.
        world.wait_for_dials(dials + 1).await;
        sleep(Duration::from_millis(round * 90)).await;
        process.kill().await;
        for call in calls {
            let _broken_or_finished = call.try_response().await;
        }
    }
    receiver.respond_with(204);
    let last = world.spawn().await;
    world.send_webhooks_to(&last.client);
    let history = last.client.get("/api/calls/history?limit=200").await.body;
    let calls = history["calls"].as_array().expect("the history is a list").iter();
    let recorded: BTreeSet<_> =
        calls.map(|call| call["callId"].as_str().expect("a call has an id").to_owned()).collect();
    assert!(recorded.len() > 5, "too few calls were under way: {history}");
    let mut completed = 0;
    for call_id in &recorded {
        // A call that was recorded and not dialled ends as `unknown`.
        let status = final_status(&last.client, call_id).await;
        let expected = if status == "completed" { &EVENTS[..3] } else { &EVENTS[..1] };
        completed += usize::from(status == "completed");
        let has_expected = |requests: &[ReceivedRequest]| {
            let of_this_call = requests.iter().filter(|request| request.call_id() == *call_id);
            let delivered: BTreeSet<_> = of_this_call.map(ReceivedRequest::event_type).collect();
            expected.iter().all(|event| delivered.contains(*event))
        };
        receiver.requests_when(&format!("the events of the call {call_id}"), has_expected).await;
    }
    assert!(completed > 3, "too few calls were completed: {completed}");
    let delivered: BTreeSet<_> = receiver.requests().iter().map(ReceivedRequest::call_id).collect();
    assert_eq!(delivered, recorded, "no events of other calls are delivered");
}
