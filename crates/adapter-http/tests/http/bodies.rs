//! Bodies: size, time, type, and what is not the expected JSON.

use std::time::Duration;

use adapter_http::REQUEST_BODY_LIMIT;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::running::{Options, PATH, Running, read_to_close, send, start, start_with};
use crate::world::World;

/// A request for a call, padded to this many bytes.
fn padded(len: usize) -> String {
    let frame = json!({ "contactId": "c1", "padding": "" }).to_string().len();
    json!({ "contactId": "c1", "padding": "x".repeat(len - frame) }).to_string()
}

/// Asserts that this body is refused with this message.
async fn assert_refused(gateway: &Running, body: impl Into<reqwest::Body>, message: &str) {
    let response = send(gateway.post(body)).await;
    response.assert_error(400, "VALIDATION_FAILED");
    assert_eq!(response.body["error"]["details"][0]["message"], message);
}

#[tokio::test]
async fn a_body_may_be_64_kib_and_not_a_byte_more() {
    let gateway = start(&World::new()).await;
    assert_eq!(send(gateway.post(padded(REQUEST_BODY_LIMIT))).await.status, 200);
    assert_refused(&gateway, padded(REQUEST_BODY_LIMIT + 1), "the body is larger than 64 KiB").await;
    assert_refused(&gateway, padded(8 * REQUEST_BODY_LIMIT), "the body is larger than 64 KiB").await;
}

#[tokio::test]
async fn the_limit_applies_to_a_body_without_a_declared_length() {
    let gateway = start(&World::new()).await;
    let chunks = || futures_util::stream::iter((0..80).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024])));
    assert_refused(&gateway, reqwest::Body::wrap_stream(chunks()), "the body is larger than 64 KiB").await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_refused() {
    let options = Options { body_timeout: Duration::from_millis(100), ..Options::default() };
    let gateway = start_with(&World::new(), options).await;
    let mut stream = gateway.raw_head("Content-Length: 100\r\nConnection: close\r\n").await;
    stream.write_all(b"{\"contactId\":").await.expect("a part of the body is sent");
    let received = read_to_close(stream).await;
    assert!(received.starts_with("HTTP/1.1 400 "), "{received}");
    assert!(
        received.contains("VALIDATION_FAILED") && received.contains("did not arrive in time"),
        "{received}"
    );
}

#[tokio::test]
async fn only_json_is_read() {
    let gateway = start(&World::new()).await;
    let body = json!({ "contactId": "c1" }).to_string();
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"] {
        let request =
            gateway.authorized("POST", PATH).header("content-type", content_type).body(body.clone());
        assert_eq!(send(request).await.status, 200, "{content_type}");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ""] {
        let request =
            gateway.authorized("POST", PATH).header("content-type", content_type).body(body.clone());
        send(request).await.assert_error(400, "VALIDATION_FAILED");
    }
    send(gateway.authorized("POST", PATH).body(body)).await.assert_error(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_without_being_quoted() {
    let gateway = start(&World::new()).await;
    let bodies: [&[u8]; 8] = [
        b"",
        b"hunter2",
        b"[\"hunter2\"]",
        b"{\"contactId\":hunter2}",
        b"{\"contactId\":\"hunter2\xff\"}",
        br#"{"contactId":"hunter2","contactId":"hunter2"}"#,
        br#"{"contactId":"hunter2\u0000"}"#,
        br#"{"contactId":["hunter2"]}"#,
    ];
    for body in bodies {
        let response = send(gateway.post(body)).await;
        response.assert_error(400, "VALIDATION_FAILED");
        assert!(!response.body.to_string().contains("hunter2"), "{}", response.body);
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped() {
    let gateway = start(&World::new()).await;
    let body = json!({ "contactId": "c1" }).to_string();
    assert_eq!(send(gateway.post(format!("\u{feff}{body}"))).await.status, 200);
    let message = "the body is not valid JSON, or is nested too deeply";
    assert_refused(&gateway, format!("\u{feff}\u{feff}{body}"), message).await;
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_its_header() {
    let gateway = start(&World::new()).await;
    let body = json!({ "contactId": "c1" }).to_string();
    let request = |encoding: &str| gateway.post(body.clone()).header("content-encoding", encoding);
    for encoding in ["gzip", "br", "identity, gzip", ""] {
        let response = send(request(encoding)).await;
        response.assert_error(400, "VALIDATION_FAILED");
        let detail = &response.body["error"]["details"][0];
        assert_eq!(detail["field"], "Content-Encoding", "{encoding}");
    }
    assert_eq!(send(request("Identity")).await.status, 200);
}

#[tokio::test]
async fn an_invalid_field_is_named() {
    let gateway = start(&World::new()).await;
    let response = gateway.place(json!({ "contactId": "c1", "callReason": 7 })).await;
    response.assert_error(400, "VALIDATION_FAILED");
    assert_eq!(
        response.body["error"]["details"],
        json!([{ "field": "callReason", "message": "must be a string" }])
    );
}

/// A refusal says what is wrong, and quotes neither a name nor a value of the client.
#[tokio::test]
async fn variables_and_metadata_that_are_not_accepted_are_refused() {
    let gateway = start(&World::new()).await;
    let (variables, metadata) = ("dynamicVariables", "metadata");
    let long = format!(r#""{}""#, "x".repeat(4095));
    let many: Vec<String> = (0..33).map(|number| format!(r#""hidden{number}":1"#)).collect();
    let many = format!("{{{}}}", many.join(","));
    let huge = format!(r#"{{"hidden":"{}"}}"#, "x".repeat(8192));
    for (field, value, problem) in [
        (variables, r#""hidden""#, "must be an object"),
        (variables, r#"["hidden",1]"#, "must be an object"),
        (variables, r#"{"hidden":null}"#, "must have strings, numbers and booleans only"),
        (variables, r#"{"hidden":["hidden"]}"#, "must have strings, numbers and booleans only"),
        (variables, r#"{"hidden":1,"hidden":2}"#, "has a variable twice"),
        (variables, r#"{"system__hidden":1}"#, "has a reserved name"),
        (variables, r#"{"org_name":"hidden"}"#, "has a reserved name"),
        (variables, r#"{"a hidden":1}"#, "has an invalid name"),
        (variables, &many, "must have at most 32 variables"),
        (variables, &huge, "must have at most 8192 bytes"),
        (metadata, &long, "must be at most 4096 bytes long"),
    ] {
        let response = send(gateway.post(format!(r#"{{"contactId":"c1","{field}":{value}}}"#))).await;
        response.assert_error(400, "VALIDATION_FAILED");
        let detail = &response.body["error"]["details"][0];
        assert_eq!(detail["field"], field, "{value}");
        let message = detail["message"].as_str().expect("a text");
        assert!(message.starts_with(problem), "{value}: {message}");
        let shown = response.body.to_string();
        assert!(!shown.contains("hidden"), "{shown}");
    }
}

#[tokio::test]
async fn null_variables_and_null_metadata_count_as_absent() {
    let gateway = start(&World::new()).await;
    let none = json!({ "contactId": "c1", "dynamicVariables": null, "metadata": null });
    let response = gateway.place(none).await;
    assert_eq!((response.status, response.body.get("ignoredFields")), (200, None), "{}", response.body);
}

#[tokio::test]
async fn a_nesting_bomb_is_refused() {
    let gateway = start(&World::new()).await;
    let bomb = format!("{{\"contactId\":\"c1\",\"x\":{}", "[".repeat(60_000));
    assert_refused(&gateway, bomb, "the body is not valid JSON, or is nested too deeply").await;
}

/// The contract allows unknown fields. The response names them, so that a client sees that a field
/// that it relies on has no effect.
#[tokio::test]
async fn unknown_fields_are_ignored_and_named() {
    let gateway = start(&World::new()).await;
    let body =
        json!({ "contactId": "c1", "Metadata_": { "a": [1, null] }, "userId": "u2", "contactid": "c2" });
    let request = || {
        let request = gateway.authorized("POST", &format!("{PATH}?agentId=a2&userId=u2"));
        request.header("content-type", "application/json").body(body.to_string())
    };
    // Also a duplicate gets them.
    for deduplicated in [false, true] {
        let response = send(request()).await;
        assert_eq!((response.status, &response.body["deduplicated"]), (200, &json!(deduplicated)));
        let ignored = json!(["Metadata_", "contactid", "userId", "agentId"]);
        assert_eq!(response.body["ignoredFields"], ignored);
    }
    let response = gateway.place(json!({ "contactId": "c1" })).await;
    assert_eq!((response.status, response.body.get("ignoredFields")), (200, None));
}

#[tokio::test]
async fn of_many_unknown_fields_some_are_named() {
    let gateway = start(&World::new()).await;
    let mut body: serde_json::Map<_, _> =
        (10..40).map(|n| (format!("{n}{}", "\u{e9}".repeat(100)), json!(n))).collect();
    body.insert("contactId".to_owned(), json!("c1"));
    let response = gateway.place(serde_json::Value::Object(body)).await;
    let ignored = response.body["ignoredFields"].as_array().expect("a list").clone();
    assert_eq!(ignored.len(), 20);
    assert_eq!(ignored[0], format!("10{}", "\u{e9}".repeat(62)));
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_by_its_name() {
    let gateway = start(&World::new()).await;
    for (method, path) in [
        ("GET", "/api/calls/history"),
        ("GET", "/api/calls/events"),
        ("GET", "/api/calls/refusals"),
        ("GET", "/api/calls/c1"),
        ("GET", "/api/calls/c1/recording"),
        ("GET", "/api/agents"),
        ("GET", "/api/numbers"),
        ("GET", "/api/contacts"),
        ("GET", "/api/webhook-endpoints"),
        ("POST", "/api/webhook-endpoints"),
        ("PATCH", "/api/webhook-endpoints/e1"),
        ("DELETE", "/api/webhook-endpoints/e1"),
        ("POST", "/api/webhook-endpoints/e1/test"),
        ("POST", "/api/webhook-endpoints/e1/secret"),
        ("GET", "/api/webhook-endpoints/e1/deliveries"),
    ] {
        // A parameter of another path, one of a path, and another spelling.
        let request = gateway.authorized(method, &format!("{path}?state_=x&callId=c1&Limit=7"));
        let response = send(request.header("content-type", "application/json").body("{}")).await;
        response.assert_invalid(&["state_", "callId", "Limit"], path);
        let message = &response.body["error"]["details"][0]["message"];
        assert_eq!(message, "is not a parameter of this path");
    }
    // The token first.
    let anonymous = gateway.anonymous("GET", "/api/calls/history?x=1");
    send(anonymous).await.assert_error(401, "UNAUTHORIZED");
    // A probe may add a parameter, and so may the vendor.
    assert_eq!(send(gateway.anonymous("GET", "/healthz?t=1")).await.status, 200);
}

#[tokio::test]
async fn a_request_without_fields_has_none() {
    let gateway = start(&World::new()).await;
    let path = "/api/webhook-endpoints/e1/secret";
    for body in ["", "{}", " {} "] {
        let response = send(gateway.json("POST", path, body.to_owned())).await;
        response.assert_error(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
    }
    let response = send(gateway.json("POST", path, r#"{"secret":"hunter2"}"#.to_owned())).await;
    response.assert_invalid(&["secret"], path);
}
