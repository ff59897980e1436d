//! The table: every kind of response and its outcome.

use domain::{CarrierCallId, ConversationId, ProviderReference};

use super::*;

/// The meaning of a response without `Retry-After`.
fn classify(status: u16, body: &[u8]) -> DialOutcome {
    super::classify(&Response { status, retry_after: None, body: body.to_vec() })
}

const CURRENT: &str = r#"{"detail":{"type":"t","code":"a_code","message":"+14165550100","status":"a_status","request_id":"r"}}"#;
const LEGACY: &str = r#"{"detail":{"status":"a_status","message":"+14165550100"}}"#;
const LIST: &str = r#"{"detail":[{"loc":["body","to_number"],"msg":"+14165550100","type":"value_error"}]}"#;
const TEXT: &str = r#"{"detail":"+14165550100"}"#;

const REFUSALS: [u16; 7] = [400, 401, 402, 403, 404, 422, 429];

const UNCLEAR: DialOutcome = DialOutcome::Unknown(UnknownCause::UnclearAnswer);

fn reference(conversation: Option<&str>, carrier_call: Option<&str>) -> ProviderReference {
    ProviderReference {
        conversation_id: conversation.map(|id| ConversationId::parse(id).expect("an id")),
        carrier_call_id: carrier_call.map(|id| CarrierCallId::parse(id).expect("an id")),
    }
}

fn rejected_with(code: &str) -> DialOutcome {
    DialOutcome::NotDialled(NotDialledReason::Rejected(ProviderCode::from_untrusted(code)))
}

fn failure(message: &str) -> Vec<u8> {
    serde_json::json!({"success": false, "message": message, "conversation_id": "conv_1", "sip_call_id": null})
        .to_string()
        .into_bytes()
}

fn not_connected(reason: NotConnectedReason, code: Option<&str>) -> DialOutcome {
    let code = code.map(ProviderCode::from_untrusted);
    DialOutcome::NotConnected { reference: reference(Some("conv_1"), None), reason, code }
}

/// The wait counts only for a refusal in the provider's own format.
#[test]
fn a_refusal_keeps_the_wait() {
    let wait = Some(std::time::Duration::from_secs(7));
    let read = |body: &str| {
        super::classify(&Response { status: 429, retry_after: wait, body: body.as_bytes().to_vec() })
    };
    for (body, code) in [(CURRENT, "a_code"), (LEGACY, "a_status"), (LIST, "http_429")] {
        let reason = NotDialledReason::rejected(ProviderCode::from_untrusted(code), wait);
        assert_eq!(read(body), DialOutcome::NotDialled(reason), "{body}");
    }
    for foreign in ["", "<html></html>", "{}"] {
        assert_eq!(read(foreign), UNCLEAR, "{foreign}");
    }
}

#[test]
fn a_success_is_placed_whatever_its_ids() {
    let long = format!(r#"{{"success":true,"conversation_id":"{}"}}"#, "x".repeat(129));
    for (body, expected) in [
        (
            r#"{"success":true,"message":"m","conversation_id":"conv_1","sip_call_id":"otb_1"}"#,
            reference(Some("conv_1"), Some("otb_1")),
        ),
        (
            r#"{"success":true,"message":"m","conversation_id":null,"sip_call_id":"otb_1"}"#,
            reference(None, Some("otb_1")),
        ),
        (
            r#"{"success":true,"message":"m","conversation_id":"conv_1","sip_call_id":""}"#,
            reference(Some("conv_1"), None),
        ),
        (r#"{"success":true,"conversation_id":"a\r\nb","sip_call_id":7}"#, reference(None, None)),
        (r#" {"success":true, "message":{"no":"text"}, "new":[1]} "#, reference(None, None)),
        (r#"{"success":true}"#, reference(None, None)),
        (long.as_str(), reference(None, None)),
    ] {
        assert_eq!(classify(200, body.as_bytes()), DialOutcome::Placed(expected), "{body}");
    }
}

#[test]
fn a_callee_who_was_reached_is_not_connected() {
    use NotConnectedReason::{Busy, Declined, NoAnswer};
    for (message, reason, code) in [
        ("INVITE failed: sip status: 486: Busy Here (SIP 486)", Busy, "sip_486"),
        ("INVITE failed: sip status: 486: Busy Here", Busy, "sip_486"),
        ("Busy Everywhere (SIP 600)", Busy, "sip_600"),
        ("INVITE failed: sip status: 480: Temporarily Unavailable (SIP 480)", NoAnswer, "sip_480"),
        ("INVITE failed: sip status: 408: Request Timeout (SIP 408)", NoAnswer, "sip_408"),
        ("INVITE failed: SIP status: 487: Request Terminated (SIP 487)", NoAnswer, "sip_487"),
        ("request timed out", NoAnswer, "request_timed_out"),
        ("Request timed out", NoAnswer, "request_timed_out"),
        ("INVITE failed: sip status: 603: Decline (SIP 603)", Declined, "sip_603"),
    ] {
        assert_eq!(classify(200, &failure(message)), not_connected(reason, Some(code)), "{message}");
    }
}

#[test]
fn a_failure_for_a_reason_that_is_not_known_may_have_rung() {
    for (message, code) in [
        ("", None),
        ("Something went wrong", None),
        ("INVITE failed: sip status: 500: Server Internal Error (SIP 500)", Some("sip_500")),
        ("INVITE failed: sip status: 503: Service Unavailable (SIP 503)", Some("sip_503")),
        ("INVITE failed: sip status: 604: Does Not Exist Anywhere (SIP 604)", Some("sip_604")),
        ("INVITE failed: sip status: 4040: (SIP 4040)", None),
        ("INVITE failed: sip status: 99999999: (SIP )", None),
        // Two different statuses: the reason is not clear.
        ("INVITE failed: sip status: 404: Not Found (SIP 486)", None),
        ("sip request timed out", Some("sip_request_timed_out")),
        ("transaction failed to complete (0 intermediate responses)", Some("transaction_failed")),
        ("call to 404 failed", None),
        (
            "Missing required dynamic variables in first message: {'owner_name'}",
            Some("missing_dynamic_variables"),
        ),
        ("an agent exceeded its daily call limit", Some("daily_call_limit_exceeded")),
    ] {
        assert_eq!(
            classify(200, &failure(message)),
            not_connected(NotConnectedReason::Failed, code),
            "{message}"
        );
    }
    let no_message = not_connected(NotConnectedReason::Failed, None);
    assert_eq!(classify(200, br#"{"success":false,"message":404,"conversation_id":"conv_1"}"#), no_message);
}

#[test]
fn a_failure_that_stops_before_the_callee_is_not_dialled() {
    for (message, code) in [
        ("INVITE failed: sip status: 401: Unauthorized (SIP 401)", "sip_401"),
        ("INVITE failed: sip status: 403: Unverified origination number D51 (SIP 403)", "sip_403"),
        ("INVITE failed: sip status: 404: Domain unavailable (SIP 404)", "sip_404"),
        ("INVITE failed: sip status: 407: Proxy Authentication Required (SIP 407)", "sip_407"),
        ("INVITE failed: sip status: 484: Address Incomplete (SIP 484)", "sip_484"),
        ("INVITE failed: sip status: 488: Not Acceptable Here (SIP 488)", "sip_488"),
        ("Agent exceeded its daily call limit", "daily_call_limit_exceeded"),
        ("Agent has exceeded its daily call limit of 5.", "daily_call_limit_exceeded"),
    ] {
        assert_eq!(classify(200, &failure(message)), rejected_with(code), "{message}");
    }
}

#[test]
fn a_200_that_does_not_say_whether_it_succeeded_is_unknown() {
    let nested = format!(r#"{{"success":true,"message":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    for body in [
        "",
        "null",
        "true",
        "[true]",
        r#"[{"success":true}]"#,
        "{}",
        r#"{"success":null}"#,
        r#"{"success":"true"}"#,
        r#"{"success":1}"#,
        r#"{"Success":true}"#,
        r#"{"success":true"#,
        r#"{"success":true} x"#,
        r#"{"success":true}{"success":true}"#,
        "<html>OK</html>",
        "\u{feff}{\"success\":true}",
        CURRENT,
        nested.as_str(),
    ] {
        let start: String = body.chars().take(60).collect();
        assert_eq!(classify(200, body.as_bytes()), UNCLEAR, "{start}");
    }
    assert_eq!(classify(200, b"{\"success\":true,\"message\":\"\xff\"}"), UNCLEAR);
}

#[test]
fn a_refusal_in_any_of_the_four_shapes_is_not_dialled() {
    for status in REFUSALS {
        for (body, code) in [
            (CURRENT, "a_code".to_owned()),
            (LEGACY, "a_status".to_owned()),
            (LIST, format!("http_{status}")),
            (TEXT, format!("http_{status}")),
            (r#"{"detail":{"code":null,"status":"a_status"}}"#, "a_status".to_owned()),
            (r#"{"detail":{"code":"+14165550100"}}"#, "unrecognized".to_owned()),
        ] {
            assert_eq!(classify(status, body.as_bytes()), rejected_with(&code), "{status} {body}");
        }
    }
}

#[test]
fn a_refusal_in_another_format_is_unknown() {
    for status in REFUSALS {
        for body in [
            "",
            "<html>Forbidden</html>",
            "{}",
            "null",
            r#"{"error":"forbidden"}"#,
            r#"{"detail":null}"#,
            r#"{"detail":404}"#,
            r#"{"detail":{}}"#,
            r#"{"detail":{"message":"no"}}"#,
            r#"{"detail":{"code":404}}"#,
            r#"{"detail":[]}"#,
            r#"{"detail":["code","status"]}"#,
            r#"{"detail":[{"msg":"no"}]}"#,
            r#"["detail"]"#,
            r#"{"success":false,"message":"INVITE failed: sip status: 404: (SIP 404)"}"#,
            &CURRENT[..CURRENT.len() - 1],
        ] {
            assert_eq!(classify(status, body.as_bytes()), UNCLEAR, "{status} {body}");
        }
    }
}

#[test]
fn every_other_status_is_unknown_with_any_body() {
    let success = r#"{"success":true,"message":"m","conversation_id":"conv_1","sip_call_id":"otb_1"}"#;
    for status in [201, 202] {
        let ids = classify(200, success.as_bytes());
        assert!(matches!(ids, DialOutcome::Placed(_)));
        assert_eq!(classify(status, success.as_bytes()), ids, "{status}");
        for body in [&failure("INVITE failed: sip status: 404: (SIP 404)")[..], b"{}", b"", LIST.as_bytes()] {
            assert_eq!(classify(status, body), UNCLEAR, "{status}");
        }
    }
    let others = (100..=599).filter(|status| !(200..=202).contains(status) && !REFUSALS.contains(status));
    for status in others {
        for body in [success, CURRENT, LEGACY, LIST, TEXT, "", "<html></html>"] {
            assert_eq!(classify(status, body.as_bytes()), UNCLEAR, "{status} {body}");
        }
    }
}

#[test]
fn no_outcome_shows_what_the_provider_said() {
    let refusals = [CURRENT, LEGACY, LIST, TEXT].map(|body| (422, body.as_bytes().to_vec()));
    let failures = ["call to +14165550100 failed", "sip status: 404: +14165550100 (SIP 404)"];
    for (status, body) in refusals.into_iter().chain(failures.map(|message| (200, failure(message)))) {
        let shown = format!("{:?}", classify(status, &body));
        assert!(!shown.contains("4165550100"), "{shown}");
    }
}
