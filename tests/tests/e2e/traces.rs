//! Traces over OTLP: spans, parents and links, as a collector gets them.

use std::collections::BTreeSet;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use simulator::Behaviour;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::collector::{Collector, Span, attribute, hex, is_client, is_server};
use crate::support::{Receiver, TOOL_SECRET, WEBHOOK_SECRET, World};

const REQUEST: &str = "POST /api/calls/ai/outbound";
const CLIENT_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT_SPAN: &str = "00f067aa0ba902b7";

fn traceparent() -> String {
    format!("00-{CLIENT_TRACE}-{CLIENT_SPAN}-01")
}

/// The only span of this trace with this name.
fn only<'a>(spans: &'a [Span], trace: &str, name: &str) -> &'a Span {
    let mut found = spans.iter().filter(|span| span.name == name && hex(&span.trace_id) == trace);
    let only = found.next().unwrap_or_else(|| panic!("no span {name} in {trace}"));
    assert!(found.next().is_none(), "two spans {name} in {trace}");
    only
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_one_trace_and_what_follows_is_linked_to_it(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let collector = Collector::start().await;
    let world = World::new(backing).await.with("OUTDIAL_OTLP_ENDPOINT", collector.url());
    let gateway = world.start_with_webhooks().await;
    let receiver = Receiver::start().await;
    gateway.client.register_endpoint(&receiver.url()).await;
    world.script(Behaviour::Answer { after_ms: 10 });
    let request = gateway.client.call_request(&json!({ "phoneNumber": "+14165550191" }));
    let response = request.header("traceparent", traceparent()).send().await.expect("the gateway responds");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-trace-id"], CLIENT_TRACE, "the trace of the client");
    let placed: serde_json::Value = response.json().await.expect("JSON");
    let call_id = placed["data"]["callId"].as_str().or(placed["callId"].as_str()).expect("an id").to_owned();
    gateway.client.read_call_when(&call_id, "completed").await;
    receiver
        .requests_when("the end is delivered", |requests| {
            requests.iter().any(|request| request.event_type() == "call_ended")
        })
        .await;
    collector.spans_named("merge").await;
    collector.spans_named("deliver").await;
    gateway.stop().await;

    let spans = collector.spans();
    let root = only(&spans, CLIENT_TRACE, REQUEST);
    assert!(is_server(root));
    assert_eq!(hex(&root.parent_span_id), CLIENT_SPAN);
    assert_eq!(attribute(root, "http.response.status_code"), "200");
    assert_eq!(attribute(root, "http.route"), "/api/calls/ai/outbound");
    let of_call: Vec<&Span> = spans.iter().filter(|span| hex(&span.trace_id) == CLIENT_TRACE).collect();
    let steps: BTreeSet<&str> = of_call.iter().map(|span| span.name.as_str()).collect();
    let expected = [REQUEST, "book", "decide", "dial", "lock", "resolve", "settle", "settle lock"];
    assert_eq!(steps, BTreeSet::from(expected));
    for step in of_call.iter().filter(|span| span.name != REQUEST) {
        assert_eq!(step.parent_span_id, root.span_id, "{} is below the request", step.name);
        assert!(step.end_time_unix_nano <= root.end_time_unix_nano, "{}", step.name);
    }
    let dial = only(&spans, CLIENT_TRACE, "dial");
    assert!(is_client(dial));
    assert_eq!(attribute(dial, "server.address"), "127.0.0.1");
    assert_eq!(attribute(dial, "http.response.status_code"), "200");
    assert_eq!(attribute(dial, "outdial.outcome"), "placed");
    assert_eq!(attribute(dial, "outdial.call.id"), call_id);

    let booked = only(&spans, CLIENT_TRACE, "book");
    for name in ["merge", "deliver"] {
        let later = spans.iter().filter(|span| span.name == name);
        for span in later.filter(|span| attribute(span, "outdial.call.id") == call_id) {
            assert_ne!(hex(&span.trace_id), CLIENT_TRACE, "{name} is a trace of its own");
            let links: Vec<_> = span.links.iter().map(|link| (&link.trace_id, &link.span_id)).collect();
            assert_eq!(links, [(&booked.trace_id, &booked.span_id)], "{name}");
        }
    }
    let webhook = spans.iter().find(|span| span.name == "POST /api/webhook/elevenlabs");
    assert_ne!(hex(&webhook.expect("the webhook is traced").trace_id), CLIENT_TRACE);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_about_an_unknown_call_is_linked_to_it(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let collector = Collector::start().await;
    let world = World::new(backing).await.with("OUTDIAL_OTLP_ENDPOINT", collector.url());
    let world = world.with_short_lock().with_short_ringing().with_frequent_reconciliation();
    let gateway = world.start().await;
    world.script(Behaviour::DropConnection);
    let response = gateway.client.call_number("+14165550192").await;
    response.assert_error(500, "CALL_OUTCOME_UNKNOWN");
    let trace = response.headers["x-trace-id"].to_str().expect("ASCII").to_owned();
    let asked = collector.spans_named("reconcile").await;
    gateway.stop().await;
    let spans = collector.spans();
    assert!(asked[0].links.iter().any(|link| hex(&link.trace_id) == trace), "{asked:?}");
    assert_ne!(hex(&asked[0].trace_id), trace);
    let dial = only(&spans, &trace, "dial");
    assert_eq!(attribute(dial, "outdial.outcome"), "unknown");
    assert_eq!(attribute(only(&spans, &trace, REQUEST), "http.response.status_code"), "500");
}

/// The trace is in the log of the request, and nothing personal is in the traces.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_the_trace_and_the_traces_have_no_personal_data(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let collector = Collector::start().await;
    let world = World::new(backing).await.with("OUTDIAL_OTLP_ENDPOINT", collector.url());
    let mut process = world.spawn().await;
    let (client, receiver) = (&process.client, Receiver::start().await);
    world.send_webhooks_to(client);
    let (_, secret) = client.register_endpoint(&receiver.url()).await;
    world.script(Behaviour::Answer { after_ms: 10 });
    let asked = json!({
        "contactId": "c1", "callReason": "a very private reason",
        "dynamicVariables": { "private_variable": "a private value" }, "metadata": { "order": "a private order" },
    });
    let placed = client.place_with_key("a-private-order-key", &asked).await;
    let trace = placed.headers["x-trace-id"].to_str().expect("ASCII").to_owned();
    client.read_call_when(&placed.call_id(), "completed").await;
    receiver
        .requests_when("the end is delivered", |requests| {
            requests.iter().any(|request| request.event_type() == "call_ended")
        })
        .await;
    client.call_number("+1416555019").await;
    client.get("/api/calls/history?toNumber=%2B14165550190").await;
    let token = client.token();
    process.signal("TERM").await;
    assert!(process.ended().await.success());

    let line = process
        .log()
        .lines()
        .find(|line| line.contains("request served") && line.contains(&trace))
        .map(str::to_owned);
    let line: serde_json::Value = serde_json::from_str(&line.expect("a line names the trace")).expect("JSON");
    assert_eq!(line["span"]["trace.id"], trace.as_str(), "{line}");
    let text = collector.text();
    assert!(text.contains(REQUEST) && text.contains("deliver"), "the spans arrived");
    let private = [
        "4165550190",
        "4165550100",
        "Lovelace",
        "Babbage",
        "Analytical",
        "private",
        "s3cret",
        receiver.host().as_str(),
        TOOL_SECRET,
        WEBHOOK_SECRET,
        "simulated-api-key",
        secret.as_str(),
        token.as_str(),
    ]
    .map(str::to_owned);
    for private in private {
        assert!(!text.contains(&private), "{private} is in a trace");
    }
}

/// The exporter waits 10 s for a collector, and a stop 1 s for the exporter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_does_not_delay_calls_or_a_stop() {
    let collector = Collector::start().await;
    collector.hang();
    let world = World::new(Sqlite).await.with("OUTDIAL_OTLP_ENDPOINT", collector.url());
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    for n in 0..3 {
        assert!(gateway.client.call_number(&format!("+1416555019{n}")).await.is_new_call());
    }
    let stopped = tokio::time::timeout(Duration::from_secs(8), gateway.stop()).await;
    assert!(stopped.is_ok(), "the stop waits for the request of the exporter");
    assert_eq!(collector.spans().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_there_is_no_trace() {
    let world = World::new(Sqlite).await;
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    let request = gateway.client.call_request(&json!({ "phoneNumber": "+14165550191" }));
    let response = request.header("traceparent", traceparent()).send().await.expect("the gateway responds");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers().get("x-trace-id"), None);
    assert_eq!(world.count("select count(*) from calls where trace_parent is null").await, 1);
    gateway.stop().await;
}
