//! What is asked of the provider's records, and what is made of answers that are not clear.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapter_vapi::VapiRecords;
use domain::ports::{PortUnavailable, ProviderLookup, ProviderRecords};
use domain::{CallId, CallStatus, CallUpdate, ConversationId, ProviderAgentId, Timestamp, UpdateContent};
use serde_json::{Value, json};
use testkit::peer::Peer;

#[path = "support/dialling.rs"]
#[expect(dead_code, reason = "nothing is dialled here")]
mod dialling;

use dialling::{API_KEY, settings};

const CALL_ID: &str = "665000000707070707070707";

/// How many calls are listed at most.
const PAGE: usize = 100;

/// Answers one connection after another, and the last of these for ever.
async fn answering(answers: Vec<String>) -> Peer {
    let next = Arc::new(AtomicUsize::new(0));
    let answers = Arc::new(answers);
    Peer::start(move |mut connection| {
        let answer = answers[next.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1)].clone();
        async move {
            connection.read_request().await;
            connection.write(answer.as_bytes()).await;
        }
    })
    .await
}

fn answer(status: u16, body: impl ToString) -> String {
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
    answer(404, r#"{"message":"m","error":"Not Found","statusCode":404}"#)
}

fn listed(records: &[Value]) -> String {
    answer(200, json!(records))
}

/// A list that may have left something out.
fn full() -> String {
    listed(&vec![record("call-0", "another"); PAGE])
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

/// The first line of each request.
fn lines(peer: &Peer) -> Vec<String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let first = |request: String| request.lines().next().expect("a line").to_owned();
    peer.received().into_iter().map(text).map(first).collect()
}

/// The first line of a question for the calls that were made between these times of one day.
fn list_between(after: &str, before: &str) -> String {
    let time = |time: &str| format!("2025-02-14T{}Z", time.replace(':', "%3A"));
    let (after, before) = (time(after), time(before));
    format!(
        "GET /call?assistantId=assistant+1&createdAtGt={after}&createdAtLt={before}&limit={PAGE} HTTP/1.1"
    )
}

#[tokio::test]
async fn a_call_is_asked_for_by_its_id_and_nothing_else_is() {
    let peer = answering(vec![answer(200, record("call-1", "another"))]).await;
    let update = find(&peer, Some("call-1")).await.expect("an answer").expect("a record");
    let UpdateContent::Conversation(content) = update.content else { panic!("it is a conversation") };
    assert_eq!(content.status, CallStatus::Completed);
    assert_eq!(lines(&peer), ["GET /call/call-1 HTTP/1.1"]);
    let sent = String::from_utf8(peer.received().remove(0)).expect("text");
    assert!(sent.contains(&format!("authorization: Bearer {API_KEY}\r\n")), "{sent}");

    let odd = "../assistant?x=1#y/é";
    let peer = answering(vec![answer(200, record(odd, "another"))]).await;
    assert!(find(&peer, Some(odd)).await.expect("an answer").is_some());
    assert_eq!(lines(&peer), ["GET /call/..%2Fassistant%3Fx=1%23y%2F%C3%A9 HTTP/1.1"]);
}

#[tokio::test]
async fn a_call_is_looked_for_by_our_id_around_its_booking() {
    let around = list_between("12:33:17", "13:03:17");
    let found = listed(&[record("call-2", "another"), record("call-1", CALL_ID), json!({})]);
    let peer = answering(vec![not_recorded(), found]).await;
    let update = find(&peer, Some("call-0")).await.expect("an answer").expect("a record");
    assert_eq!(update.conversation_id, ConversationId::parse("call-1").ok());
    assert_eq!(lines(&peer), ["GET /call/call-0 HTTP/1.1", &around]);
    // One fewer than are listed at most: there are no others.
    for others in [0, PAGE - 1] {
        let peer = answering(vec![listed(&vec![record("call-2", "another"); others])]).await;
        assert_eq!(find(&peer, None).await, Ok(None));
        assert_eq!(lines(&peer), [around.as_str()]);
    }
}

#[tokio::test]
async fn a_full_list_is_asked_for_again_in_halves() {
    let peer = answering(vec![full(), listed(&[]), listed(&[record("call-1", CALL_ID)])]).await;
    assert!(find(&peer, None).await.expect("an answer").is_some());
    assert_eq!(
        lines(&peer),
        [
            list_between("12:33:17", "13:03:17"),
            list_between("12:33:17", "12:48:18"),
            list_between("12:48:17", "13:03:17"),
        ]
    );
    let mut with_ours = vec![record("call-0", "another"); PAGE];
    with_ours[PAGE / 2] = record("call-1", CALL_ID);
    let peer = answering(vec![listed(&with_ours)]).await;
    assert!(find(&peer, None).await.expect("an answer").is_some(), "what is found need not be looked for");
}

/// Which answers are full if the lists are so of every window that was halved fewer times.
fn halved(times: u32) -> Vec<String> {
    if times == 0 {
        return vec![listed(&[])];
    }
    let halves = halved(times - 1);
    [vec![full()], halves.clone(), halves].concat()
}

#[tokio::test]
async fn lists_that_stay_full_are_given_up() {
    let peer = answering(halved(4)).await;
    assert_eq!(find(&peer, None).await, Ok(None));
    assert_eq!(peer.received().len(), 31);
    let peer = answering(halved(5)).await;
    assert!(find(&peer, None).await.is_err(), "not everything was looked through");
    assert_eq!(peer.received().len(), 32);
    let peer = answering(vec![full()]).await;
    assert!(find(&peer, None).await.is_err(), "a second cannot be halved");
    assert!(peer.received().len() < 32);
}

#[tokio::test]
async fn a_question_is_asked_twice_at_most() {
    let peer = answering(vec![answer(503, "{}"), answer(200, record("call-1", CALL_ID))]).await;
    assert!(find(&peer, Some("call-1")).await.expect("an answer").is_some());
    assert_eq!(peer.received().len(), 2);
    for (again, count) in [(answer(503, "{}"), 2), (String::new(), 2), (answer(429, "{}"), 1)] {
        let peer = answering(vec![again]).await;
        assert!(find(&peer, Some("call-1")).await.is_err());
        assert_eq!(peer.received().len(), count);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_record_is_none() {
    let long = "x".repeat(17 << 20);
    for unclear in [
        answer(404, r#"{"message":"m","error":"Not Found"}"#),
        answer(404, "<html></html>"),
        answer(200, "{}"),
        answer(200, json!([record("call-1", CALL_ID)])),
        answer(200, record("call-2", CALL_ID)),
        answer(200, json!({ "id": "call-1", "name": CALL_ID })),
        answer(203, record("call-1", CALL_ID)),
        answer(301, "{}").replace("content-type", "location: /\r\ncontent-type"),
        answer(200, format!("{{\"id\":\"call-1\",\"status\":\"ended\",\"x\":\"{long}\"}}")),
        // A base that has nothing below it: no list either.
        not_recorded(),
    ] {
        let peer = answering(vec![unclear.clone()]).await;
        let error = find(&peer, Some("call-1")).await.expect_err(&unclear[..80.min(unclear.len())]);
        assert_eq!(error.service(), "vapi");
    }
}

#[tokio::test]
async fn a_list_that_does_not_say_which_call_is_ours_is_none() {
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
        answer(200, json!({ "results": [ours] })),
        answer(200, "null"),
        answer(201, "[]"),
    ] {
        let peer = answering(vec![unclear.clone()]).await;
        assert!(find(&peer, None).await.is_err(), "{unclear}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere() {
    let elsewhere = answering(vec![listed(&[])]).await;
    let to = format!("location: {}/call\r\ncontent-type", elsewhere.base_url());
    for status in [301, 302, 303, 307, 308] {
        let peer = answering(vec![answer(status, "[]").replace("content-type", &to)]).await;
        assert!(find(&peer, None).await.is_err(), "{status}");
        assert_eq!(peer.received().len(), 1);
    }
    assert!(elsewhere.received().is_empty(), "the redirect was followed");
}

#[tokio::test]
async fn errors_and_debug_show_no_secret() {
    let quoted =
        answer(403, r#"{"message":"+14165550100","error":"0b5e4f6a-a-private-key","statusCode":403}"#);
    let peer = answering(vec![quoted]).await;
    let error = find(&peer, None).await.expect_err("a refusal");
    let records = VapiRecords::new(&settings("http://127.0.0.1:1")).expect("valid settings");
    let shown = format!("{error} {error:?} {records:?}");
    for secret in ["4165550100", API_KEY, CALL_ID] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}
