//! Records as the provider has sent them.

use domain::{CarrierStatus, PrivateNote, Speaker};
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
    assert_eq!(content.end_reason, Some(EndReason::Completed));
    assert_eq!(content.cause, ProviderCause::from(ProviderCode::from_untrusted("client_disconnected")));
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
        assert_eq!(content.end_reason.map(EndReason::status), Some(expected), "{error}");
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
    }));
    assert_eq!(content.transcript[0].text.as_str().len(), PrivateNote::MAX_LEN - 1);
    assert_eq!(content.summary, note("ab[1mc\nd"));
}

/// The codes are those of the field: the texts around them may quote a number or a name.
#[test]
fn the_end_has_our_reason_and_the_providers_codes() {
    let end = |status: &str, metadata: Value| {
        let (_, content, _) = read(&json!({ "status": status, "metadata": metadata }));
        let ProviderCause { code, carrier_status } = content.cause;
        (
            content.end_reason,
            code.map(|code| code.as_str().to_owned()),
            carrier_status.map(CarrierStatus::number),
        )
    };
    let error = |code: i64, reason: &str, kind: &str| json!({ "error": { "code": code, "reason": reason, "error_type": kind } });
    let generic = "call_initialization_error";
    let missing = "Missing required dynamic variables in first message: {'owner_name'}";
    for (status, metadata, reason, code, carrier_status) in [
        (
            "failed",
            error(404, "INVITE failed: sip status: 404: Invalid destination number D11 (SIP 404)", generic),
            EndReason::Failed,
            Some(generic),
            Some(404),
        ),
        ("failed", error(603, "x", generic), EndReason::Declined, Some(generic), Some(603)),
        (
            "failed",
            error(1011, "request timed out", "no_answer"),
            EndReason::NoAnswer,
            Some("request_timed_out"),
            None,
        ),
        ("failed", error(1011, "", "No Answer"), EndReason::NoAnswer, Some("error_1011"), None),
        (
            "failed",
            error(4300, "Agent has exceeded its daily call limit of 5.", generic),
            EndReason::Failed,
            Some("daily_call_limit_exceeded"),
            None,
        ),
        ("failed", error(3000, "unsafe: +14165550100", generic), EndReason::Failed, Some("error_3000"), None),
        (
            "failed",
            json!({ "termination_reason": missing }),
            EndReason::Failed,
            Some("missing_dynamic_variables"),
            None,
        ),
        ("No Answer", json!({}), EndReason::NoAnswer, Some("No_Answer"), None),
        ("canceled", json!({}), EndReason::Failed, Some("canceled"), None),
        ("failed", json!({ "termination_reason": "Ada hung up" }), EndReason::Failed, None, None),
        (
            "done",
            json!({ "termination_reason": "end_call tool was called." }),
            EndReason::Completed,
            Some("end_call_tool"),
            None,
        ),
        ("done", json!({}), EndReason::Completed, None, None),
        ("completed", json!({}), EndReason::Completed, Some("completed"), None),
    ] {
        let expected = (Some(reason), code.map(str::to_owned), carrier_status);
        assert_eq!(end(status, metadata.clone()), expected, "{status} {metadata}");
    }
    assert_eq!(end("in-progress", json!({})).0, None);
}

/// A voicemail counts as answered. Each of the three places says that one was reached.
#[test]
fn a_voicemail_is_an_end_of_its_own() {
    let tool = |result: Value| json!({ "transcript": [{ "role": "agent", "message": "x", "tool_results": [result] }] });
    for (changes, is_voicemail) in [
        (
            json!({ "metadata": { "features_usage": { "voicemail_detection": { "enabled": true, "used": true } } } }),
            true,
        ),
        (
            json!({ "metadata": { "features_usage": { "voicemail_detection": { "enabled": true, "used": false } } } }),
            false,
        ),
        (json!({ "metadata": { "termination_reason": "voicemail_detection tool was called" } }), true),
        (tool(json!({ "type": "system", "result": { "result_type": "voicemail_detection_success" } })), true),
        (tool(json!({ "tool_name": "voicemail_detection", "is_error": false })), true),
        (tool(json!({ "tool_name": "voicemail_detection", "is_error": true })), false),
        (tool(json!({ "tool_name": "end_call" })), false),
    ] {
        let mut record = json!({ "status": "done" });
        record.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        let (status, content, _) = read(&record);
        let expected = if is_voicemail { EndReason::Voicemail } else { EndReason::Completed };
        assert_eq!((status, content.end_reason), (Some(CallStatus::Completed), Some(expected)), "{changes}");
    }
}

#[test]
fn numbers_out_of_range_are_absent() {
    let (_, content, _) = read(&json!({ "metadata": {
        "start_time_unix_secs": i64::MAX, "accepted_time_unix_secs": 0, "call_duration_secs": -1, "cost": 1e300,
    } }));
    assert_eq!((content.started_at, content.answered_at, content.duration_secs), (None, None, None));
    assert_eq!(content.cost_credits, Some(i64::MAX));
}
