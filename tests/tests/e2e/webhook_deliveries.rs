//! Webhook endpoints: repeated deliveries, replaced secrets, removal, and which URLs may be
//! registered.

use std::collections::BTreeSet;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use testkit::eventually;
use tokio::time::sleep;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{ReceivedRequest, Receiver, World};

/// The types of the events of a call that arrived, in the order of their arrival.
fn event_types(requests: &[ReceivedRequest], call_id: &str) -> Vec<String> {
    let of_this_call = requests.iter().filter(|request| request.call_id() == call_id);
    of_this_call.map(ReceivedRequest::event_type).collect()
}

fn webhook_ids(requests: &[ReceivedRequest]) -> BTreeSet<&str> {
    requests.iter().map(|request| request.header("webhook-id")).collect()
}

/// Deliveries to a receiver that fails are retried until they expire. The operator can have
/// expired deliveries sent again.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_the_receiver_refused_is_sent_again(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with("OUTDIAL_DELIVERY_GIVE_UP_SECS", "2");
    let gateway = world.start_with_webhooks().await;
    let receiver = Receiver::start().await;
    let (endpoint, secret) = gateway.client.register_endpoint(&receiver.url()).await;
    receiver.respond_with(500);
    let call_id = gateway.client.call_number("+14165550175").await.call_id();
    gateway.client.read_call_when(&call_id, "completed").await;
    let dead_deliveries = format!("/api/webhook-endpoints/{endpoint}/deliveries?state=dead");
    let dead: Vec<Value> = eventually("three deliveries have expired", async || {
        let deliveries = gateway.client.get(&dead_deliveries).await.body["deliveries"].take();
        let deliveries = deliveries.as_array().expect("the response lists deliveries").clone();
        (deliveries.len() >= 3).then_some(deliveries)
    })
    .await;
    assert_eq!((&dead[0]["state"], &dead[0]["lastFailure"]), (&json!("dead"), &json!("status-500")));
    assert!(dead[0]["attempts"].as_u64() > Some(1), "the delivery was retried: {dead:?}");
    let other_tenant = gateway.client.of_user("u2");
    other_tenant.get(&dead_deliveries).await.assert_error(404, "WEBHOOK_ENDPOINT_NOT_FOUND");

    receiver.respond_with(200);
    let before = receiver.requests().len();
    let list = world.outdial(&["webhooks", "list", "--organization", "o1"]).await;
    assert!(list.contains(&endpoint) && list.contains("status-500") && !list.contains("s3cret"), "{list}");
    let replay = world.outdial(&["webhooks", "replay", "--organization", "o1"]).await;
    assert!(replay.contains("deliveries again"), "{replay}");
    let requests = receiver
        .requests_when("the events are sent again", |requests| {
            event_types(&requests[before..], &call_id).len() >= 3
        })
        .await;
    let (failed, repeated) = requests.split_at(before);
    let types = event_types(repeated, &call_id);
    for event in ["call_initiated", "call_answered", "call_ended"] {
        assert!(types.iter().any(|repeated| repeated == event), "{event}: {types:?}");
    }
    assert!(repeated.iter().all(|request| request.is_signed_with(&secret)));
    assert!(webhook_ids(repeated).is_subset(&webhook_ids(failed)), "an event keeps its id");
    gateway.stop().await;
}

/// A receiver that is gone gets one request, and its endpoint nothing more until it is enabled. Its
/// owner tests it, and then enables it: the events that waited, and the one that was refused, arrive.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_gone_gets_nothing_until_its_endpoint_is_enabled(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let gateway = world.start_with_webhooks().await;
    let client = &gateway.client;
    let receiver = Receiver::start().await;
    let (endpoint, secret) = client.register_endpoint(&receiver.url()).await;
    let again = client.post("/api/webhook-endpoints", &json!({ "url": receiver.url() })).await;
    again.assert_error(409, "WEBHOOK_URL_TAKEN");
    receiver.respond_with(410);
    let call_id = client.call_number("+14165550175").await.call_id();
    client.read_call_when(&call_id, "completed").await;
    let path = format!("/api/webhook-endpoints/{endpoint}");
    let listed = async || client.get("/api/webhook-endpoints").await.body["endpoints"][0].take();
    eventually("the endpoint is disabled", async || {
        let endpoint = listed().await;
        (endpoint["status"] == "disabled" && endpoint["disabledReason"] == "gone").then_some(())
    })
    .await;
    assert_eq!(receiver.requests().len(), 1, "the other events wait");

    let tested = async || client.post(&format!("{path}/test"), &json!({})).await.body;
    let gone = tested().await;
    assert_eq!((&gone["accepted"], &gone["failure"]), (&json!(false), &json!("status-410")));
    receiver.respond_with(204);
    let accepted = tested().await;
    assert_eq!((&accepted["accepted"], &accepted["failure"]), (&json!(true), &Value::Null));
    let tests = receiver.requests();
    let test = tests.last().expect("a test event");
    assert!(test.event_type() == "test" && test.is_signed_with(&secret), "{test:?}");
    assert_eq!(test.event()["data"]["endpointId"], endpoint);

    let other_tenant = client.of_user("u2").patch(&path, &json!({ "status": "active" })).await;
    other_tenant.assert_error(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
    let enabled = client.patch(&path, &json!({ "status": "active" })).await;
    assert_eq!(enabled.body["endpoint"]["status"], "active", "{}", enabled.body);
    let before = tests.len();
    let requests = receiver
        .requests_when("all events arrive", |requests| event_types(&requests[before..], &call_id).len() >= 3)
        .await;
    let refused = tests[0].header("webhook-id");
    assert!(webhook_ids(&requests[before..]).contains(refused), "also the one that was refused");
    gateway.stop().await;
}

/// An organization whose receivers never respond has 48 of the 64 attempts of a process, with 80
/// deliveries to ten endpoints. Another organization's first delivery finds one of the others.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organization_whose_receivers_hang_does_not_delay_another_one(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with("OUTDIAL_DELIVERY_TIMEOUT_MS", "30000");
    let gateway = world.start_with_webhooks().await;
    let (hanging, prompt) = (Receiver::start().await, Receiver::start().await);
    hanging.hang();
    for number in 0..10 {
        gateway.client.register_endpoint(&format!("{}?{number}", hanging.url())).await;
    }
    let other = gateway.client.of_user("u2");
    other.register_endpoint(&prompt.url()).await;
    for number in 0..8 {
        gateway.client.call_number(&format!("+1416555017{number}")).await.call_id();
    }
    hanging.requests_when("48 attempts run", |requests| requests.len() >= 48).await;
    let call_id = other.call_number("+14165550180").await.call_id();
    prompt
        .requests_when("the other organization's events", |requests| {
            event_types(requests, &call_id).len() >= 3
        })
        .await;
    assert_eq!(hanging.requests().len(), 48, "attempts of the organization whose receivers hang");
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_secret_still_signs_and_a_removed_url_receives_nothing(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let gateway = world.start_with_webhooks().await;
    let client = &gateway.client;
    let other_tenant = client.of_user("u2");
    let receiver = Receiver::start().await;
    let (endpoint, old_secret) = client.register_endpoint(&receiver.url()).await;
    let path = format!("/api/webhook-endpoints/{endpoint}");
    let secret_path = format!("{path}/secret");
    let refused = other_tenant.post(&secret_path, &json!({})).await;
    refused.assert_error(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
    let response = client.post(&secret_path, &json!({})).await;
    let new_secret = response.body["secret"].as_str().expect("the response contains the new secret");
    assert_ne!(new_secret, old_secret);
    let call_id = client.call_number("+14165550175").await.call_id();
    let requests = receiver
        .requests_when("three deliveries", |requests| event_types(requests, &call_id).len() >= 3)
        .await;
    for request in &requests {
        assert!(request.is_signed_with(&old_secret) && request.is_signed_with(new_secret));
    }

    other_tenant.delete(&path).await.assert_error(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
    assert_eq!(client.delete(&path).await.status, 200);
    let list = client.get("/api/webhook-endpoints").await.body;
    assert_eq!(list["endpoints"], json!([]), "{list}");
    let before = receiver.requests().len();
    let later = client.call_number("+14165550176").await.call_id();
    client.read_call_when(&later, "completed").await;
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(receiver.requests().len(), before);
    gateway.stop().await;
}

/// The URL contains an address of a private network, or a name that resolves to one, or is not
/// allowed for another reason.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_inside_the_network_is_refused(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with("OUTDIAL_DELIVERY_ALLOW_PRIVATE", "false");
    let gateway = world.start_with_webhooks().await;
    let client = &gateway.client;
    for url in [
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "http://example.com/hook",
        "https://user:password@example.com/hook",
    ] {
        let response = client.post("/api/webhook-endpoints", &json!({ "url": url })).await;
        response.assert_error(400, "WEBHOOK_URL_REFUSED");
    }
    let response = client.post("/api/webhook-endpoints", &json!({ "url": "ftp://example.com" })).await;
    response.assert_error(400, "VALIDATION_FAILED");
    assert_eq!(client.get("/api/webhook-endpoints").await.body["endpoints"], json!([]));
    gateway.stop().await;
}
