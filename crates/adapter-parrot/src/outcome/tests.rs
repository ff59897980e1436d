//! The table: every kind of response, and its outcome.

use std::time::Duration;

use domain::{CarrierCallId, ConversationId, NotConnectedReason, ProviderCode, ProviderReference};
use serde_json::{Value, json};

use super::*;

const REFUSALS: [u16; 7] = [400, 401, 402, 403, 404, 422, 429];

const UNCLEAR: DialOutcome = DialOutcome::Unknown(UnknownCause::UnclearAnswer);

fn read(status: u16, body: &str) -> DialOutcome {
    classify(&Response { status, retry_after: None, body: body.into() })
}

fn ids(call: Option<&str>, leg: Option<&str>) -> ProviderReference {
    ProviderReference {
        conversation_id: call.map(|id| ConversationId::parse(id).expect("an id")),
        carrier_call_id: leg.map(|id| CarrierCallId::parse(id).expect("an id")),
    }
}

fn refusal(code: &Value) -> String {
    json!({ "error": { "code": code, "text": "+14165550100 is not valid" } }).to_string()
}

fn rejected(code: &str) -> DialOutcome {
    DialOutcome::NotDialled(NotDialledReason::Rejected(ProviderCode::from_untrusted(code)))
}

#[test]
fn an_accepted_call_is_placed_whatever_its_ids() {
    for (body, expected) in [
        (json!({ "accepted": true, "call": "p-1", "leg": "l-1" }), ids(Some("p-1"), Some("l-1"))),
        (json!({ "accepted": true, "call": "p-1" }), ids(Some("p-1"), None)),
        (json!({ "accepted": true }), ids(None, None)),
        // An id of another type, or one that cannot be stored.
        (json!({ "accepted": true, "call": 7, "leg": ["l-1"] }), ids(None, None)),
        (json!({ "accepted": true, "call": "", "leg": "a\r\nb" }), ids(None, None)),
        (json!({ "accepted": true, "call": "x".repeat(129) }), ids(None, None)),
        // Fields that Parrot adds later, and a cause that contradicts.
        (json!({ "accepted": true, "feathers": { "count": 7 } }), ids(None, None)),
        (json!({ "accepted": true, "cause": "busy" }), ids(None, None)),
    ] {
        assert_eq!(read(200, &body.to_string()), DialOutcome::Placed(expected), "{body}");
    }
}

#[test]
fn a_call_without_a_callee_is_not_connected() {
    for (cause, reason) in [
        (json!("busy"), NotConnectedReason::Busy),
        (json!("no-answer"), NotConnectedReason::NoAnswer),
        (json!("declined"), NotConnectedReason::Declined),
        (json!("a cause of next year"), NotConnectedReason::Failed),
        (json!(""), NotConnectedReason::Failed),
        (json!(null), NotConnectedReason::Failed),
        (json!(7), NotConnectedReason::Failed),
    ] {
        let body = json!({ "accepted": false, "cause": cause, "call": "p-1" }).to_string();
        let reference = ids(Some("p-1"), None);
        let code = words::cause(Some(cause.as_str().unwrap_or_default())).code;
        assert_eq!(read(200, &body), DialOutcome::NotConnected { reference, reason, code }, "{cause}");
    }
}

#[test]
fn a_success_without_the_field_that_decides_is_unknown() {
    for body in [
        "",
        "null",
        "true",
        "7",
        "\"accepted\"",
        "{}",
        "[]",
        "<html>Welcome</html>",
        r#"{"accepted":"true"}"#,
        r#"{"accepted":1}"#,
        r#"{"accepted":null}"#,
        r#"{"ACCEPTED":true}"#,
        r#"{"call":"p-1"}"#,
        r#"{"status":{"accepted":true}}"#,
        r#"[{"accepted":true}]"#,
        r#"{"accepted":true"#,
        r#"{"accepted":true} {}"#,
        r#"{"accepted":true}x"#,
        &refusal(&json!("bad_number")),
    ] {
        assert_eq!(read(200, body), UNCLEAR, "{body}");
    }
    // Of a field that is there twice, the last one counts.
    assert_eq!(read(200, r#"{"accepted":true,"accepted":7}"#), UNCLEAR);
}

#[test]
fn a_refusal_in_parrots_format_is_not_dialled() {
    for status in REFUSALS {
        for code in ["bad_number", "no_credit", "too_many_calls"] {
            assert_eq!(read(status, &refusal(&json!(code))), rejected(code), "{status}");
        }
    }
    // A code can be a text that quotes a number.
    assert_eq!(read(422, &refusal(&json!("+14165550100 is busy"))), rejected("unrecognized"));
}

/// The wait counts only for a refusal in Parrot's format.
#[test]
fn a_refusal_keeps_the_wait() {
    let retry_after = Some(Duration::from_secs(7));
    let read = |body: &str| classify(&Response { status: 429, retry_after, body: body.into() });
    let code = ProviderCode::from_untrusted("too_many_calls");
    let expected = DialOutcome::NotDialled(NotDialledReason::rejected(code, retry_after));
    assert_eq!(read(&refusal(&json!("too_many_calls"))), expected);
    assert_eq!(read("<html>429 Too Many Requests</html>"), UNCLEAR);
}

#[test]
fn a_refusal_in_any_other_format_is_unknown() {
    for status in REFUSALS {
        for body in [
            "",
            "null",
            "{}",
            "<html>429 Too Many Requests</html>",
            r#"{"error":"bad_number"}"#,
            r#"{"error":{}}"#,
            r#"{"code":"bad_number"}"#,
            r#"[{"error":{"code":"bad_number"}}]"#,
            r#"{"error":[{"code":"bad_number"}]}"#,
            r#"{"accepted":false,"cause":"busy"}"#,
            &refusal(&json!(null)),
            &refusal(&json!(7)),
        ] {
            assert_eq!(read(status, body), UNCLEAR, "{status} {body}");
        }
    }
}

#[test]
fn every_other_status_is_unknown_in_any_format() {
    let accepted = json!({ "accepted": true, "call": "p-1" }).to_string();
    for status in (100..=599).filter(|status| *status != 200) {
        assert_eq!(read(status, &accepted), UNCLEAR, "{status}");
        if !REFUSALS.contains(&status) {
            assert_eq!(read(status, &refusal(&json!("bad_number"))), UNCLEAR, "{status}");
        }
    }
}
