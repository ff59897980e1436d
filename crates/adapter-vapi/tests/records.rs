//! The requests for records, and unclear responses to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapter_vapi::VapiRecords;
use domain::ports::{PortUnavailable, ProviderLookup, ProviderRecords, VendorFailure};
use domain::{CallId, CallStatus, CallUpdate, ConversationId, ProviderAgentId, Timestamp, UpdateContent};
use serde_json::{Value, json};
use testkit::peer::Peer;

#[path = "support/dialling.rs"]
#[expect(dead_code, reason = "these tests do not dial")]
mod dialling;

use dialling::{API_KEY, settings};

const CALL_ID: &str = "665000000707070707070707";

/// The length of a full list.
const PAGE_LEN: usize = 100;

/// Sends one response to each connection, and the last one to all further connections.
async fn responding(responses: Vec<String>) -> Peer {
    let next = Arc::new(AtomicUsize::new(0));
    let responses = Arc::new(responses);
    Peer::start(move |mut connection| {
        let response = responses[next.fetch_add(1, Ordering::Relaxed).min(responses.len() - 1)].clone();
        async move {
            connection.read_request().await;
            connection.write(response.as_bytes()).await;
        }
    })
    .await
}

fn response(status: u16, body: impl ToString) -> String {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 {status} S\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn record(id: &str, name: &str) -> Value {
    json!({
        "id": id, "name": name, "customer": { "number": "+14165550100", "externalId": name }, "status": "ended",
        "endedReason": "customer-ended-call",
    })
}

fn not_recorded() -> String {
    response(404, r#"{"message":"m","error":"Not Found","statusCode":404}"#)
}

fn listed(records: &[Value]) -> String {
    response(200, json!(records))
}

/// A list that may lack calls.
fn full_list() -> String {
    listed(&vec![record("call-0", "another"); PAGE_LEN])
}

async fn find(peer: &Peer, conversation: Option<&str>) -> Result<Option<CallUpdate>, PortUnavailable> {
    let records = VapiRecords::new(&settings(&peer.base_url()));
    let lookup = ProviderLookup {
        call_id: CallId::parse(CALL_ID).expect("an id"),
        conversation_id: conversation.map(|id| ConversationId::parse(id).expect("an id")),
        provider_agent_id: ProviderAgentId::parse("assistant 1").ok(),
        booked_at: Timestamp::from_unix_millis(1_739_537_297_999),
    };
    records.expect("valid settings").find(&lookup).await
}

fn request_lines(peer: &Peer) -> Vec<String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let first = |request: String| request.lines().next().expect("a line").to_owned();
    peer.received().into_iter().map(text).map(first).collect()
}

/// The request line for the calls that were created between these times of one day.
fn list_between(after: &str, before: &str) -> String {
    let time = |time: &str| format!("2025-02-14T{}Z", time.replace(':', "%3A"));
    let (after, before) = (time(after), time(before));
    format!(
        "GET /call?assistantId=assistant+1&createdAtGt={after}&createdAtLt={before}&limit={PAGE_LEN} HTTP/1.1"
    )
}

#[tokio::test]
async fn a_record_is_requested_by_its_id_and_nothing_else_is() {
    let peer = responding(vec![response(200, record("call-1", "another"))]).await;
    let update = find(&peer, Some("call-1")).await.expect("a response").expect("a record");
    let UpdateContent::Conversation(content) = update.content else { panic!("expected a conversation") };
    assert_eq!(content.status, CallStatus::Completed);
    assert_eq!(request_lines(&peer), ["GET /call/call-1 HTTP/1.1"]);
    let sent = String::from_utf8(peer.received().remove(0)).expect("text");
    assert!(sent.contains(&format!("authorization: Bearer {API_KEY}\r\n")), "{sent}");

    let odd = "../assistant?x=1#y/é";
    let peer = responding(vec![response(200, record(odd, "another"))]).await;
    assert!(find(&peer, Some(odd)).await.expect("a response").is_some());
    assert_eq!(request_lines(&peer), ["GET /call/..%2Fassistant%3Fx=1%23y%2F%C3%A9 HTTP/1.1"]);
}

#[tokio::test]
async fn a_call_is_searched_by_our_id_around_its_booking() {
    let around = list_between("12:33:17", "13:03:17");
    let found = listed(&[record("call-2", "another"), record("call-1", CALL_ID), json!({})]);
    let peer = responding(vec![not_recorded(), found]).await;
    let update = find(&peer, Some("call-0")).await.expect("a response").expect("a record");
    assert_eq!(update.conversation_id, ConversationId::parse("call-1").ok());
    assert_eq!(request_lines(&peer), ["GET /call/call-0 HTTP/1.1", &around]);
    // A list that is not full has all calls.
    for others in [0, PAGE_LEN - 1] {
        let peer = responding(vec![listed(&vec![record("call-2", "another"); others])]).await;
        assert_eq!(find(&peer, None).await, Ok(None));
        assert_eq!(request_lines(&peer), [around.as_str()]);
    }
}

#[tokio::test]
async fn a_full_list_is_requested_again_in_halves() {
    let peer = responding(vec![full_list(), listed(&[]), listed(&[record("call-1", CALL_ID)])]).await;
    assert!(find(&peer, None).await.expect("a response").is_some());
    assert_eq!(
        request_lines(&peer),
        [
            list_between("12:33:17", "13:03:17"),
            list_between("12:33:17", "12:48:18"),
            list_between("12:48:17", "13:03:17"),
        ]
    );
    let mut with_ours = vec![record("call-0", "another"); PAGE_LEN];
    with_ours[PAGE_LEN / 2] = record("call-1", CALL_ID);
    let peer = responding(vec![listed(&with_ours)]).await;
    assert!(find(&peer, None).await.expect("a response").is_some(), "the full list has our call");
}

/// The responses if the list is full for every window that was halved fewer than `times` times.
fn halved(times: u32) -> Vec<String> {
    if times == 0 {
        return vec![listed(&[])];
    }
    let halves = halved(times - 1);
    [vec![full_list()], halves.clone(), halves].concat()
}

#[tokio::test]
async fn a_search_whose_lists_stay_full_is_given_up() {
    let peer = responding(halved(4)).await;
    assert_eq!(find(&peer, None).await, Ok(None));
    assert_eq!(peer.received().len(), 31);
    let peer = responding(halved(5)).await;
    assert!(find(&peer, None).await.is_err(), "some calls were not read");
    assert_eq!(peer.received().len(), 32);
    let peer = responding(vec![full_list()]).await;
    assert!(find(&peer, None).await.is_err(), "one second cannot be halved");
    assert!(peer.received().len() < 32);
}

#[tokio::test]
async fn a_request_is_sent_twice_at_most() {
    let peer = responding(vec![response(503, "{}"), response(200, record("call-1", CALL_ID))]).await;
    assert!(find(&peer, Some("call-1")).await.expect("a response").is_some());
    assert_eq!(peer.received().len(), 2);
    for (repeated, count) in [(response(503, "{}"), 2), (String::new(), 2), (response(429, "{}"), 1)] {
        let peer = responding(vec![repeated]).await;
        assert!(find(&peer, Some("call-1")).await.is_err());
        assert_eq!(peer.received().len(), count);
    }
}

#[tokio::test]
async fn a_response_that_is_not_the_record_is_an_error() {
    let long = "x".repeat(17 << 20);
    for unclear in [
        response(404, r#"{"message":"m","error":"Not Found"}"#),
        response(404, "<html></html>"),
        response(200, "{}"),
        response(200, json!([record("call-1", CALL_ID)])),
        response(200, record("call-2", CALL_ID)),
        response(200, json!({ "id": "call-1", "name": CALL_ID })),
        response(203, record("call-1", CALL_ID)),
        response(301, "{}").replace("content-type", "location: /\r\ncontent-type"),
        response(200, format!("{{\"id\":\"call-1\",\"status\":\"ended\",\"x\":\"{long}\"}}")),
        // With a wrong base URL the list is missing too.
        not_recorded(),
    ] {
        let peer = responding(vec![unclear.clone()]).await;
        let error = find(&peer, Some("call-1")).await.expect_err(&unclear[..80.min(unclear.len())]);
        assert_eq!(error.service(), "vapi");
    }
}

#[tokio::test]
async fn a_list_that_does_not_identify_our_call_is_an_error() {
    let ours = record("call-1", CALL_ID);
    let with = |key: &str, value: Value| {
        let mut record = ours.clone();
        record[key] = value;
        record
    };
    for unclear in [
        listed(&[ours.clone(), record("call-2", CALL_ID)]),
        listed(&[with("name", json!("another"))]),
        listed(&[with("customer", json!({ "externalId": "another" }))]),
        listed(&[with("status", json!(null))]),
        listed(&[with("id", json!(7))]),
        listed(&[ours.clone(), json!("no record")]),
        // Items of another API.
        listed(&[json!({})]),
        listed(&[record("call-2", "another"), json!({ "name": "another" })]),
        response(200, json!({ "results": [ours] })),
        response(200, "null"),
        response(201, "[]"),
    ] {
        let peer = responding(vec![unclear.clone()]).await;
        assert!(find(&peer, None).await.is_err(), "{unclear}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere() {
    let elsewhere = responding(vec![listed(&[])]).await;
    let to = format!("location: {}/call\r\ncontent-type", elsewhere.base_url());
    for status in [301, 302, 303, 307, 308] {
        let peer = responding(vec![response(status, "[]").replace("content-type", &to)]).await;
        assert!(find(&peer, None).await.is_err(), "{status}");
        assert_eq!(peer.received().len(), 1);
    }
    assert!(elsewhere.received().is_empty(), "the redirect was followed");
}

#[tokio::test]
async fn errors_and_debug_show_no_secret() {
    let quoted =
        response(403, r#"{"message":"+14165550100","error":"0b5e4f6a-a-private-key","statusCode":403}"#);
    let peer = responding(vec![quoted]).await;
    let error = find(&peer, None).await.expect_err("a refusal");
    let records = VapiRecords::new(&settings("http://127.0.0.1:1")).expect("valid settings");
    let shown = format!("{error} {error:?} {records:?}");
    for secret in ["4165550100", API_KEY, CALL_ID] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

#[tokio::test]
async fn a_key_is_checked_without_a_change() {
    let refused = || json!({ "message": API_KEY, "statusCode": 401 });
    for (status, body, expected) in [
        (200, json!([]), "ok"),
        (200, json!([record("call-1", "another")]), "ok"),
        (401, refused(), "the key is not accepted"),
        (403, refused(), "the key has no permission for this"),
        (429, refused(), "too many requests were sent: try again in a minute"),
        (500, refused(), "vapi is unavailable: the response has status 500"),
        (200, json!({}), "vapi is unavailable: the response is not a list of calls"),
    ] {
        let peer = responding(vec![response(status, body)]).await;
        let records = VapiRecords::new(&settings(&peer.base_url())).expect("valid settings");
        let checked = records.check_key().await;
        let shown = checked.as_ref().map_or_else(VendorFailure::to_string, |()| "ok".to_owned());
        assert_eq!(shown, expected, "{status}");
        assert!(peer.requests().iter().all(|request| request.method == "GET"), "{status}");
    }
}
