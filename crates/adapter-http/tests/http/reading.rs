//! Reading one call.

use domain::{
    AnswerTime, CallFailure, CallProgress, CallStatus, ConversationRecord, DialOutcome, GivenUp,
    GivenUpReason, NotConnectedReason, NotDialledReason, ProviderCode, ProviderReference, Timestamp,
};
use serde_json::{Value, json};
use testkit::memory::LedgerCall;

use crate::log::log;
use crate::running::{Response, send, start};
use crate::stored::{booked, completed, conversation};
use crate::world::{CALL_ID, World, organization, organization_id};

const PATH: &str = "/api/calls/64f0a1b2c3d4e5f6a7b8d111";
const HISTORY: &str = "/api/calls/history";

async fn read(call: LedgerCall) -> Response {
    send(start(&World::with_calls([call])).await.read(PATH)).await
}

/// A call without a report of the provider.
fn booked_document() -> Value {
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
        "dynamicVariables": { "first_name": "a very private name", "price": 41.5, "is_new": true },
        "metadata": { "private order": 1.10 },
        "purpose": "informational",
        "recordings": [],
        "startTime": "2026-03-02T09:10:00.042Z",
        "createdAt": "2026-03-02T09:10:00.042Z"
    })
}

/// A completed call, as a list shows it.
pub(crate) fn completed_document() -> Value {
    let mut document = booked_document();
    for (key, value) in [
        ("status", json!("completed")),
        ("providerCallId", json!("conv_1")),
        ("sipCallId", json!("sip_1")),
        ("answerTime", json!("2026-03-02T09:10:08.000Z")),
        ("endTime", json!("2026-03-02T09:12:34.000Z")),
        ("duration", json!(146)),
        ("endReason", json!("completed")),
        ("providerCode", json!("client_disconnected")),
        ("summary", json!("All went well.")),
        ("agentName", json!("Desk")),
        ("analysis", json!({ "callSuccessful": "success" })),
        ("cost", json!(296)),
    ] {
        document[key] = value;
    }
    document
}

#[tokio::test]
async fn a_completed_call_is_read_whole() {
    let mut call = completed_document();
    call["transcript"] = json!([
        { "role": "agent", "message": "Hello Ada.", "timestamp": 0 },
        { "role": "user", "message": "It is about the \"tumour\".", "timestamp": 4 }
    ]);
    call["analysis"]["evaluationCriteria"] =
        json!([{ "id": "polite", "result": "failure", "rationale": "She was not." }]);
    call["analysis"]["collectedData"] =
        json!([{ "id": "day", "value": { "of": "week", "n": [1, 2] } }, { "id": "pets", "value": null }]);
    read(completed(CALL_ID)).await.assert_ok(200, &json!({ "success": true, "call": call }));
}

#[tokio::test]
async fn what_is_not_known_is_left_out() {
    let expected = json!({ "success": true, "call": booked_document() });
    read(booked(CALL_ID)).await.assert_ok(200, &expected);
}

#[tokio::test]
async fn the_end_of_a_call_comes_from_the_report_that_decides_its_status() {
    let at = Timestamp::from_unix_millis(1_772_442_660_500);
    let failure = |reason| Some(CallFailure::new(reason, at));
    let unstarted =
        ConversationRecord { started_at: None, answered_at: None, ..conversation(CallStatus::Completed) };
    let failed_conversation = conversation(CallStatus::Failed);
    let (failed, ended) = ("2026-03-02T09:11:00.500Z", "2026-03-02T09:12:34.000Z");
    let cases = [
        (CallStatus::Busy, failure(NotConnectedReason::Declined), None, json!(failed), json!("declined")),
        (CallStatus::Busy, None, None, Value::Null, json!("busy")),
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
            Some(failed_conversation.clone()),
            json!(failed),
            json!("failed"),
        ),
        (CallStatus::Failed, None, Some(failed_conversation), json!(ended), json!("failed")),
        (CallStatus::Failed, None, None, Value::Null, json!("failed")),
        (
            CallStatus::Completed,
            failure(NotConnectedReason::Busy),
            Some(conversation(CallStatus::Completed)),
            json!(ended),
            json!("completed"),
        ),
        (
            CallStatus::Completed,
            failure(NotConnectedReason::Busy),
            Some(unstarted),
            Value::Null,
            json!("completed"),
        ),
        (CallStatus::InProgress, None, Some(conversation(CallStatus::InProgress)), Value::Null, Value::Null),
        (CallStatus::Unknown, None, None, Value::Null, Value::Null),
    ];
    for (status, failure, conversation, end_time, end_reason) in cases {
        let progress =
            CallProgress { status: Some(status), failure, conversation, ..CallProgress::default() };
        let response = read(LedgerCall { progress, ..booked(CALL_ID) }).await;
        let call = &response.body["call"];
        assert_eq!(call["status"], status.as_str());
        assert_eq!((&call["endTime"], &call["endReason"]), (&end_time, &end_reason), "{}", status.as_str());
    }
}

/// A client that hung up before the refusal, or that reads the history, learns it from the record.
#[tokio::test]
async fn a_refused_dial_and_a_failure_are_read_with_the_providers_codes() {
    let at = Timestamp::from_unix_millis(1_772_442_601_042);
    let code = ProviderCode::from_untrusted;
    let refused = |code| DialOutcome::NotDialled(NotDialledReason::Rejected(code));
    let busy = DialOutcome::NotConnected {
        reference: ProviderReference::default(),
        reason: NotConnectedReason::Busy,
        code: Some(code("sip_486")),
    };
    let unreached = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    let withdrawn = DialOutcome::NotDialled(NotDialledReason::Withdrawn);
    for (outcome, reason, provider_code, sip_status) in [
        (
            refused(code("insufficient_credits")),
            "provider-rejected",
            json!("insufficient_credits"),
            Value::Null,
        ),
        (refused(code("sip_404")), "provider-rejected", json!("sip_404"), json!(404)),
        (unreached, "provider-unavailable", Value::Null, Value::Null),
        (withdrawn, "withdrawn", Value::Null, Value::Null),
        (busy, "busy", json!("sip_486"), json!(486)),
    ] {
        let status = CallStatus::after(&outcome, AnswerTime::AfterRinging);
        let progress = CallProgress { status: Some(status), ..CallProgress::default() };
        let call = LedgerCall { progress, dial: Some((outcome, at)), ..booked(CALL_ID) };
        let gateway = start(&World::with_calls([call])).await;
        let listed = send(gateway.read(HISTORY)).await.body["calls"][0].clone();
        let read = send(gateway.read(PATH)).await.body["call"].clone();
        for call in [read, listed] {
            assert_eq!(call["endTime"], "2026-03-02T09:10:01.042Z", "{reason}");
            assert_eq!(
                (&call["endReason"], &call["providerCode"], &call["sipStatus"]),
                (&json!(reason), &provider_code, &sip_status),
                "{reason}"
            );
        }
    }
}

/// Until a late report of the end, in one call and in the list, and by the filter too.
#[tokio::test]
async fn a_call_that_was_given_up_is_unknown_with_its_reason() {
    let given_up =
        GivenUp { at: Timestamp::from_unix_millis(1_772_615_400_042), reason: GivenUpReason::NoRecord };
    for stored in CallStatus::ALL {
        let progress =
            CallProgress { status: Some(stored), given_up: Some(given_up), ..CallProgress::default() };
        let world = World::with_calls([LedgerCall { progress, ..booked(CALL_ID) }]);
        let gateway = start(&world).await;
        let call = send(gateway.read(PATH)).await.body["call"].clone();
        let (shown, time, reason) = match stored.is_final() {
            true => (stored.as_str(), Value::Null, Value::Null),
            false => ("unknown", json!("2026-03-04T09:10:00.042Z"), json!("no-record")),
        };
        assert_eq!(call["status"], shown);
        assert_eq!((&call["givenUpTime"], &call["givenUpReason"]), (&time, &reason), "{}", stored.as_str());
        for status in CallStatus::ALL.map(CallStatus::as_str) {
            let list = send(gateway.read(&format!("{HISTORY}?status={status}"))).await;
            let expected = if status == shown { vec![call.clone()] } else { Vec::new() };
            assert_eq!(list.body["calls"], json!(expected), "{status}");
        }
    }
}

#[tokio::test]
async fn a_call_of_another_organization_is_not_found() {
    let mut theirs = booked("theirs");
    theirs.booking.identity.organization_id = organization_id("o2");
    let world = World::with_calls([booked(CALL_ID), theirs]);
    world.memory.import(&[organization("o2")]);
    let gateway = start(&world).await;
    assert_eq!(send(gateway.read(PATH)).await.status, 200);
    send(gateway.read("/api/calls/theirs")).await.assert_error(404, "CALL_NOT_FOUND");
    let list = send(gateway.read(HISTORY)).await;
    assert_eq!((&list.body["calls"][0]["callId"], &list.body["total"]), (&json!(CALL_ID), &json!(1)));
}

#[tokio::test]
async fn a_call_that_does_not_exist_is_404() {
    let response = send(start(&World::new()).await.read(PATH)).await;
    response.assert_error(404, "CALL_NOT_FOUND");
    let expected = json!({ "success": false, "error": "Call not found", "code": "CALL_NOT_FOUND" });
    assert_eq!(response.body, expected);
}

/// A query of the store would make this a 500.
#[tokio::test]
async fn a_text_that_cannot_be_the_id_of_a_call_is_404_without_a_search() {
    let gateway = start(&World::lost()).await;
    for id in [&"x".repeat(129), "%00", "a%0Ab", "%7f"] {
        send(gateway.read(&format!("/api/calls/{id}"))).await.assert_error(404, "CALL_NOT_FOUND");
    }
}

/// A query of the store would make this a 500.
#[tokio::test]
async fn reading_takes_a_token() {
    let gateway = start(&World::lost()).await;
    for path in [PATH, "/api/calls/%ff", HISTORY, "/api/calls/history?limit=x"] {
        send(gateway.get(path)).await.assert_error(401, "UNAUTHORIZED");
        send(gateway.get(path).bearer_auth("a.b.c")).await.assert_error(401, "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn a_user_who_does_not_exist_reads_nothing() {
    let world = World::without_user();
    world.memory.tables().calls.push(booked(CALL_ID));
    let gateway = start(&world).await;
    for path in [PATH, HISTORY] {
        send(gateway.read(path)).await.assert_error(404, "USER_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_store_that_is_unavailable_is_a_500_whose_cause_is_logged_once() {
    let log = log();
    let gateway = start(&World::lost_except_users()).await;
    for (path, id) in [(PATH, "lost-call"), (HISTORY, "lost-history")] {
        let response = send(gateway.read(path).header("x-request-id", id)).await;
        response.assert_unavailable(&log, id);
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let gateway = start(&World::panicking()).await;
    for path in [PATH, HISTORY] {
        send(gateway.read(path)).await.assert_error(500, "INTERNAL");
    }
}

#[tokio::test]
async fn nothing_of_a_call_is_logged() {
    let log = log();
    let gateway = start(&World::with_calls([completed(CALL_ID)])).await;
    for path in [PATH, "/api/calls/history?contactId=contact-secret&limit=limit-secret"] {
        let _ = send(gateway.read(path).header("x-request-id", "private-call")).await;
    }
    let secrets =
        ["tumour", "very private", "went well", "Hopper", "4165550111", "contact-secret", "limit-secret"];
    log.assert_private("private-call", &secrets);
}
