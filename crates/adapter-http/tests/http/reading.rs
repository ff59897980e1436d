//! Reading one call.

use domain::{
    CallFailure, CallProgress, CallRecord, CallStatus, CarrierCallId, ConversationId, ConversationRecord,
    NotConnectedReason, OrganizationId, PrivateNote, Speaker, Timestamp, TranscriptLine,
};
use serde_json::{Value, json};

use crate::books::{Asked, Books, booked};
use crate::log::log;
use crate::running::{Answer, Options, Running, answer, start_with};
use crate::world::{CALL_ID, World, call_id};

fn path() -> String {
    format!("/api/calls/{CALL_ID}")
}

async fn start_reading(books: Books) -> Running {
    start_with(World::new(), Options { books, ..Options::default() }).await
}

async fn read(books: Books) -> Answer {
    answer(start_reading(books).await.read(&path())).await
}

fn note(text: &str) -> PrivateNote {
    PrivateNote::parse(text).expect("text")
}

fn conversation(status: CallStatus) -> ConversationRecord {
    let turn = |at_secs, speaker, text| TranscriptLine { at_secs, speaker, text: note(text) };
    ConversationRecord {
        status,
        duration_secs: Some(154),
        transcript: vec![
            turn(8, Speaker::Agent, "Hello Ada."),
            turn(12, Speaker::Callee, "It is about the \"tumour\"."),
        ],
        started_at: Some(Timestamp::from_unix_millis(1_772_442_600_000)),
        answered_at: Some(Timestamp::from_unix_millis(1_772_442_608_000)),
        end_reason: Some(note("Client disconnected: 1000")),
        summary: Some(note("All went well.")),
        cost_credits: Some(296),
        has_recording: false,
    }
}

pub(crate) fn completed(call_id: &str) -> CallRecord {
    let progress = CallProgress {
        status: Some(CallStatus::Completed),
        conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
        carrier_call_id: Some(CarrierCallId::parse("sip_1").expect("an id")),
        failure: None,
        conversation: Some(conversation(CallStatus::Completed)),
    };
    CallRecord { progress, ..booked(call_id) }
}

/// A call of which nothing is known yet.
fn bare_document() -> Value {
    json!({
        "_id": CALL_ID,
        "callId": CALL_ID,
        "provider": "elevenlabs",
        "direction": "outbound",
        "status": "initiated",
        "from": "+14165550100",
        "to": "+14165550111",
        "contactId": { "_id": "c1", "firstName": "Ada", "phoneNumber": "+14165550110" },
        "userId": { "_id": "u1", "fullName": "Grace Hopper" },
        "organizationId": "o1",
        "agentId": "a1",
        "callReason": "a very private reason",
        "recordings": [],
        "startTime": "2026-03-02T09:10:00.042Z",
        "createdAt": "2026-03-02T09:10:00.042Z"
    })
}

/// A completed call, as it stands in a list.
pub(crate) fn completed_document() -> Value {
    let mut document = bare_document();
    for (key, value) in [
        ("status", json!("completed")),
        ("providerCallId", json!("conv_1")),
        ("sipCallId", json!("sip_1")),
        ("answerTime", json!("2026-03-02T09:10:08.000Z")),
        ("endTime", json!("2026-03-02T09:12:34.000Z")),
        ("duration", json!(154)),
        ("endReason", json!("Client disconnected: 1000")),
        ("summary", json!("All went well.")),
        ("cost", json!(296)),
    ] {
        document[key] = value;
    }
    document
}

#[tokio::test]
async fn a_completed_call_is_read_whole() {
    let answer = read(Books::of(vec![completed(CALL_ID)])).await;
    let mut call = completed_document();
    call["transcript"] = json!([
        { "role": "agent", "message": "Hello Ada.", "timestamp": 8 },
        { "role": "user", "message": "It is about the \"tumour\".", "timestamp": 12 }
    ]);
    assert_eq!((answer.status, &answer.body), (200, &json!({ "success": true, "call": call })));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn what_is_not_known_is_left_out() {
    let answer = read(Books::of(vec![booked(CALL_ID)])).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({ "success": true, "call": bare_document() })));
}

#[tokio::test]
async fn how_a_call_ended_is_told_by_whatever_decides_it() {
    let at = Timestamp::from_unix_millis(1_772_442_660_500);
    let failure = |reason| Some(CallFailure { reason, at });
    let unstarted = ConversationRecord { started_at: None, ..conversation(CallStatus::Completed) };
    let silent = ConversationRecord { end_reason: None, ..conversation(CallStatus::Failed) };
    let (failed, ended) = ("2026-03-02T09:11:00.500Z", "2026-03-02T09:12:34.000Z");
    let said = "Client disconnected: 1000";
    let cases = [
        (CallStatus::Busy, failure(NotConnectedReason::Declined), None, json!(failed), json!("declined")),
        (
            CallStatus::NoAnswer,
            failure(NotConnectedReason::NoAnswer),
            None,
            json!(failed),
            json!("no-answer"),
        ),
        (
            CallStatus::Failed,
            failure(NotConnectedReason::Failed),
            Some(silent.clone()),
            json!(failed),
            json!("failed"),
        ),
        (CallStatus::Failed, None, Some(silent), json!(ended), Value::Null),
        (CallStatus::Failed, None, None, Value::Null, Value::Null),
        (
            CallStatus::Completed,
            failure(NotConnectedReason::Busy),
            Some(conversation(CallStatus::Completed)),
            json!(ended),
            json!(said),
        ),
        (CallStatus::Completed, failure(NotConnectedReason::Busy), Some(unstarted), Value::Null, json!(said)),
        (CallStatus::InProgress, None, Some(conversation(CallStatus::InProgress)), Value::Null, json!(said)),
        (CallStatus::Unknown, None, None, Value::Null, Value::Null),
    ];
    for (status, failure, conversation, end_time, end_reason) in cases {
        let progress =
            CallProgress { status: Some(status), failure, conversation, ..CallProgress::default() };
        let answer = read(Books::of(vec![CallRecord { progress, ..booked(CALL_ID) }])).await;
        let call = &answer.body["call"];
        assert_eq!(call["status"], status.as_str());
        assert_eq!((&call["endTime"], &call["endReason"]), (&end_time, &end_reason), "{}", status.as_str());
    }
}

#[tokio::test]
async fn a_call_is_looked_for_in_the_organization_of_the_tokens_user() {
    let books = Books::of(vec![booked(CALL_ID)]);
    assert_eq!(read(books.clone()).await.status, 200);
    let organization_id = OrganizationId::parse("organization of u1").expect("an id");
    assert_eq!(books.asked(), [Asked::Call(organization_id, call_id())]);
}

#[tokio::test]
async fn a_call_that_is_not_there_is_404() {
    let answer = read(Books::default()).await;
    answer.assert_error(404, "CALL_NOT_FOUND");
    let expected = json!({ "success": false, "error": "Call not found", "code": "CALL_NOT_FOUND" });
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn what_cannot_be_a_calls_id_is_404_and_looked_for_nowhere() {
    let books = Books::default();
    let gateway = start_reading(books.clone()).await;
    for id in [&"x".repeat(129), "%00", "a%0Ab", "%7f"] {
        answer(gateway.read(&format!("/api/calls/{id}"))).await.assert_error(404, "CALL_NOT_FOUND");
    }
    assert_eq!(books.asked(), []);
}

#[tokio::test]
async fn reading_takes_a_token() {
    let books = Books::of(vec![booked(CALL_ID)]);
    let gateway = start_reading(books.clone()).await;
    for path in [path().as_str(), "/api/calls/%ff", "/api/calls/history", "/api/calls/history?limit=x"] {
        answer(gateway.get(path)).await.assert_error(401, "UNAUTHORIZED");
        answer(gateway.get(path).bearer_auth("a.b.c")).await.assert_error(401, "UNAUTHORIZED");
    }
    assert_eq!(books.asked(), []);
}

#[tokio::test]
async fn a_user_who_does_not_exist_reads_nothing() {
    let books = Books { nobody: true, ..Books::of(vec![booked(CALL_ID)]) };
    let gateway = start_reading(books.clone()).await;
    for path in [path().as_str(), "/api/calls/history"] {
        answer(gateway.read(path)).await.assert_error(404, "USER_NOT_FOUND");
    }
    assert_eq!(books.asked(), []);
}

#[tokio::test]
async fn books_that_are_away_are_a_500_whose_cause_is_logged_once() {
    let log = log();
    let gateway = start_reading(Books { away: true, ..Books::default() }).await;
    for (path, id) in [(path().as_str(), "away-call"), ("/api/calls/history", "away-history")] {
        let answer = answer(gateway.read(path).header("x-request-id", id)).await;
        answer.assert_error(500, "SERVICE_UNAVAILABLE");
        assert!(answer.header("retry-after").is_some());
        let text = answer.body.to_string();
        assert!(!text.contains("postgres") && !text.contains("secret detail"), "{text}");
        let cause = |line: &&Value| line["fields"]["cause"] == "postgres is unavailable: secret detail";
        assert_eq!(log.lines(id).iter().filter(cause).count(), 1);
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let gateway = start_reading(Books { broken: true, ..Books::default() }).await;
    for path in [path().as_str(), "/api/calls/history"] {
        answer(gateway.read(path)).await.assert_error(500, "INTERNAL");
    }
}

#[tokio::test]
async fn nothing_of_a_call_is_logged() {
    let log = log();
    let gateway = start_reading(Books::of(vec![completed(CALL_ID)])).await;
    for path in [path().as_str(), "/api/calls/history?contactId=contact-secret&limit=limit-secret"] {
        let _ = answer(gateway.read(path).header("x-request-id", "private-call")).await;
    }
    assert!(!log.lines("private-call").is_empty());
    let text = log.text();
    for secret in
        ["tumour", "very private", "went well", "Hopper", "4165550111", "contact-secret", "limit-secret"]
    {
        assert!(!text.contains(secret), "{secret}");
    }
}
