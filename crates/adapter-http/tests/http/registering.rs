//! The webhook endpoints of an organization.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{MockWebhookSender, UrlRefusal};
use domain::{
    CallEventKind, CallStatus, DeliveryFailure, DeliveryState, WebhookEndpoint, WebhookEndpointId,
    WebhookSecret, WebhookUrl,
};
use serde_json::{Value, json};
use testkit::memory::QueuedDelivery;

use crate::log::log;
use crate::running::{Response, Running, send, start};
use crate::stored::event;
use crate::world::{NOW, World, organization_id};

pub(crate) const PATH: &str = "/api/webhook-endpoints";
pub(crate) const URL: &str = "https://crm.example.com/hooks?token=url-secret";
/// 32 bytes of value 1, the first secret of a registry.
const FIRST: &str = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const SECOND: &str = "whsec_AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
pub(crate) const ALL_KINDS: [&str; 4] =
    ["call_initiated", "call_answered", "call_ended", "call_recording_ready"];

pub(crate) async fn register(gateway: &Running, body: &Value) -> Response {
    send(gateway.json("POST", PATH, body.to_string())).await
}

/// A gateway with one endpoint, `endpoint-1`.
pub(crate) async fn start_with_endpoint(world: &World) -> Running {
    let gateway = start(world).await;
    assert_eq!(register(&gateway, &json!({ "url": url("endpoint-1") })).await.status, 201);
    gateway
}

pub(crate) fn document(id: &str, events: &[&str]) -> Value {
    json!({
        "id": id,
        "url": url(id),
        "events": events,
        "status": "active",
        "createdAt": "2023-11-14T22:13:20.000Z"
    })
}

/// The URL of an endpoint: each has its own.
pub(crate) fn url(id: &str) -> String {
    format!("{URL}&{id}")
}

pub(crate) fn registered(world: &World) -> Vec<WebhookEndpoint> {
    world.memory.tables().endpoints.clone()
}

/// The endpoint `theirs` of another organization.
pub(crate) fn theirs() -> WebhookEndpoint {
    WebhookEndpoint {
        id: WebhookEndpointId::parse("theirs").expect("a valid id"),
        organization_id: organization_id("o2"),
        url: WebhookUrl::parse(URL).expect("a valid URL"),
        kinds: CallEventKind::ALL.to_vec(),
        secret: WebhookSecret::mint([9; 32]),
        previous_secret: None,
        suspension: None,
        created_at: NOW,
    }
}

/// Every request about the endpoint with this id.
fn requests(id: &str) -> [(&'static str, String); 5] {
    [
        ("DELETE", format!("{PATH}/{id}")),
        ("PATCH", format!("{PATH}/{id}")),
        ("POST", format!("{PATH}/{id}/test")),
        ("POST", format!("{PATH}/{id}/secret")),
        ("GET", format!("{PATH}/{id}/deliveries")),
    ]
}

/// A body that the path accepts.
fn body_of(path: &str) -> String {
    if path == PATH { json!({ "url": URL }).to_string() } else { "{}".to_owned() }
}

fn all_requests() -> impl Iterator<Item = (&'static str, String)> {
    requests("endpoint-1").into_iter().chain([("POST", PATH.to_owned()), ("GET", PATH.to_owned())])
}

#[tokio::test]
async fn only_the_registration_of_an_endpoint_shows_its_secret() {
    let world = World::new();
    world.memory.tables().endpoints.push(theirs());
    let gateway = start(&world).await;
    let kinds = json!(["call_recording_ready", "call_ended", "call_ended"]);
    let first = register(&gateway, &json!({ "url": url("endpoint-1"), "events": kinds })).await;
    let chosen = document("endpoint-1", &["call_ended", "call_recording_ready"]);
    first.assert_ok(201, &json!({ "success": true, "endpoint": chosen, "secret": FIRST }));
    for body in [json!({ "url": url("endpoint-2") }), json!({ "url": url("endpoint-3"), "events": null })] {
        assert_eq!(register(&gateway, &body).await.body["endpoint"]["events"], json!(ALL_KINDS), "{body}");
    }
    let (second, third) = (document("endpoint-2", &ALL_KINDS), document("endpoint-3", &ALL_KINDS));
    let expected = json!({ "success": true, "endpoints": [chosen, second, third] });
    send(gateway.read(PATH)).await.assert_ok(200, &expected);
    assert!(registered(&world)[1..].iter().all(|stored| stored.organization_id == organization_id("o1")));
}

/// A query of the store would make this a 500.
#[tokio::test]
async fn an_invalid_request_names_its_fields() {
    let gateway = start(&World::lost()).await;
    let too_long = format!("https://{}", "x".repeat(2041));
    let cases: [(Value, &[&str]); 13] = [
        (json!({}), &["url"]),
        (json!({ "url": null }), &["url"]),
        (json!({ "url": 7 }), &["url"]),
        (json!({ "url": "ftp://hunter2" }), &["url"]),
        (json!({ "url": "https://a b" }), &["url"]),
        (json!({ "url": too_long }), &["url"]),
        (json!({ "url": URL, "events": [] }), &["events"]),
        (json!({ "url": URL, "events": "call_ended" }), &["events"]),
        (json!({ "url": URL, "events": ["call_ended", "hunter2"] }), &["events"]),
        (json!({ "url": URL, "events": [7] }), &["events"]),
        (json!({ "url": 7, "events": {} }), &["url", "events"]),
        (json!([]), &[]),
        (json!("hunter2"), &[]),
    ];
    for (body, fields) in cases {
        register(&gateway, &body).await.assert_invalid(fields, &body.to_string());
    }
    let without_type = gateway.authorized("POST", PATH).body(json!({ "url": URL }).to_string());
    send(without_type).await.assert_error(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_url_that_nothing_may_be_sent_to_is_refused() {
    let mut sender = MockWebhookSender::new();
    sender.expect_check().returning(|_| Err(UrlRefusal::ForbiddenAddress));
    let world = World { sender: Arc::new(sender), ..World::new() };
    let response = register(&start(&world).await, &json!({ "url": URL })).await;
    response.assert_error(400, "WEBHOOK_URL_REFUSED");
    assert_eq!(response.body["error"], "the URL leads to an address that is not public");
    assert_eq!(registered(&world), []);
}

#[tokio::test]
async fn an_organization_has_at_most_ten_endpoints() {
    let world = World::new();
    world.memory.tables().endpoints.push(theirs());
    let gateway = start(&world).await;
    for number in 0..10 {
        assert_eq!(register(&gateway, &json!({ "url": format!("{URL}{number}") })).await.status, 201);
    }
    register(&gateway, &json!({ "url": URL })).await.assert_error(400, "TOO_MANY_WEBHOOK_ENDPOINTS");
    assert_eq!(registered(&world).len(), 11);
}

#[tokio::test]
async fn a_removed_endpoint_is_gone() {
    let world = World::new();
    let gateway = start_with_endpoint(&world).await;
    let path = format!("{PATH}/endpoint-1");
    send(gateway.authorized("DELETE", &path)).await.assert_ok(200, &json!({ "success": true }));
    assert_eq!(registered(&world), []);
    send(gateway.authorized("DELETE", &path)).await.assert_error(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
}

#[tokio::test]
async fn a_replaced_secret_is_valid_for_another_day() {
    let world = World::new();
    let gateway = start_with_endpoint(&world).await;
    let replaced = send(gateway.authorized("POST", &format!("{PATH}/endpoint-1/secret"))).await;
    replaced.assert_ok(200, &json!({ "success": true, "secret": SECOND }));
    let tomorrow = NOW.after(Duration::from_hours(24));
    let [endpoint] = &registered(&world)[..] else { panic!("there is one endpoint") };
    assert_eq!(endpoint.secret, WebhookSecret::mint([2; 32]));
    assert_eq!(endpoint.previous_secret, Some((WebhookSecret::mint([1; 32]), tomorrow)));
}

/// A delivery of the event with this sequence number, after two attempts.
fn delivery(endpoint_id: &str, number: i64, state: DeliveryState) -> QueuedDelivery {
    let is_pending = state == DeliveryState::Pending;
    let after = |millis| NOW.after(Duration::from_millis(millis));
    QueuedDelivery {
        endpoint_id: WebhookEndpointId::parse(endpoint_id).expect("a valid id"),
        event: event(number, CallEventKind::Ended, CallStatus::Busy),
        state,
        attempts: 2,
        queued_at: NOW,
        due: after(1),
        leased_until: None,
        concluded_at: (!is_pending).then(|| after(2)),
        last_failure: is_pending.then_some(DeliveryFailure::Status(503)),
    }
}

#[tokio::test]
async fn a_delivery_is_listed_whole() {
    let world = World::new();
    let gateway = start_with_endpoint(&world).await;
    let states = [(7, DeliveryState::Dead), (9, DeliveryState::Pending)];
    let deliveries = states.map(|(number, state)| delivery("endpoint-1", number, state));
    world.memory.tables().deliveries.extend(deliveries);
    let pending = json!({
        "position": 9,
        "eventId": "evt_call-9_call_ended_busy",
        "type": "call_ended",
        "callId": "call-9",
        "state": "pending",
        "attempts": 2,
        "queuedAt": "2023-11-14T22:13:20.000Z",
        "nextAttemptAt": "2023-11-14T22:13:20.001Z",
        "lastFailure": "status-503"
    });
    let dead = json!({
        "position": 7,
        "eventId": "evt_call-7_call_ended_busy",
        "type": "call_ended",
        "callId": "call-7",
        "state": "dead",
        "attempts": 2,
        "queuedAt": "2023-11-14T22:13:20.000Z",
        "concludedAt": "2023-11-14T22:13:20.002Z"
    });
    let list = send(gateway.read(&format!("{PATH}/endpoint-1/deliveries"))).await;
    list.assert_ok(200, &json!({ "success": true, "deliveries": [pending, dead] }));
}

#[tokio::test]
async fn deliveries_are_listed_by_pages() {
    let world = World::new();
    let gateway = start_with_endpoint(&world).await;
    register(&gateway, &json!({ "url": URL })).await;
    let state = |number| if number > 55 { DeliveryState::Pending } else { DeliveryState::Dead };
    let deliveries = (1..=60).map(|number| delivery("endpoint-1", number, state(number)));
    let others = (1..=60).map(|number| delivery("endpoint-2", number, state(number)));
    world.memory.tables().deliveries.extend(deliveries.chain(others));
    let cases = [
        ("", (11..=60), json!("11")),
        ("?before=11&state=&limit=", (1..=10), Value::Null),
        ("?limit=2&state=dead", (54..=55), json!("54")),
        ("?limit=200&state=pending", (56..=60), Value::Null),
        ("?limit=60", (1..=60), json!("1")),
    ];
    for (query, expected, next) in cases {
        let list = send(gateway.read(&format!("{PATH}/endpoint-1/deliveries{query}"))).await;
        let deliveries = list.body["deliveries"].as_array().expect("a list");
        let positions: Vec<_> = deliveries.iter().map(|delivery| delivery["position"].as_i64()).collect();
        assert_eq!(positions, expected.rev().map(Some).collect::<Vec<_>>(), "{query}");
        assert_eq!(list.body["nextCursor"], next, "{query}");
    }
}

/// A query of the store would make this a 500.
#[tokio::test]
async fn an_invalid_parameter_is_named() {
    let gateway = start(&World::lost()).await;
    let cases: [(&str, &[&str]); 7] = [
        ("state=Dead", &["state"]),
        ("limit=0", &["limit"]),
        ("limit=201", &["limit"]),
        ("before=-1", &["before"]),
        ("before=hunter2", &["before"]),
        ("state=x&limit=y&before=z", &["state", "limit", "before"]),
        ("limit=1&limit=2", &[]),
    ];
    for (query, fields) in cases {
        let response = send(gateway.read(&format!("{PATH}/endpoint-1/deliveries?{query}"))).await;
        response.assert_invalid(fields, query);
    }
}

#[tokio::test]
async fn an_endpoint_of_another_organization_is_not_found() {
    let world = World::new();
    world.memory.tables().endpoints.push(theirs());
    let gateway = start(&world).await;
    for id in ["theirs", "unknown", "%00", &"x".repeat(129)] {
        for (method, path) in requests(id) {
            let response = send(gateway.json(method, &path, "{}".to_owned())).await;
            response.assert_error(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
            assert_eq!(response.body["error"], "Webhook endpoint not found");
        }
    }
    assert_eq!(registered(&world), [theirs()]);
}

#[tokio::test]
async fn every_route_takes_a_token_and_its_user() {
    let (gateway, without_user) = (start(&World::lost()).await, start(&World::without_user()).await);
    for (method, path) in all_requests() {
        let body = body_of(&path);
        let anonymous = gateway.anonymous(method, &path).header("content-type", "application/json");
        send(anonymous.body(body.clone())).await.assert_error(401, "UNAUTHORIZED");
        send(without_user.json(method, &path, body)).await.assert_error(404, "USER_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_store_that_is_unavailable_is_a_500_whose_cause_is_logged_once() {
    let log = log();
    let (lost, panicking) = (start(&World::lost_except_users()).await, start(&World::panicking()).await);
    for (n, (method, path)) in all_requests().enumerate() {
        let (body, id) = (body_of(&path), format!("lost-webhooks-{n}"));
        let request = |gateway: &Running| gateway.json(method, &path, body.clone());
        send(request(&lost).header("x-request-id", &id)).await.assert_unavailable(&log, &id);
        send(request(&panicking)).await.assert_error(500, "INTERNAL");
    }
}

#[tokio::test]
async fn a_405_lists_the_methods_of_the_path() {
    let gateway = start(&World::new()).await;
    for (path, allowed) in [
        (PATH, "GET, HEAD, POST"),
        ("/api/webhook-endpoints/e1", "DELETE, PATCH"),
        ("/api/webhook-endpoints/e1/test", "POST"),
        ("/api/webhook-endpoints/e1/secret", "POST"),
        ("/api/webhook-endpoints/e1/deliveries", "GET, HEAD"),
        ("/api/calls/events", "GET, HEAD"),
        ("/api/calls/c1/recording", "GET, HEAD"),
        ("/api/webhook/elevenlabs/personalization", "POST"),
    ] {
        let response = send(gateway.authorized("PUT", path)).await;
        response.assert_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(response.header("allow"), Some(allowed), "{path}");
    }
}

#[tokio::test]
async fn no_url_and_no_secret_is_logged() {
    let log = log();
    let gateway = start(&World::new()).await;
    let registration = gateway.json("POST", PATH, json!({ "url": URL }).to_string());
    let replacement = gateway.authorized("POST", &format!("{PATH}/endpoint-1/secret"));
    for (request, status) in [(registration, 201), (replacement, 200)] {
        let response = send(request.header("x-request-id", "private-endpoint")).await;
        assert_eq!(response.status, status);
    }
    log.assert_private("private-endpoint", &["url-secret", "crm.example", FIRST, SECOND, "whsec_"]);
}
