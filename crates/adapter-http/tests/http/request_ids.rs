//! The id of a request, in the response and in the log, and what the log must not contain.

use serde_json::json;

use crate::log::{log, message_is};
use crate::running::{PATH, send, start};
use crate::world::World;

#[tokio::test]
async fn a_valid_id_comes_back_in_every_kind_of_response() {
    let gateway = start(&World::new()).await;
    let longest = "~".repeat(128);
    let requests = [
        gateway.get("/healthz"),
        gateway.get("/nothing"),
        gateway.get(PATH),
        gateway.get("/docs/"),
        gateway.anonymous_post(),
        gateway.post("{"),
        gateway.post(r#"{"contactId":"c1"}"#),
    ];
    for request in requests {
        let response = send(request.header("x-request-id", &longest)).await;
        assert_eq!(response.header("x-request-id"), Some(longest.as_str()), "{}", response.status);
    }
}

#[tokio::test]
async fn a_missing_or_invalid_id_is_replaced() {
    let gateway = start(&World::new()).await;
    let too_long = "x".repeat(129);
    let mut seen = std::collections::HashSet::new();
    for id in [None, Some(""), Some("a b"), Some("a\tb"), Some("é"), Some(too_long.as_str())] {
        let mut request = gateway.get("/healthz");
        if let Some(id) = id {
            request = request.header("x-request-id", id);
        }
        let fresh = send(request).await.header("x-request-id").expect("a valid id").to_owned();
        assert!(fresh.len() == 16 && fresh.bytes().all(|b| b.is_ascii_hexdigit()), "{fresh}");
        assert!(seen.insert(fresh));
    }
}

#[tokio::test]
async fn a_request_has_one_line_with_what_an_operator_needs() {
    let log = log();
    let gateway = start(&World::new()).await;
    let cases = [
        (gateway.post(r#"{"contactId":"c1"}"#), "POST", PATH, 200),
        (gateway.get("/docs/index.css?x=y"), "GET", "/docs/{file:.*}", 200),
        (gateway.get("/secret/path"), "GET", "none", 404),
        (gateway.anonymous("BREW", "/healthz"), "other", "/healthz", 405),
    ];
    for (n, (request, method, route, status)) in cases.into_iter().enumerate() {
        let id = format!("line-{n}");
        assert_eq!(send(request.header("x-request-id", &id)).await.status, status);
        let lines = log.lines(&id);
        let served: Vec<_> = lines.iter().filter(|line| message_is(line, "request served")).collect();
        assert_eq!(served.len(), 1, "{lines:?}");
        let (span, fields) = (&served[0]["spans"][0], &served[0]["fields"]);
        assert_eq!((span["http.method"].as_str(), span["http.route"].as_str()), (Some(method), Some(route)));
        assert_eq!(fields["http.status"], status);
        assert!(fields["duration_ms"].is_u64());
    }
}

#[tokio::test]
async fn nothing_of_the_client_is_logged() {
    let log = log();
    let gateway = start(&World::new()).await;
    let body = json!({ "phoneNumber": "+14165550147", "callReason": "a very private reason" }).to_string();
    let requests = [
        gateway.post(body.clone()),
        gateway.post(body.replace("+14165550147", "+1416555014799999999")),
        gateway.post(body[..body.len() - 1].to_owned()),
    ];
    for request in requests {
        let _ = send(request.query(&[("token", "query-secret")]).header("x-request-id", "private")).await;
    }
    let refused = gateway.anonymous_post().bearer_auth("token-secret.b.c").header("x-request-id", "private");
    assert_eq!(send(refused).await.status, 401);
    log.assert_private("private", &["4165550147", "very private", "query-secret", "token-secret"]);
}
