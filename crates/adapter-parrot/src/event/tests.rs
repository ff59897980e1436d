use domain::NotConnectedReason;
use serde_json::json;

use super::*;

const RECEIVED_AT: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

fn event(changes: Value) -> ProviderEvent {
    let mut event = json!({
        "id": "e-1", "type": "call.over", "direction": "out", "call": "p-1", "reference": "our-1",
        "agent": "agent-1", "from": "+14165550100", "to": "+14165550110",
    });
    event.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
    read(event.to_string().as_bytes(), RECEIVED_AT).expect("an event")
}

#[test]
fn each_cause_of_a_failure_is_read() {
    for (cause, reason) in [
        (json!("busy"), NotConnectedReason::Busy),
        (json!("no-answer"), NotConnectedReason::NoAnswer),
        (json!("declined"), NotConnectedReason::Declined),
        (json!("a cause of next year"), NotConnectedReason::Failed),
        (json!(null), NotConnectedReason::Failed),
    ] {
        let update = event(json!({ "type": "call.not-connected", "cause": cause })).update;
        let cause = words::cause(cause.as_str());
        let expected = UpdateContent::Failure(CallFailure { reason, at: RECEIVED_AT, cause });
        assert_eq!(update.map(|update| update.content), Some(expected), "{reason:?}");
    }
}

#[test]
fn an_inbound_call_is_no_call_of_ours() {
    for direction in [json!("in"), json!(null), json!(7)] {
        let event = event(json!({ "direction": direction }));
        assert_eq!((event.update, event.lookup.parties), (None, None), "{direction}");
    }
}

#[test]
fn a_key_and_a_type_have_no_text_of_the_vendor() {
    let said = "call +14165550110 now";
    let event = event(json!({ "id": said, "type": said }));
    assert_eq!((event.kind.as_str(), event.key.len()), ("unrecognized", 64));
}
