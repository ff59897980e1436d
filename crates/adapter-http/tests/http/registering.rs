//! The webhook endpoints of an organization.

use domain::ports::{DeliveryListQuery, UrlRefusal};
use domain::{
    CallEventKind, CallId, CallStatus, DeliveryFailure, DeliveryFilter, DeliveryRecord, DeliveryState,
    EventId, EventSequence, OrganizationId, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret,
    WebhookUrl,
};
use serde_json::{Value, json};

use crate::books::Books;
use crate::endpoints::Endpoints;
use crate::log::log;
use crate::running::{Answer, Options, Running, answer, start_with};
use crate::world::World;

const PATH: &str = "/api/webhook-endpoints";
const URL: &str = "https://crm.example.com/hooks?token=url-secret";
/// 32 bytes of value 1, which is the first secret that is made.
const FIRST: &str = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const SECOND: &str = "whsec_AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const ALL_KINDS: [&str; 4] = ["call_initiated", "call_answered", "call_ended", "call_recording_ready"];

async fn start_registering(endpoints: &Endpoints) -> Running {
    start_with(World::new(), Options { endpoints: endpoints.clone(), ..Options::default() }).await
}

async fn register(gateway: &Running, body: &Value) -> Answer {
    let request = gateway.asking("POST", PATH).header("content-type", "application/json");
    answer(request.body(body.to_string())).await
}

fn document(id: &str, events: &[&str]) -> Value {
    json!({ "id": id, "url": URL, "events": events, "createdAt": "2023-11-14T22:13:20.000Z" })
}

/// An endpoint of another organization.
fn anothers(id: &str) -> WebhookEndpoint {
    WebhookEndpoint {
        id: WebhookEndpointId::parse(id).expect("an id"),
        organization_id: OrganizationId::parse("organization of u2").expect("an id"),
        url: WebhookUrl::parse(URL).expect("a URL"),
        kinds: CallEventKind::ALL.to_vec(),
        secret: WebhookSecret::mint([9; 32]),
        previous_secret: None,
        created_at: Timestamp::from_unix_millis(0),
    }
}

#[tokio::test]
async fn a_registered_endpoint_is_shown_with_its_secret_once() {
    let endpoints = Endpoints::default();
    endpoints.registered.lock().expect("fresh").push(anothers("theirs"));
    let gateway = start_registering(&endpoints).await;
    let kinds = json!(["call_recording_ready", "call_ended", "call_ended"]);
    let first = register(&gateway, &json!({ "url": URL, "events": kinds, "x": 1 })).await;
    let chosen = document("endpoint-1", &["call_ended", "call_recording_ready"]);
    let expected = json!({ "success": true, "endpoint": chosen, "secret": FIRST });
    assert_eq!((first.status, &first.body), (201, &expected));
    assert_eq!(first.header("cache-control"), Some("no-store"));
    for body in [json!({ "url": URL }), json!({ "url": URL, "events": null })] {
        assert_eq!(register(&gateway, &body).await.body["endpoint"]["events"], json!(ALL_KINDS), "{body}");
    }
    let list = answer(gateway.read(PATH)).await;
    let every = |id| document(id, &ALL_KINDS);
    let expected =
        json!({ "success": true, "endpoints": [chosen, every("endpoint-2"), every("endpoint-3")] });
    assert_eq!((list.status, &list.body), (200, &expected));
    assert_eq!(list.header("cache-control"), Some("no-store"));
    let owner = OrganizationId::parse("organization of u1").expect("an id");
    assert!(endpoints.registered()[1..].iter().all(|endpoint| endpoint.organization_id == owner));
}

#[tokio::test]
async fn a_request_at_fault_names_its_fields() {
    let endpoints = Endpoints::default();
    let gateway = start_registering(&endpoints).await;
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
        let answer = register(&gateway, &body).await;
        answer.assert_error(400, "VALIDATION_FAILED");
        let details = answer.body["error"]["details"].as_array().expect("a list");
        let named: Vec<_> = details.iter().filter_map(|detail| detail["field"].as_str()).collect();
        assert_eq!(named, fields, "{body}");
        assert!(!answer.body.to_string().contains("hunter2"), "{}", answer.body);
    }
    let undeclared = gateway.asking("POST", PATH).body(json!({ "url": URL }).to_string());
    answer(undeclared).await.assert_error(400, "VALIDATION_FAILED");
    assert_eq!(endpoints.registered(), []);
}

#[tokio::test]
async fn a_url_that_nothing_may_be_sent_to_is_refused() {
    let endpoints = Endpoints { refusal: Some(UrlRefusal::ForbiddenAddress), ..Endpoints::default() };
    let gateway = start_registering(&endpoints).await;
    let answer = register(&gateway, &json!({ "url": URL })).await;
    answer.assert_error(400, "WEBHOOK_URL_REFUSED");
    assert_eq!(answer.body["error"], "the URL leads to an address that is not public");
    assert_eq!(endpoints.registered(), []);
}

#[tokio::test]
async fn an_organization_has_so_many_endpoints() {
    let endpoints = Endpoints::default();
    let gateway = start_registering(&endpoints).await;
    for _ in 0..10 {
        assert_eq!(register(&gateway, &json!({ "url": URL })).await.status, 201);
    }
    register(&gateway, &json!({ "url": URL })).await.assert_error(400, "TOO_MANY_WEBHOOK_ENDPOINTS");
    assert_eq!(endpoints.registered().len(), 10);
}

#[tokio::test]
async fn a_removed_endpoint_is_gone() {
    let endpoints = Endpoints::default();
    let gateway = start_registering(&endpoints).await;
    register(&gateway, &json!({ "url": URL })).await;
    let path = format!("{PATH}/endpoint-1");
    let removed = answer(gateway.asking("DELETE", &path)).await;
    assert_eq!((removed.status, &removed.body), (200, &json!({ "success": true })));
    assert_eq!(removed.header("cache-control"), Some("no-store"));
    assert_eq!(endpoints.registered(), []);
    answer(gateway.asking("DELETE", &path)).await.assert_error(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
}

#[tokio::test]
async fn a_replaced_secret_signs_along_for_a_day() {
    let endpoints = Endpoints::default();
    let gateway = start_registering(&endpoints).await;
    register(&gateway, &json!({ "url": URL })).await;
    let replaced = answer(gateway.asking("POST", &format!("{PATH}/endpoint-1/secret"))).await;
    assert_eq!((replaced.status, &replaced.body), (200, &json!({ "success": true, "secret": SECOND })));
    assert_eq!(replaced.header("cache-control"), Some("no-store"));
    let tomorrow = Timestamp::from_unix_millis(1_700_000_000_000 + 24 * 60 * 60 * 1000);
    let [endpoint] = &endpoints.registered()[..] else { panic!("one endpoint") };
    assert_eq!(endpoint.secret, WebhookSecret::mint([2; 32]));
    assert_eq!(endpoint.previous_secret, Some((WebhookSecret::mint([1; 32]), tomorrow)));
}

fn delivery(position: i64, state: DeliveryState) -> DeliveryRecord {
    let call_id = CallId::parse("c1").expect("an id");
    let moment = |millis: i64| Timestamp::from_unix_millis(1_700_000_000_000 + millis);
    let pending = state == DeliveryState::Pending;
    DeliveryRecord {
        endpoint_id: WebhookEndpointId::parse("endpoint-1").expect("an id"),
        sequence: EventSequence::from_number(position).expect("a place"),
        event_id: EventId::of(&call_id, CallEventKind::Ended, CallStatus::Busy),
        kind: CallEventKind::Ended,
        call_id,
        state,
        attempts: 2,
        queued_at: moment(0),
        next_attempt_at: pending.then(|| moment(1)),
        concluded_at: (!pending).then(|| moment(2)),
        last_failure: pending.then_some(DeliveryFailure::Status(503)),
    }
}

#[tokio::test]
async fn deliveries_are_listed_by_pages() {
    let deliveries = vec![delivery(9, DeliveryState::Pending), delivery(7, DeliveryState::Dead)];
    let endpoints = Endpoints { deliveries, ..Endpoints::default() };
    let gateway = start_registering(&endpoints).await;
    register(&gateway, &json!({ "url": URL })).await;
    let path = format!("{PATH}/endpoint-1/deliveries");
    let list = answer(gateway.read(&path)).await;
    let common = json!({
        "eventId": "evt_c1_call_ended_busy",
        "type": "call_ended",
        "callId": "c1",
        "attempts": 2,
        "queuedAt": "2023-11-14T22:13:20.000Z"
    });
    let (mut pending, mut dead) = (common.clone(), common);
    for (key, value) in [
        ("position", json!(9)),
        ("state", json!("pending")),
        ("nextAttemptAt", json!("2023-11-14T22:13:20.001Z")),
        ("lastFailure", json!("status-503")),
    ] {
        pending[key] = value;
    }
    for (key, value) in
        [("position", json!(7)), ("state", json!("dead")), ("concludedAt", json!("2023-11-14T22:13:20.002Z"))]
    {
        dead[key] = value;
    }
    let expected = json!({ "success": true, "deliveries": [pending, dead] });
    assert_eq!((list.status, &list.body), (200, &expected));
    assert_eq!(list.header("cache-control"), Some("no-store"));
    let full = answer(gateway.read(&format!("{path}?limit=2&state=dead"))).await;
    assert_eq!(full.body["nextCursor"], "7");
    answer(gateway.read(&format!("{path}?before=7&state=&limit="))).await;

    let id = || WebhookEndpointId::parse("endpoint-1").expect("an id");
    let usual = DeliveryListQuery {
        organization_id: OrganizationId::parse("organization of u1").expect("an id"),
        filter: DeliveryFilter { endpoint_id: Some(id()), state: None, before: None, limit: 50 },
    };
    let filtered = DeliveryListQuery {
        filter: DeliveryFilter { limit: 2, state: Some(DeliveryState::Dead), ..usual.filter.clone() },
        ..usual.clone()
    };
    let before = EventSequence::from_number(7).map(|place| (place, id()));
    let next =
        DeliveryListQuery { filter: DeliveryFilter { before, ..usual.filter.clone() }, ..usual.clone() };
    assert_eq!(*endpoints.listed.lock().expect("no reader panics"), [usual, filtered, next]);
}

#[tokio::test]
async fn a_parameter_at_fault_is_named() {
    let endpoints = Endpoints::default();
    let gateway = start_registering(&endpoints).await;
    register(&gateway, &json!({ "url": URL })).await;
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
        let answer = answer(gateway.read(&format!("{PATH}/endpoint-1/deliveries?{query}"))).await;
        answer.assert_error(400, "VALIDATION_FAILED");
        let details = answer.body["error"]["details"].as_array().expect("a list");
        let named: Vec<_> = details.iter().filter_map(|detail| detail["field"].as_str()).collect();
        assert_eq!(named, fields, "{query}");
    }
    assert_eq!(*endpoints.listed.lock().expect("no reader panics"), []);
}

/// Every request on an endpoint with this id.
fn requests(id: &str) -> [(&'static str, String); 3] {
    [
        ("DELETE", format!("{PATH}/{id}")),
        ("POST", format!("{PATH}/{id}/secret")),
        ("GET", format!("{PATH}/{id}/deliveries")),
    ]
}

#[tokio::test]
async fn another_organizations_endpoint_is_not_there() {
    let endpoints = Endpoints::default();
    endpoints.registered.lock().expect("fresh").push(anothers("theirs"));
    let gateway = start_registering(&endpoints).await;
    for id in ["theirs", "nobodys", "%00", &"x".repeat(129)] {
        for (method, path) in requests(id) {
            let answer = answer(gateway.asking(method, &path)).await;
            answer.assert_error(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
            assert_eq!(answer.body["error"], "Webhook endpoint not found");
        }
    }
    assert_eq!(endpoints.registered(), [anothers("theirs")]);
}

#[tokio::test]
async fn every_route_takes_a_token_and_its_user() {
    let gateway = start_registering(&Endpoints::default()).await;
    let books = Books { nobody: true, ..Books::default() };
    let nobodys = start_with(World::new(), Options { books, ..Options::default() }).await;
    let lists = [("POST", PATH.to_owned()), ("GET", PATH.to_owned())];
    for (method, path) in requests("endpoint-1").into_iter().chain(lists) {
        let body = json!({ "url": URL }).to_string();
        let bare = gateway.method(method, &path).header("content-type", "application/json");
        answer(bare.body(body.clone())).await.assert_error(401, "UNAUTHORIZED");
        let nobody = nobodys.asking(method, &path).header("content-type", "application/json");
        answer(nobody.body(body)).await.assert_error(404, "USER_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_a_500_whose_cause_is_logged_once() {
    let log = log();
    let gateway = start_registering(&Endpoints { away: true, ..Endpoints::default() }).await;
    let broken = start_registering(&Endpoints { broken: true, ..Endpoints::default() }).await;
    let lists = [("POST", PATH.to_owned()), ("GET", PATH.to_owned())];
    for (n, (method, path)) in requests("endpoint-1").into_iter().chain(lists).enumerate() {
        let (body, id) = (json!({ "url": URL }).to_string(), format!("away-webhooks-{n}"));
        let ask = |gateway: &Running| {
            let request = gateway.asking(method, &path).header("content-type", "application/json");
            request.header("x-request-id", &id).body(body.clone())
        };
        let away = answer(ask(&gateway)).await;
        away.assert_error(500, "SERVICE_UNAVAILABLE");
        assert!(away.header("retry-after").is_some());
        assert!(!away.body.to_string().contains("secret detail"), "{}", away.body);
        let cause = |line: &&Value| line["fields"]["cause"] == "postgres is unavailable: secret detail";
        assert_eq!(log.lines(&id).iter().filter(cause).count(), 1);
        answer(ask(&broken)).await.assert_error(500, "INTERNAL");
    }
}

#[tokio::test]
async fn other_methods_are_405_with_those_that_there_are() {
    let gateway = start_registering(&Endpoints::default()).await;
    for (path, allowed) in [
        (PATH, "GET, POST"),
        ("/api/webhook-endpoints/e1", "DELETE"),
        ("/api/webhook-endpoints/e1/secret", "POST"),
        ("/api/webhook-endpoints/e1/deliveries", "GET"),
        ("/api/calls/events", "GET"),
        ("/api/calls/c1/recording", "GET"),
        ("/api/webhook/elevenlabs/personalization", "POST"),
    ] {
        let answer = answer(gateway.asking("PUT", path)).await;
        answer.assert_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), Some(allowed), "{path}");
    }
}

#[tokio::test]
async fn no_url_and_no_secret_is_logged() {
    let log = log();
    let gateway = start_registering(&Endpoints::default()).await;
    let request = gateway.asking("POST", PATH).header("content-type", "application/json");
    let request = request.header("x-request-id", "private-endpoint");
    let _ = answer(request.body(json!({ "url": URL }).to_string())).await;
    let _ = answer(gateway.asking("POST", &format!("{PATH}/endpoint-1/secret"))).await;
    assert!(!log.lines("private-endpoint").is_empty());
    let text = log.text();
    for secret in ["url-secret", "crm.example", FIRST, SECOND, "whsec_"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
