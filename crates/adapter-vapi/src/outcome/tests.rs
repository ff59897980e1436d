//! The table: every kind of response and its outcome.

use domain::{CarrierCallId, ConversationId, ProviderReference};
use serde_json::{Value, json};

use super::*;

/// The meaning of a response without `Retry-After`.
fn classify(status: u16, body: &[u8]) -> DialOutcome {
    super::classify(&Response { status, retry_after: None, body: body.to_vec() })
}

const REFUSALS: [u16; 7] = [400, 401, 402, 403, 404, 422, 429];

const UNCLEAR: DialOutcome = DialOutcome::Unknown(UnknownCause::UnclearAnswer);

/// The record of a queued call with these fields changed; `null` removes a field.
fn record(changes: Value) -> Vec<u8> {
    let mut record = json!({
        "id": "call-1", "orgId": "org-1", "createdAt": "2026-08-20T10:00:00.000Z", "status": "queued",
        "updatedAt": "2026-08-20T10:00:00.000Z", "type": "outboundPhoneCall",
        "subscriptionLimits": { "concurrencyBlocked": false, "concurrencyLimit": 10, "remainingConcurrentCalls": 9 },
    });
    let fields = record.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => fields.remove(name),
            value => fields.insert(name.clone(), value.clone()),
        };
    }
    record.to_string().into_bytes()
}

fn refusal(status: u16, changes: Value) -> Vec<u8> {
    let mut refusal =
        json!({ "message": "no call to +14165550100", "error": "Bad Request", "statusCode": status });
    let fields = refusal.as_object_mut().expect("an object");
    fields.extend(changes.as_object().expect("an object").clone());
    fields.retain(|_, value| !value.is_null());
    refusal.to_string().into_bytes()
}

fn placed(conversation: Option<&str>, carrier_call: Option<&str>) -> DialOutcome {
    DialOutcome::Placed(ProviderReference {
        conversation_id: conversation.map(|id| ConversationId::parse(id).expect("an id")),
        carrier_call_id: carrier_call.map(|id| CarrierCallId::parse(id).expect("an id")),
    })
}

fn rejected_with(code: &str) -> DialOutcome {
    DialOutcome::NotDialled(NotDialledReason::Rejected(ProviderCode::from_untrusted(code)))
}

/// The wait counts only for a refusal in the provider's own format.
#[test]
fn a_refusal_keeps_the_wait() {
    let wait = Some(std::time::Duration::from_secs(7));
    let read = |body| super::classify(&Response { status: 429, retry_after: wait, body });
    let reason = NotDialledReason::rejected(ProviderCode::from_untrusted("http_429"), wait);
    assert_eq!(read(refusal(429, json!({}))), DialOutcome::NotDialled(reason));
    for foreign in [refusal(503, json!({})), b"<html></html>".to_vec(), b"{}".to_vec()] {
        assert_eq!(read(foreign), UNCLEAR);
    }
}

#[test]
fn a_record_is_placed_whatever_its_ids() {
    for (changes, expected) in [
        (json!({}), placed(Some("call-1"), None)),
        (json!({ "phoneCallProviderId": "CA1" }), placed(Some("call-1"), Some("CA1"))),
        (json!({ "phoneCallProviderId": "" }), placed(Some("call-1"), None)),
        (json!({ "id": null }), placed(None, None)),
        (json!({ "id": 7, "phoneCallProviderId": ["CA1"] }), placed(None, None)),
        (json!({ "id": "a\r\nb" }), placed(None, None)),
        (json!({ "id": "x".repeat(129) }), placed(None, None)),
        (
            json!({ "status": null, "subscriptionLimits": null, "type": null, "updatedAt": null }),
            placed(Some("call-1"), None),
        ),
        (json!({ "subscriptionLimits": { "concurrencyBlocked": "true" } }), placed(Some("call-1"), None)),
        (json!({ "subscriptionLimits": [true] }), placed(Some("call-1"), None)),
    ] {
        assert_eq!(classify(201, &record(changes.clone())), expected, "{changes}");
    }
    for status in ["scheduled", "queued", "ringing", "in-progress", "forwarding", "a-status-of-next-year"] {
        assert_eq!(
            classify(201, &record(json!({ "status": status }))),
            placed(Some("call-1"), None),
            "{status}"
        );
    }
}

#[test]
fn a_call_that_the_concurrency_limit_blocks_is_not_dialled() {
    for status in ["queued", "ended"] {
        let blocked = json!({ "status": status, "subscriptionLimits": { "concurrencyBlocked": true } });
        assert_eq!(classify(201, &record(blocked)), rejected_with("concurrency_blocked"), "{status}");
    }
}

#[test]
fn a_201_without_the_record_of_a_live_call_is_unknown() {
    for status in ["ended", "Ended", "completed", "failed", "not_found", "not-found", "deletion-failed"] {
        assert_eq!(classify(201, &record(json!({ "status": status }))), UNCLEAR, "{status}");
    }
    for changes in [json!({ "orgId": null }), json!({ "createdAt": null }), json!({ "orgId": 7 })] {
        assert_eq!(classify(201, &record(changes.clone())), UNCLEAR, "{changes}");
    }
    let whole = record(json!({}));
    let nested = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for body in [
        b"".as_slice(),
        b"null",
        b"{}",
        b"<html>Created</html>",
        br#"{"id":"call-1"}"#,
        br#"{"subscriptionLimits":{"concurrencyBlocked":true}}"#,
        &whole[..whole.len() - 1],
        &[b"[".as_slice(), &whole, b"]"].concat(),
        &[whole.as_slice(), b"x"].concat(),
        &refusal(201, json!({})),
        nested.as_bytes(),
    ] {
        assert_eq!(classify(201, body), UNCLEAR, "{}", String::from_utf8_lossy(&body[..body.len().min(60)]));
    }
}

#[test]
fn a_refusal_in_the_providers_format_is_not_dialled() {
    for status in REFUSALS {
        let by_status = format!("http_{status}");
        for (changes, code) in [
            (json!({}), by_status.as_str()),
            (json!({ "error": "Unauthorized" }), "unauthorized"),
            (json!({ "error": null }), &by_status),
            (json!({ "error": 7 }), &by_status),
            (json!({ "error": "Ada Lovelace is not to be called" }), &by_status),
            (json!({ "error": "+14165550100" }), "unrecognized"),
            (json!({ "message": ["one", "two"] }), &by_status),
        ] {
            assert_eq!(
                classify(status, &refusal(status, changes.clone())),
                rejected_with(code),
                "{status} {changes}"
            );
        }
    }
}

#[test]
fn a_refusal_in_another_format_is_unknown() {
    for status in REFUSALS {
        for changes in [
            json!({ "message": null }),
            json!({ "message": 7 }),
            json!({ "message": [] }),
            json!({ "message": [7] }),
            json!({ "statusCode": null }),
            json!({ "statusCode": status.to_string() }),
            json!({ "statusCode": 500 }),
        ] {
            assert_eq!(classify(status, &refusal(status, changes.clone())), UNCLEAR, "{status} {changes}");
        }
        let whole = refusal(status, json!({}));
        for body in [b"".as_slice(), b"null", b"<html>No</html>", &whole[1..], &record(json!({}))] {
            assert_eq!(classify(status, body), UNCLEAR, "{status} {}", String::from_utf8_lossy(body));
        }
    }
}

#[test]
fn every_other_status_is_unknown_with_any_body() {
    let blocked = json!({ "subscriptionLimits": { "concurrencyBlocked": true } });
    for status in [200, 202] {
        assert_eq!(classify(status, &record(json!({}))), placed(Some("call-1"), None), "{status}");
        for body in [record(blocked.clone()), record(json!({ "status": "ended" })), b"{}".to_vec()] {
            assert_eq!(classify(status, &body), UNCLEAR, "{status}");
        }
    }
    for status in (100..=599).filter(|status| !(200..=202).contains(status) && !REFUSALS.contains(status)) {
        for body in [record(json!({})), refusal(status, json!({})), b"<html></html>".to_vec(), Vec::new()] {
            assert_eq!(classify(status, &body), UNCLEAR, "{status} {}", String::from_utf8_lossy(&body));
        }
    }
}

#[test]
fn no_outcome_shows_what_the_provider_said() {
    let blocked = json!({ "customer": "+14165550100", "subscriptionLimits": { "concurrencyBlocked": true } });
    for (status, body) in [
        (422, refusal(422, json!({ "message": ["+14165550100"] }))),
        (400, refusal(400, json!({ "error": "14165550100" }))),
        (201, record(blocked)),
        (201, record(json!({ "name": "+14165550100" }))),
    ] {
        let shown = format!("{:?}", classify(status, &body));
        assert!(!shown.contains("4165550100"), "{shown}");
    }
}
