//! The id of a request, in the response and in the log; and what the log does not say.

use serde_json::json;

use crate::log::{log, message_is};
use crate::running::{PATH, answer, start};
use crate::world::World;

#[tokio::test]
async fn a_sane_id_comes_back_on_every_kind_of_answer() {
    let gateway = start(World::new()).await;
    let longest = "~".repeat(128);
    let requests = [
        gateway.get("/healthz"),
        gateway.get("/nothing"),
        gateway.get(PATH),
        gateway.get("/docs/"),
        gateway.bare_post(),
        gateway.post("{"),
        gateway.post(r#"{"contactId":"c1"}"#),
    ];
    for request in requests {
        let answer = answer(request.header("x-request-id", &longest)).await;
        assert_eq!(answer.header("x-request-id"), Some(longest.as_str()), "{}", answer.status);
    }
}

#[tokio::test]
async fn an_id_that_is_missing_or_not_sane_is_replaced() {
    let gateway = start(World::new()).await;
    let too_long = "x".repeat(129);
    let mut seen = std::collections::HashSet::new();
    for id in [None, Some(""), Some("a b"), Some("a\tb"), Some("é"), Some(too_long.as_str())] {
        let mut request = gateway.get("/healthz");
        if let Some(id) = id {
            request = request.header("x-request-id", id);
        }
        let fresh = answer(request).await.header("x-request-id").expect("an id").to_owned();
        assert!(fresh.len() == 16 && fresh.bytes().all(|b| b.is_ascii_hexdigit()), "{fresh}");
        assert!(seen.insert(fresh));
    }
}

#[tokio::test]
async fn a_request_has_one_line_with_what_an_operator_needs() {
    let log = log();
    let gateway = start(World::new()).await;
    let cases = [
        (gateway.post(r#"{"contactId":"c1"}"#), "POST", PATH, 200),
        (gateway.get("/docs/index.css?x=y"), "GET", "/docs/{file:.*}", 200),
        (gateway.get("/secret/path"), "GET", "none", 404),
        (gateway.method("BREW", "/healthz"), "other", "/healthz", 405),
    ];
    for (n, (request, method, route, status)) in cases.into_iter().enumerate() {
        let id = format!("line-{n}");
        assert_eq!(answer(request.header("x-request-id", &id)).await.status, status);
        let lines = log.lines(&id);
        let answered: Vec<_> = lines.iter().filter(|line| message_is(line, "request served")).collect();
        assert_eq!(answered.len(), 1, "{lines:?}");
        let (span, fields) = (&answered[0]["spans"][0], &answered[0]["fields"]);
        assert_eq!((span["http.method"].as_str(), span["http.route"].as_str()), (Some(method), Some(route)));
        assert_eq!(fields["http.status"], status);
        assert!(fields["duration_ms"].is_u64());
    }
}

#[tokio::test]
async fn the_cause_of_a_500_is_logged_once_with_its_request() {
    let log = log();
    let away = domain::ports::PortUnavailable::new("redis", "connection refused");
    let gateway = start(World { lock: Err(away), ..World::new() }).await;
    let request = gateway.post(r#"{"contactId":"c1"}"#).header("x-request-id", "cause");
    answer(request).await.assert_error(500, "SERVICE_UNAVAILABLE");
    let causes = log.lines("cause");
    let causes =
        causes.iter().filter(|line| line["fields"]["cause"] == "redis is unavailable: connection refused");
    assert_eq!(causes.count(), 1);
}

#[tokio::test]
async fn nothing_of_the_client_is_logged() {
    let log = log();
    let gateway = start(World::new()).await;
    let body = json!({ "phoneNumber": "+14165550147", "callReason": "a very private reason" }).to_string();
    let requests = [
        gateway.post(body.clone()),
        gateway.post(body.replace("+14165550147", "+1416555014799999999")),
        gateway.post(body[..body.len() - 1].to_owned()),
    ];
    for request in requests {
        let _ = answer(request.query(&[("token", "query-secret")]).header("x-request-id", "private")).await;
    }
    let refused = gateway.bare_post().bearer_auth("token-secret.b.c").header("x-request-id", "private");
    assert_eq!(answer(refused).await.status, 401);
    assert!(!log.lines("private").is_empty());
    let text = log.text();
    for secret in ["4165550147", "very private", "query-secret", "token-secret"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
