//! Records as the provider has sent them.

use domain::Speaker;
use serde_json::{Value, json};

use super::*;

fn read(record: &Value) -> (Option<CallStatus>, ConversationRecord, CallUpdate) {
    let text = record.to_string();
    let conversation = Conversation::new(Object::parse(text.as_bytes()).expect("an object"));
    let status = conversation.status();
    let update = conversation.update(status.unwrap_or(CallStatus::Unknown));
    let UpdateContent::Conversation(content) = update.content.clone() else {
        panic!("expected a conversation")
    };
    (status, content, update)
}

fn note(text: &str) -> Option<PrivateNote> {
    Some(PrivateNote::parse(text).expect("plain text"))
}

#[test]
fn every_field_of_a_finished_conversation_is_read() {
    let (status, content, update) = read(&json!({
        "conversation_id": "conv_1", "status": "done",
        "transcript": [
            { "role": "agent", "message": "Hello.", "time_in_call_secs": 0 },
            { "role": "agent", "message": null, "time_in_call_secs": 1, "tool_calls": [{}] },
            { "role": "user", "message": "Yes.", "time_in_call_secs": 2.9 },
            { "role": "user", "message": " \n", "time_in_call_secs": 3 },
            { "role": "system", "message": "x", "time_in_call_secs": 3 },
            "no turn",
            { "role": "agent", "message": "Goodbye.", "time_in_call_secs": -5 },
        ],
        "metadata": {
            "start_time_unix_secs": 1_739_537_297, "accepted_time_unix_secs": 1_739_537_299,
            "call_duration_secs": 22, "cost": 296, "termination_reason": "Client disconnected: 1000", "error": null,
            "phone_call": { "call_id": "otb_1", "call_sid": "sid" },
        },
        "analysis": { "transcript_summary": "They agreed.", "call_successful": "failure" },
    }));
    assert_eq!(status, Some(CallStatus::Completed));
    assert_eq!(update.conversation_id.expect("the record has the id").as_str(), "conv_1");
    assert_eq!(update.carrier_call_id.expect("the record has the id").as_str(), "otb_1");
    let lines: Vec<_> =
        content.transcript.iter().map(|line| (line.at_secs, line.speaker, line.text.as_str())).collect();
    assert_eq!(
        lines,
        [(0, Speaker::Agent, "Hello."), (2, Speaker::Callee, "Yes."), (0, Speaker::Agent, "Goodbye.")]
    );
    assert_eq!((content.duration_secs, content.cost_credits), (Some(22), Some(296)));
    assert_eq!(content.started_at, Some(Timestamp::from_unix_millis(1_739_537_297_000)));
    assert_eq!(content.answered_at, Some(Timestamp::from_unix_millis(1_739_537_299_000)));
    assert_eq!(content.end_reason, note("Client disconnected: 1000"));
    assert_eq!(content.summary, note("They agreed."));
}

#[test]
fn the_error_of_a_failed_conversation_decides_its_status() {
    for (error, expected) in [
        (
            json!({"code": 486, "reason": "INVITE failed: sip status: 486: Busy Here (SIP 486)"}),
            CallStatus::Busy,
        ),
        (json!({"code": 486}), CallStatus::Busy),
        (json!({"reason": "INVITE failed: sip status: 603: Decline (SIP 603)"}), CallStatus::Busy),
        (json!({"code": 480, "reason": "x"}), CallStatus::NoAnswer),
        (
            json!({"code": 1011, "reason": "request timed out", "error_type": "no_answer"}),
            CallStatus::NoAnswer,
        ),
        (json!({"code": 1011, "error_type": "no_answer"}), CallStatus::NoAnswer),
        (json!({"code": 1011, "reason": "sip request timed out"}), CallStatus::Failed),
        (json!({"code": 486, "reason": "sip status: 480: (SIP 480)"}), CallStatus::Failed),
        (json!({"code": 404, "reason": "INVITE failed: sip status: 404: D11 (SIP 404)"}), CallStatus::Failed),
        (
            json!({"code": 4300, "reason": "Agent has exceeded its daily call limit of 5."}),
            CallStatus::Failed,
        ),
        (json!(null), CallStatus::Failed),
        (json!("busy"), CallStatus::Failed),
    ] {
        let record = json!({ "status": "failed", "metadata": { "termination_reason": "", "error": error } });
        let (status, content, _) = read(&record);
        assert_eq!(status, Some(expected), "{error}");
        assert_eq!(content.end_reason, error["reason"].as_str().and_then(note), "{error}");
    }
}

/// The provider's own spellings, and those of its carriers and of other endpoints.
#[test]
fn a_status_is_read_in_every_spelling_and_by_its_synonyms() {
    for (status, expected) in [
        ("Done", CallStatus::Completed),
        ("completed", CallStatus::Completed),
        ("ended", CallStatus::Completed),
        ("FAILED", CallStatus::Failed),
        ("canceled", CallStatus::Failed),
        ("no_answer", CallStatus::NoAnswer),
        ("Busy", CallStatus::Busy),
        ("in_progress", CallStatus::InProgress),
        ("In Progress", CallStatus::InProgress),
    ] {
        assert_eq!(read(&json!({ "status": status })).0, Some(expected), "{status}");
    }
    for error_type in ["No Answer", "no-answer", "NO_ANSWER"] {
        let error = json!({ "code": 1011, "error_type": error_type });
        let record = json!({ "status": "Failed", "metadata": { "error": error } });
        assert_eq!(read(&record).0, Some(CallStatus::NoAnswer), "{error_type}");
    }
}

#[test]
fn a_speaker_is_read_by_every_word_for_a_role() {
    let turn = |role: &str| json!({ "role": role, "message": "x" });
    let roles = ["agent", "Assistant", "ai", "user", "Customer", "human"];
    let (_, content, _) = read(&json!({ "transcript": roles.map(turn) }));
    let speakers: Vec<_> = content.transcript.iter().map(|line| line.speaker).collect();
    assert_eq!(speakers, [[Speaker::Agent; 3], [Speaker::Callee; 3]].concat());
}

#[test]
fn a_status_that_is_not_known_to_be_an_end_is_not_final() {
    for (status, expected) in [
        (json!("initiated"), Some(CallStatus::Ringing)),
        (json!("in-progress"), Some(CallStatus::InProgress)),
        (json!("processing"), Some(CallStatus::InProgress)),
        (json!("a_new_one"), Some(CallStatus::Unknown)),
        (json!(7), None),
        (json!(null), None),
    ] {
        let (actual, content, _) = read(&json!({ "status": status }));
        assert_eq!(actual, expected, "{status}");
        assert!(!content.status.is_final());
    }
}

#[test]
fn texts_are_cut_and_cleaned_rather_than_refused() {
    let long = "é".repeat(PrivateNote::MAX_LEN);
    let (_, content, _) = read(&json!({
        "transcript": [{ "role": "user", "message": format!("a{long}") }],
        "analysis": { "transcript_summary": "a\u{0}b\u{1b}[1m\u{85}c\nd" },
        "metadata": { "termination_reason": "\u{0}\u{7f}" },
    }));
    assert_eq!(content.transcript[0].text.as_str().len(), PrivateNote::MAX_LEN - 1);
    assert_eq!(content.summary, note("ab[1mc\nd"));
    assert_eq!(content.end_reason, None);
}

#[test]
fn numbers_out_of_range_are_absent() {
    let (_, content, _) = read(&json!({ "metadata": {
        "start_time_unix_secs": i64::MAX, "accepted_time_unix_secs": 0, "call_duration_secs": -1, "cost": 1e300,
    } }));
    assert_eq!((content.started_at, content.answered_at, content.duration_secs), (None, None, None));
    assert_eq!(content.cost_credits, Some(i64::MAX));
}
