//! Records with the values that the provider documents.

use domain::CarrierStatus;
use serde_json::{Value, json};

use super::*;

const OURS: &str = "665000000707070707070707";

fn read(record: &Value) -> Option<(CallUpdate, ConversationRecord)> {
    let text = record.to_string();
    let update = Record::parse(text.as_bytes()).expect("an object").update()?;
    let UpdateContent::Conversation(content) = update.content.clone() else {
        panic!("expected a conversation")
    };
    Some((update, content))
}

fn status(record: &Value) -> Option<CallStatus> {
    read(record).map(|(_, content)| content.status)
}

#[test]
fn a_call_has_the_status_of_its_record() {
    for (name, expected) in [
        (json!("scheduled"), Some(CallStatus::Initiated)),
        (json!("queued"), Some(CallStatus::Initiated)),
        (json!("ringing"), Some(CallStatus::Ringing)),
        (json!("in-progress"), Some(CallStatus::InProgress)),
        (json!("forwarding"), Some(CallStatus::InProgress)),
        (json!("not-found"), Some(CallStatus::Unknown)),
        (json!("deletion-failed"), Some(CallStatus::Unknown)),
        (json!("a-new-one"), Some(CallStatus::Unknown)),
        (json!("In Progress"), Some(CallStatus::InProgress)),
        (json!("completed"), Some(CallStatus::Busy)),
        (json!("FAILED"), Some(CallStatus::Busy)),
        (json!(7), None),
        (json!(null), None),
    ] {
        // Only a call that has ended gets its status from the reason.
        assert_eq!(status(&json!({ "status": name, "endedReason": "customer-busy" })), expected, "{name}");
    }
}

#[test]
fn the_reason_of_an_ended_call_decides_its_status() {
    for (reason, expected) in [
        (json!("customer-busy"), CallStatus::Busy),
        (json!("customer-did-not-answer"), CallStatus::NoAnswer),
        (json!("Customer Busy"), CallStatus::Busy),
        (json!("no_answer"), CallStatus::NoAnswer),
        (json!("declined"), CallStatus::Busy),
        (json!("voicemail"), CallStatus::Completed),
        (json!("Voicemail"), CallStatus::Completed),
        (json!("CUSTOMER_ENDED_CALL"), CallStatus::Completed),
        (json!("customer-ended-call"), CallStatus::Completed),
        (json!("customer-ended-call-during-transfer"), CallStatus::Completed),
        (json!("assistant-ended-call"), CallStatus::Completed),
        (json!("assistant-ended-call-after-message-spoken"), CallStatus::Completed),
        (json!("assistant-said-end-call-phrase"), CallStatus::Completed),
        (json!("assistant-forwarded-call"), CallStatus::Completed),
        (json!("silence-timed-out"), CallStatus::Completed),
        (json!("exceeded-max-duration"), CallStatus::Completed),
        (json!("twilio-failed-to-connect-call"), CallStatus::Failed),
        (json!("vonage-failed-to-connect-call"), CallStatus::Failed),
        (json!("twilio-reported-customer-misdialed"), CallStatus::Failed),
        (json!("call.in-progress.error-sip-outbound-call-failed-to-connect"), CallStatus::Failed),
        (json!("customer-busy-or-something-else"), CallStatus::Failed),
        (json!("a-new-one"), CallStatus::Failed),
        (json!(""), CallStatus::Failed),
        // Without a reason the status is not final: the provider may add the reason later.
        (json!(null), CallStatus::Unknown),
        (json!(["customer-busy"]), CallStatus::Unknown),
    ] {
        let started =
            json!({ "status": "ended", "endedReason": reason, "startedAt": "2026-08-20T10:00:00Z" });
        assert_eq!(status(&started), Some(expected), "{reason}");
    }
}

/// A call that the provider accepted and did not start, at its limit of concurrent calls.
#[test]
fn a_call_that_was_blocked_has_failed_with_that_reason() {
    let read = |status: &str, reason: Value, blocked: Value| {
        let limits = json!({ "concurrencyBlocked": blocked, "concurrencyLimit": 10 });
        let record = json!({ "status": status, "endedReason": reason, "subscriptionLimits": limits });
        let (_, content) = read(&record).expect("a record with a status");
        (content.status, content.cause.code.map(|code| code.as_str().to_owned()))
    };
    const LIMIT: &str = "call.start.error-subscription-concurrency-limit-reached";
    let failed = |reason: &str| (CallStatus::Failed, Some(reason.to_owned()));
    for blocked in [true, false] {
        assert_eq!(read("ended", json!(LIMIT), json!(blocked)), failed(LIMIT), "{blocked}");
    }
    for status in ["scheduled", "queued", "ended"] {
        assert_eq!(read(status, json!(null), json!(true)), failed("concurrency_blocked"), "{status}");
    }
    // A call that has rung was dialled, whatever its limits say.
    for (status, reason, expected) in [
        ("ringing", json!(null), (CallStatus::Ringing, None)),
        ("in-progress", json!(null), (CallStatus::InProgress, None)),
        ("ended", json!("customer-busy"), (CallStatus::Busy, Some("customer-busy".to_owned()))),
    ] {
        assert_eq!(read(status, reason, json!(true)), expected, "{status}");
    }
    for unblocked in [json!(false), json!("true"), json!(null), json!({})] {
        assert_eq!(
            read("queued", json!(null), unblocked.clone()),
            (CallStatus::Initiated, None),
            "{unblocked}"
        );
        assert_eq!(read("ended", json!(null), unblocked.clone()), (CallStatus::Unknown, None), "{unblocked}");
    }
}

#[test]
fn every_field_of_a_finished_call_is_read() {
    let (update, content) = read(&json!({
        "id": "call-1", "status": "ended", "endedReason": "assistant-ended-call", "phoneCallProviderId": "CA1",
        "createdAt": "2026-08-20T10:00:00.000Z", "startedAt": "2026-08-20T10:00:05.250Z",
        "endedAt": "2026-08-20T12:00:47.250+02:00", "assistant": { "deep": [[[]]] },
    }))
    .expect("a record with a status");
    assert_eq!(update.conversation_id, ConversationId::parse("call-1").ok());
    assert_eq!(update.carrier_call_id, CarrierCallId::parse("CA1").ok());
    assert_eq!(
        content,
        ConversationRecord {
            duration_secs: Some(42),
            started_at: Some(Timestamp::from_unix_millis(1_787_220_005_250)),
            ended_at: Some(Timestamp::from_unix_millis(1_787_220_047_250)),
            end_reason: Some(EndReason::Completed),
            cause: ProviderCause::from(ProviderCode::from_untrusted("assistant-ended-call")),
            ..ConversationRecord::new(CallStatus::Completed)
        }
    );
}

#[test]
fn only_a_conversation_has_a_duration_and_only_times_are_times() {
    let times = json!({
        "status": "ended", "endedReason": "customer-ended-call",
        "startedAt": "2026-08-20T10:00:00Z", "endedAt": "2026-08-20T10:00:07Z",
    });
    let with = |changes: Value| {
        let mut record = times.clone();
        record.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        let (_, content) = read(&record).expect("a record with a status");
        assert_eq!(
            content.ended_at.is_some(),
            content.status.is_final() && record["endedAt"].is_string(),
            "{record}"
        );
        (content.started_at.is_some(), content.duration_secs)
    };
    assert_eq!(with(json!({})), (true, Some(7)));
    assert_eq!(with(json!({ "endedReason": "customer-did-not-answer" })), (true, None));
    assert_eq!(with(json!({ "status": "in-progress" })), (true, None));
    assert_eq!(with(json!({ "endedAt": "2026-08-20T09:59:59Z" })), (true, None));
    assert_eq!(with(json!({ "endedAt": null })), (true, None));
    for no_time in [json!(1_787_220_000), json!("yesterday"), json!("1969-12-31T23:59:59Z"), json!({})] {
        assert_eq!(with(json!({ "startedAt": no_time })), (false, None), "{no_time}");
    }
}

#[test]
fn the_end_has_our_reason_and_the_providers_code() {
    let end = |text: &str| {
        let record = json!({ "status": "ended", "endedReason": text });
        let (_, content) = read(&record).expect("a record with a status");
        let ProviderCause { code, carrier_status } = content.cause;
        (
            content.end_reason,
            code.map(|code| code.as_str().to_owned()),
            carrier_status.map(CarrierStatus::number),
        )
    };
    let code = |code: &str| Some(code.to_owned());
    assert_eq!(end("voicemail"), (Some(EndReason::Voicemail), code("voicemail"), None));
    assert_eq!(end("customer-busy"), (Some(EndReason::Busy), code("customer-busy"), None));
    let sip = "call.in-progress.error-providerfault-outbound-sip-503-service-unavailable";
    assert_eq!(end(sip), (Some(EndReason::Failed), code(sip), Some(503)));
    // A text may quote a number: it is not a code.
    let text = "could not call +14165550100";
    assert_eq!(end(text), (Some(EndReason::Failed), code("unrecognized"), None));
    assert_eq!(end(" \n"), (Some(EndReason::Failed), None, None));
}

#[test]
fn either_field_identifies_our_call_unless_the_other_contradicts() {
    let ours = CallId::parse(OURS).expect("an id");
    for (name, external_id, expected) in [
        (json!(OURS), json!(OURS), Owner::Requested),
        (json!(OURS), json!(null), Owner::Requested),
        (json!(7), json!(OURS), Owner::Requested),
        (json!(OURS), json!("another"), Owner::Contradictory),
        (json!("another"), json!(OURS), Owner::Contradictory),
        (json!(""), json!(OURS), Owner::Contradictory),
        (json!("another"), json!("another"), Owner::Other),
        (json!(null), json!(null), Owner::Other),
    ] {
        let record = json!({ "name": name, "customer": { "externalId": external_id } }).to_string();
        let record = Record::parse(record.as_bytes()).expect("an object");
        assert_eq!(record.owner(&ours), expected, "{name} and {external_id}");
    }
    let odd = json!({ "name": OURS, "customer": [OURS] }).to_string();
    assert_eq!(Record::parse(odd.as_bytes()).expect("an object").owner(&ours), Owner::Requested);
}

#[test]
fn text_that_is_not_a_record_or_a_list_of_records_is_refused() {
    let deep = format!("{{\"id\":\"call-1\",\"x\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(Record::parse(deep.as_bytes()).is_some_and(|record| record.id().is_some()));
    for no_record in ["", "[]", "null", "[\"call-1\"]", "{\"id\":\"call-1\"", "<html></html>"] {
        assert!(Record::parse(no_record.as_bytes()).is_none(), "{no_record}");
    }
    let count = |json: &str| Record::parse_list(json.as_bytes()).map(|list| list.len());
    assert_eq!((count("[]"), count(" [ {}, {\"id\":7} ] ")), (Some(0), Some(2)));
    for no_list in ["{}", "null", "[1]", "[{},[]]", "[{},null]", "[{}"] {
        assert_eq!(count(no_list), None, "{no_list}");
    }
}
