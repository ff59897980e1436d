use domain::{EndReason, ProviderCode};
use serde_json::json;

use super::*;

fn read(changes: Value) -> Option<ConversationRecord> {
    let mut record = json!({ "call": "p-1", "reference": "our-1", "state": "over", "cause": "hung-up" });
    record.as_object_mut()?.extend(changes.as_object()?.clone());
    match Record::parse(&record)?.update().content {
        UpdateContent::Conversation(content) => Some(content),
        other => panic!("a record is a conversation: {other:?}"),
    }
}

#[test]
fn a_record_says_no_more_than_its_state_and_cause() {
    for (state, cause, status) in [
        ("ringing", json!(null), CallStatus::Ringing),
        ("talking", json!(null), CallStatus::InProgress),
        ("over", json!("hung-up"), CallStatus::Completed),
        ("over", json!("voicemail"), CallStatus::Completed),
        ("over", json!("busy"), CallStatus::Busy),
        ("over", json!("declined"), CallStatus::Busy),
        ("over", json!("no-answer"), CallStatus::NoAnswer),
        ("Over", json!("No Answer"), CallStatus::NoAnswer),
        ("over", json!("a cause of next year"), CallStatus::Failed),
        ("over", json!(null), CallStatus::Unknown),
        ("over", json!(7), CallStatus::Unknown),
        ("a state of next year", json!("hung-up"), CallStatus::Unknown),
    ] {
        let content = read(json!({ "state": state, "cause": cause, "secs": 7 })).expect("a record");
        assert_eq!(content.status, status, "{state} {cause}");
        let duration = (status == CallStatus::Completed).then_some(7);
        assert_eq!(content.duration_secs, duration, "{state} {cause}");
        let reason = content.end_reason.map(EndReason::status);
        assert_eq!(reason, status.is_final().then_some(status), "{state} {cause}");
        let code = cause.as_str().map(ProviderCode::from_untrusted);
        assert_eq!(content.cause.code, code, "{state} {cause}");
    }
}

#[test]
fn a_record_has_an_id_and_a_state() {
    for changes in
        [json!({ "call": null }), json!({ "call": 7 }), json!({ "call": "" }), json!({ "state": 7 })]
    {
        assert!(read(changes.clone()).is_none(), "{changes}");
    }
    assert!(Record::parse(&json!([{ "call": "p-1", "state": "over" }])).is_none());
}

#[test]
fn a_transcript_without_times_keeps_its_order() {
    let lines = json!([
        { "who": "agent", "text": "Hello", "at": 1 },
        { "who": "callee", "text": "Yes?" },
        { "who": "agent", "text": "Goodbye", "at": "3" },
        { "who": "a third voice", "text": "?" },
        { "who": "callee" },
        7,
    ]);
    let content = read(json!({ "lines": lines })).expect("a record");
    assert!(content.is_truncated, "lines without a known speaker are left out");
    let transcript = content.transcript.iter();
    let read: Vec<_> = transcript.map(|line| (line.at_secs, line.speaker, line.text.as_str())).collect();
    let (agent, callee) = (Speaker::Agent, Speaker::Callee);
    assert_eq!(read, [(1, agent, "Hello"), (0, callee, "Yes?"), (0, agent, "Goodbye")]);
}
