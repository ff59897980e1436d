//! Pages of other origins, and `HEAD`, which probes and proxies send.

use adapter_http::AllowedOrigins;
use reqwest::Response as Answer;
use serde_json::json;

use crate::running::{Options, PATH, Running, send, start, start_with};
use crate::world::{CALL_ID, World};

const PAGE: &str = "https://crm.example.com";
const EVENTS: &str = "/api/calls/events";

async fn allowing(allowed_origins: AllowedOrigins) -> Running {
    start_with(&World::new(), Options { allowed_origins, ..Options::default() }).await
}

fn listed() -> AllowedOrigins {
    AllowedOrigins::Listed(vec!["http://localhost:3000".to_owned(), PAGE.to_owned()])
}

/// The response to what a browser asks before a page of this origin may send such a request.
async fn preflight(gateway: &Running, path: &str, origin: &str, method: &str, headers: &str) -> Answer {
    let request = gateway.anonymous("OPTIONS", path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    request.header("access-control-request-headers", headers).send().await.expect("a response")
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().expect("ASCII"))
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_send_every_request_of_the_api() {
    let gateway = allowing(listed()).await;
    for (path, method, headers) in [
        (EVENTS, "GET", "authorization,last-event-id"),
        (PATH, "POST", "authorization,content-type,idempotency-key,x-request-id"),
        ("/api/webhook-endpoints/e1", "DELETE", "authorization"),
        ("/api/webhook-endpoints/e1", "PATCH", "authorization,content-type"),
        ("/api/calling-policy", "PUT", "authorization,content-type,if-match"),
        ("/api/calls/c1/recording", "GET", "authorization,accept,range"),
    ] {
        let answer = preflight(&gateway, path, PAGE, method, headers).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(header(&answer, "access-control-allow-origin"), Some(PAGE));
        let methods = header(&answer, "access-control-allow-methods").expect("methods");
        assert!(methods.contains(method), "{methods}");
        let allowed = header(&answer, "access-control-allow-headers").expect("headers");
        assert!(headers.split(',').all(|name| allowed.contains(name)), "{allowed}");
        assert_eq!(header(&answer, "access-control-allow-credentials"), None);
        assert_eq!(header(&answer, "access-control-max-age"), Some("600"));
    }
    // The page reads errors too, and why its token was refused.
    let refused = gateway.anonymous("GET", EVENTS).header("origin", PAGE).bearer_auth("a.b.c");
    let refused = refused.send().await.expect("a response");
    assert_eq!(refused.status(), 401);
    assert_eq!(header(&refused, "access-control-allow-origin"), Some(PAGE));
    let exposed = header(&refused, "access-control-expose-headers").expect("headers");
    for name in ["etag", "www-authenticate", "retry-after", "x-request-id", "idempotent-replayed"] {
        assert!(exposed.contains(name), "{exposed}");
    }
}

#[tokio::test]
async fn other_pages_get_no_permission() {
    let gateway = allowing(listed()).await;
    let unlisted = [
        (PAGE, "TRACE", "authorization", "Access-Control-Request-Method"),
        (PAGE, "POST", "x-secret", "Access-Control-Request-Headers"),
        ("https://evil.example.com", "POST", "authorization", "Origin"),
        ("https://crm.example.com.evil.example", "POST", "authorization", "Origin"),
        ("http://crm.example.com", "POST", "authorization", "Origin"),
        ("null", "POST", "authorization", "Origin"),
    ];
    for (origin, method, headers, field) in unlisted {
        let request = gateway.anonymous("OPTIONS", PATH).header("origin", origin);
        let request = request.header("access-control-request-method", method);
        let response = send(request.header("access-control-request-headers", headers)).await;
        response.assert_error(400, "VALIDATION_FAILED");
        assert_eq!(response.body["error"]["details"][0]["field"], field, "{origin}");
        assert_eq!(response.header("access-control-allow-origin"), None, "{origin}");
        assert!(response.header("x-request-id").is_some());
    }
    let foreign =
        gateway.authorized("GET", "/api/calls/history").header("origin", "https://evil.example.com");
    assert_eq!(send(foreign).await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn cors_is_off_by_default_and_can_allow_every_origin() {
    let off = allowing(AllowedOrigins::None).await;
    let answer = preflight(&off, EVENTS, PAGE, "GET", "authorization").await;
    assert_eq!(answer.status(), 405);
    assert_eq!(header(&answer, "access-control-allow-origin"), None);
    let any = allowing(AllowedOrigins::Any).await;
    let answer = preflight(&any, EVENTS, "https://any.example", "GET", "authorization").await;
    assert_eq!((answer.status().as_u16(), header(&answer, "access-control-allow-origin")), (200, Some("*")));
}

#[tokio::test]
async fn head_gets_the_head_of_get() {
    let gateway = start(&World::new()).await;
    assert_eq!(gateway.place(json!({ "contactId": "c1" })).await.status, 200);
    let call = format!("/api/calls/{CALL_ID}");
    let recording = format!("{call}/recording");
    for path in [
        "/healthz",
        "/readyz",
        "/openapi.yaml",
        "/docs/",
        "/docs/nothing",
        "/api/calls/history",
        "/api/calls/refusals",
        "/api/agents",
        "/api/numbers",
        "/api/contacts",
        "/api/calls/history?limit=x",
        &call,
        &recording,
        "/api/webhook-endpoints",
        "/api/webhook-endpoints/x/deliveries",
    ] {
        let get = gateway.authorized("GET", path).send().await.expect("a response");
        let head = gateway.authorized("HEAD", path).send().await.expect("a response");
        assert_eq!(head.status(), get.status(), "{path}");
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(header(&head, name), header(&get, name), "{path} {name}");
        }
        assert!(head.bytes().await.expect("a response without a body").is_empty(), "{path}");
    }
    let refused = gateway.anonymous("HEAD", "/api/calls/history").send().await.expect("a response");
    assert_eq!((refused.status().as_u16(), header(&refused, "www-authenticate")), (401, Some("Bearer")));
    let no_post = gateway.authorized("POST", "/healthz").send().await.expect("a response");
    assert_eq!((no_post.status().as_u16(), header(&no_post, "allow")), (405, Some("GET, HEAD")));
    let no_head = gateway.authorized("HEAD", PATH).send().await.expect("a response");
    assert_eq!((no_head.status().as_u16(), header(&no_head, "allow")), (405, Some("POST")));
}

/// A user may have 20 streams: a `HEAD` keeps none.
#[tokio::test]
async fn head_opens_no_stream_of_events() {
    let gateway = start(&World::new()).await;
    for _ in 0..25 {
        let head = gateway.authorized("HEAD", EVENTS).send().await.expect("a response");
        assert_eq!(head.status(), 200);
        assert_eq!(header(&head, "content-type"), Some("text/event-stream"));
        assert!(head.bytes().await.expect("it ends").is_empty());
    }
}
