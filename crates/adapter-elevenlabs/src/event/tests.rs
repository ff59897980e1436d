//! Events as the provider documents them, and malformed ones.

use domain::{Audio, AudioFormat, CallStatus, CarrierCallId, CarrierStatus, NotConnectedReason, PhoneNumber};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const RECEIVED: Timestamp = Timestamp::from_unix_millis(1_760_000_000_000);

fn read_json(body: &Value) -> ProviderEvent {
    read(body.to_string().as_bytes(), RECEIVED).expect("an event")
}

fn transcription() -> Value {
    json!({"type": "post_call_transcription", "event_timestamp": 1_739_537_297, "data": {
        "agent_id": "agent_1", "conversation_id": "conv_1", "status": "done", "user_id": "call_1",
        "transcript": [{"role": "agent", "message": "Hi.", "time_in_call_secs": 0}],
        "metadata": {"start_time_unix_secs": 1_739_537_297, "call_duration_secs": 22,
            "phone_call": {"type": "sip_trunking", "agent_number": "+14165550100", "external_number": "+14165550123", "call_id": "otb_1"}},
        "analysis": {"transcript_summary": "s"},
        "conversation_initiation_client_data": {"user_id": "call_1", "dynamic_variables": {}},
    }})
}

fn sip_failure(named: &str, body: Value) -> Value {
    json!({"type": "call_initiation_failure", "event_timestamp": 1_759_931_652, "data": {
        "agent_id": "agent_1", "conversation_id": "conv_1", "failure_reason": named,
        "metadata": {"type": "sip", "body": body},
    }})
}

fn failure(event: &ProviderEvent) -> CallFailure {
    match event.update.as_ref().expect("an update").content {
        UpdateContent::Failure(ref failure) => failure.clone(),
        ref other => panic!("{other:?} is not a failure"),
    }
}

fn status(event: &ProviderEvent) -> CallStatus {
    match &event.update.as_ref().expect("an update").content {
        UpdateContent::Conversation(conversation) => conversation.status,
        other => panic!("{other:?} is not a conversation"),
    }
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

#[test]
fn a_transcription_reports_on_its_call() {
    let event = read_json(&transcription());
    assert_eq!(event.kind, "post_call_transcription");
    assert!(event.key.starts_with("post_call_transcription:conv_1#"), "{}", event.key);
    assert_eq!(event.lookup.call_id.as_ref().map(|id| id.as_str()), Some("call_1"));
    assert_eq!(event.lookup.conversation_id.as_ref().map(|id| id.as_str()), Some("conv_1"));
    let parties = event.lookup.parties.as_ref().expect("both numbers and the agent are named");
    assert_eq!((&parties.one, &parties.other), (&number("+14165550100"), &number("+14165550123")));
    assert_eq!(parties.provider_agent_id.as_str(), "agent_1");
    assert_eq!(parties.booked_since, RECEIVED.before(Duration::from_hours(2)));
    assert_eq!(
        parties.booked_until,
        RECEIVED.after(Duration::from_secs(5)),
        "no call booked after the event"
    );
    assert_eq!(status(&event), CallStatus::Completed);
}

/// The provider sends events for every call of its workspace. When a callee calls back, that
/// inbound call has the numbers and the agent of our call before it.
#[test]
fn an_inbound_call_is_none_of_ours() {
    let mut event = transcription();
    for path in ["/data/user_id", "/data/conversation_initiation_client_data"] {
        *event.pointer_mut(path).expect("the path exists") = Value::Null;
    }
    event["data"]["metadata"]["phone_call"]["direction"] = json!("outbound");
    assert!(read_json(&event).update.is_some() && read_json(&event).lookup.parties.is_some());
    for direction in ["inbound", "Inbound"] {
        event["data"]["metadata"]["phone_call"]["direction"] = json!(direction);
        let event = read_json(&event);
        assert_eq!((event.update, event.lookup.parties), (None, None), "{direction}");
    }
}

#[test]
fn the_older_shape_reads_the_same() {
    let mut inlined = transcription();
    let data = inlined["data"].take();
    inlined.as_object_mut().expect("an object").extend(data.as_object().expect("an object").clone());
    let read = read_json(&inlined);
    assert_eq!(ProviderEvent { key: read.key.clone(), ..read_json(&transcription()) }, read);
}

#[test]
fn our_id_is_found_in_either_place_and_numbers_in_every_spelling() {
    let mut event = transcription();
    event["data"]["user_id"] = Value::Null;
    assert_eq!(read_json(&event).lookup.call_id.expect("the other place").as_str(), "call_1");

    event["data"]["metadata"] = json!({ "caller_id": "14165550123", "called_id": 14_165_550_100_u64 });
    let parties = read_json(&event).lookup.parties.expect("both numbers and the agent are named");
    assert_eq!([parties.one, parties.other], [number("+14165550123"), number("+14165550100")]);
}

/// Other systems place calls in the same workspace, with a `user_id` of their own or without one. An
/// id that a call of ours could have is looked up in the ledger, which then decides.
#[test]
fn an_event_with_a_user_id_that_no_call_of_ours_has_is_not_matched_by_numbers() {
    let with = |user_id: Value, client_data: Value| {
        let mut event = transcription();
        event["data"]["user_id"] = user_id;
        event["data"]["conversation_initiation_client_data"]["user_id"] = client_data;
        let ProviderEvent { lookup, origin, .. } = read_json(&event);
        let call_id = lookup.call_id.as_ref().map(|id| id.as_str().to_owned());
        assert_eq!(origin.has_other_id, lookup.parties.is_none(), "it is another system's");
        (call_id, lookup.parties.is_some())
    };
    for other in ["crm user 7".to_owned() + &"7".repeat(300), "user\u{0}".to_owned()] {
        assert_eq!(with(json!(other), Value::Null), (None, false), "{other}");
        assert_eq!(with(Value::Null, json!(other)), (None, false), "{other}");
    }
    for unnamed in [Value::Null, json!("")] {
        assert_eq!(with(unnamed.clone(), unnamed.clone()), (None, true));
        assert_eq!(with(unnamed, json!("call_1")), (Some("call_1".to_owned()), true));
    }
    assert_eq!(with(json!(7), Value::Null), (Some("7".to_owned()), true));
    assert_eq!(with(json!("another"), json!("call_1")), (Some("another".to_owned()), true));
}

#[test]
fn a_transcription_without_a_status_belongs_to_a_call_that_is_over() {
    let mut event = transcription();
    event["data"]["status"] = Value::Null;
    assert_eq!(status(&read_json(&event)), CallStatus::Completed);
    event["data"]["metadata"]["error"] = json!({ "code": 486 });
    assert_eq!(status(&read_json(&event)), CallStatus::Busy);
}

/// The provider adds words without notice, and sends the event once.
#[test]
fn a_transcription_is_an_end_whatever_its_status() {
    let read_with = |word: Value, error: Value| {
        let mut event = transcription();
        event["data"]["status"] = word;
        event["data"]["metadata"]["error"] = error;
        status(&read_json(&event))
    };
    for word in ["completed", "Done", "ended", "processing", "in-progress", "initiated", "a new one", ""] {
        assert_eq!(read_with(json!(word), Value::Null), CallStatus::Completed, "{word}");
    }
    for word in [json!(null), json!(7), json!(["done"])] {
        assert_eq!(read_with(word.clone(), Value::Null), CallStatus::Completed, "{word}");
    }
    for (word, expected) in
        [("canceled", CallStatus::Failed), ("No Answer", CallStatus::NoAnswer), ("busy", CallStatus::Busy)]
    {
        assert_eq!(read_with(json!(word), Value::Null), expected, "{word}");
    }
    assert_eq!(read_with(json!("a new one"), json!({ "code": 486 })), CallStatus::Busy);
}

/// The provider cuts texts in the middle of an emoji. Our fields come after three hundred others.
#[test]
fn half_of_a_character_and_unknown_fields_cost_nothing() {
    let unknown: Vec<String> = (0..300).map(|index| format!("\"extra{index}\":0")).collect();
    let body = format!(
        r#"{{"type":"post_call_transcription","data":{{{},"\ud83d":1,"conversation_id":"conv_1","status":"done",
        "transcript":[{{"role":"agent","message":"Hi \ud83d mary"}}],"analysis":{{"transcript_summary":"sum \ude00"}}}}}}"#,
        unknown.join(",")
    );
    let event = read(body.as_bytes(), RECEIVED).expect("an event");
    assert_eq!(event.lookup.conversation_id.as_ref().map(|id| id.as_str()), Some("conv_1"));
    let Some(UpdateContent::Conversation(conversation)) = event.update.map(|update| update.content) else {
        panic!("expected a conversation")
    };
    assert_eq!(conversation.transcript[0].text.as_str(), "Hi \u{fffd} mary");
    assert_eq!(conversation.summary.as_ref().map(|summary| summary.as_str()), Some("sum \u{fffd}"));
    assert_eq!((conversation.status, conversation.is_truncated), (CallStatus::Completed, false));
}

#[test]
fn a_failure_says_why_and_when() {
    let twilio = |status: &str| json!({"CallStatus": status, "SipResponseCode": ""});
    for (named, body, expected) in [
        ("no_answer", json!({}), NotConnectedReason::NoAnswer),
        ("No Answer", json!({}), NotConnectedReason::NoAnswer),
        ("BUSY", json!({}), NotConnectedReason::Busy),
        ("declined", json!({}), NotConnectedReason::Declined),
        ("unknown", twilio("no-answer"), NotConnectedReason::NoAnswer),
        ("unknown", twilio("busy"), NotConnectedReason::Busy),
        ("unknown", twilio("failed"), NotConnectedReason::Failed),
        ("busy", json!({}), NotConnectedReason::Busy),
        ("no-answer", json!({}), NotConnectedReason::NoAnswer),
        ("unknown", json!({}), NotConnectedReason::Failed),
        ("a new one", json!({}), NotConnectedReason::Failed),
        ("unknown", json!({"sip_status_code": 480}), NotConnectedReason::NoAnswer),
        (
            "unknown",
            json!({"error_reason": "INVITE failed: sip status: 603: Decline (SIP 603)"}),
            NotConnectedReason::Declined,
        ),
        ("busy", json!({"SipResponseCode": "487"}), NotConnectedReason::Busy),
        ("unknown", json!({"sip_status_code": 403}), NotConnectedReason::Failed),
    ] {
        let event = read_json(&sip_failure(named, body.clone()));
        assert_eq!(failure(&event).reason, expected, "{named} {body}");
        assert_eq!(failure(&event).at, Timestamp::from_unix_millis(1_759_931_652_000));
        assert!(event.key.starts_with("call_initiation_failure:conv_1#"), "{}", event.key);
    }
}

/// The provider's word is kept as it spells it, unless it says no more than *unknown*.
#[test]
fn a_failure_has_the_providers_codes() {
    let timed_out = json!({"error_reason": "sip request timed out"});
    let declined =
        json!({"sip_status_code": 603, "error_reason": "INVITE failed: sip status: 603: Decline (SIP 603)"});
    for (named, body, code, carrier_status) in [
        ("busy", json!({"sip_status_code": 486}), Some("busy"), Some(486)),
        ("No Answer", json!({}), Some("No_Answer"), None),
        ("carrier_rejected", json!({"sip_status_code": "503"}), Some("carrier_rejected"), Some(503)),
        ("the carrier of Ada said no", json!({}), Some("unrecognized"), None),
        ("unknown", json!({"CallStatus": "no-answer", "SipResponseCode": ""}), Some("no-answer"), None),
        ("unknown", timed_out, Some("sip_request_timed_out"), None),
        ("unknown", declined, None, Some(603)),
        ("unknown", json!({"sip_status_code": 1011}), None, None),
    ] {
        let cause = failure(&read_json(&sip_failure(named, body.clone()))).cause;
        assert_eq!(cause.code.as_ref().map(|code| code.as_str()), code, "{named} {body}");
        assert_eq!(cause.carrier_status.map(CarrierStatus::number), carrier_status, "{named} {body}");
    }
}

#[test]
fn a_failure_names_its_numbers_as_text_and_as_number() {
    for body in [
        json!({"from_number": "+14165550100", "to_number": "+14165550123", "call_sid": "sid-1"}),
        json!({"from_number": 14_165_550_100_u64, "to_number": 14_165_550_123_u64, "call_sid": "sid-1"}),
        json!({"From": "+14165550100", "To": "+14165550123", "CallSid": "sid-1"}),
    ] {
        let event = read_json(&sip_failure("busy", body));
        let parties = event.lookup.parties.expect("both numbers and the agent are named");
        assert_eq!([parties.one, parties.other], [number("+14165550100"), number("+14165550123")]);
        let sid = CarrierCallId::parse("sid-1").expect("an id");
        assert_eq!(event.update.and_then(|update| update.carrier_call_id), Some(sid));
    }
    assert_eq!(read_json(&sip_failure("busy", json!({"from_number": 7}))).lookup.parties, None);
}

#[test]
fn events_that_update_no_call_have_a_key_and_are_stored() {
    let event = read_json(&json!({"type": "a_new_one"}));
    assert_eq!((event.kind.as_str(), &event.update), ("a_new_one", &None));
    assert_eq!(event.key, "a_new_one#cb19b6c4f4dfabbaf2d171dabcb8f8b52447394fa6044a7ec859701788406aef");

    let odd = "+14165550100 ".repeat(1000);
    let event = read_json(&json!({"type": odd, "data": {"conversation_id": "conv_1"}}));
    assert_eq!(event.kind, "unrecognized");
    assert!(event.key.starts_with("unrecognized#") && event.key.len() < 200, "{}", event.key);
    let event = read_json(&json!({"type": "a", "data": {"conversation_id": "x".repeat(200)}}));
    assert!(event.key.starts_with("a#") && event.lookup.conversation_id.is_none());
}

#[test]
fn an_audio_event_has_the_recording_of_its_conversation() {
    let audio = |full_audio: Value| {
        json!({"type": "post_call_audio", "event_timestamp": 1_739_537_319,
        "data": {"agent_id": "agent_1", "conversation_id": "conv_1", "full_audio": full_audio}})
    };
    let event = read_json(&audio(json!("SUQzBAAA//8=")));
    assert_eq!(event.kind, "post_call_audio");
    assert_eq!(event.lookup.conversation_id.as_ref().map(|id| id.as_str()), Some("conv_1"));
    assert_eq!(event.update, None, "an audio event does not update the call");
    assert_eq!(event.origin.provider_agent_id.as_ref().map(|id| id.as_str()), Some("agent_1"));
    let mp3 = Audio { format: AudioFormat::Mp3, bytes: b"ID3\x04\0\0\xff\xff".to_vec() };
    assert_eq!(event.recording.as_ref(), Some(&mp3));

    let inlined =
        json!({"type": "post_call_audio", "conversation_id": "conv_1", "full_audio": "SUQzBAAA//8="});
    let without_agent = EventOrigin::default();
    let read_inlined = read_json(&inlined);
    let key = read_inlined.key.clone();
    let expected = ProviderEvent { key, origin: without_agent, recording: Some(mp3.clone()), ..event };
    assert_eq!(read_inlined, expected);
    let escaped = br#"{"type":"post_call_audio","data":{"full_audio":"SUQzBAAA\/\/8"}}"#;
    assert_eq!(read(escaped, RECEIVED).expect("an event").recording, Some(mp3));

    let wav = read_json(&audio(json!("UklGRgA="))).recording.expect("audio");
    assert_eq!((wav.format, wav.bytes.as_slice()), (AudioFormat::Wav, b"RIFF\0".as_slice()));

    for unreadable in
        [json!(""), json!("SUQ zBAAA"), json!("S"), json!("SUQ_"), Value::Null, json!(7), json!(["SUQz"])]
    {
        let event = read_json(&audio(unreadable.clone()));
        assert_eq!(event.recording, None, "{unreadable}");
        let content = event.update.map(|update| update.content);
        let at_provider = UpdateContent::Recording(RecordingReport::AtProvider);
        assert_eq!(content, Some(at_provider), "{unreadable} can be fetched");
    }
    let mut elsewhere = transcription();
    elsewhere["data"]["full_audio"] = json!("SUQz");
    assert_eq!(read_json(&elsewhere).recording, None, "another type of event has no recording");
}

#[test]
fn a_body_that_is_not_an_event_is_refused() {
    for body in
        ["", "[]", "null", "{}", r#"{"type":7}"#, r#"{"type":"a""#, "\u{feff}{}", "{\"type\":\"a\"} x"]
    {
        assert_eq!(read(body.as_bytes(), RECEIVED), Err(UnreadableEvent), "{body:?}");
    }
}

#[test]
fn nothing_about_a_person_is_in_debug() {
    for event in [
        transcription(),
        sip_failure("busy", json!({"from_number": "+14165550100", "to_number": "+14165550123"})),
    ] {
        let shown = format!("{:?}", read_json(&event));
        for secret in ["4165550100", "4165550123", "Hi."] {
            assert!(!shown.contains(secret), "{secret} is in {shown}");
        }
    }
}

/// The JSON pointer of every value in an event.
fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| pointers(value, &format!("{path}/{key}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| pointers(value, &format!("{path}/{index}"), found));
        }
        _ => {}
    }
}

#[test]
fn every_field_may_be_missing_or_of_another_type() {
    let body = json!({"from_number": "+14165550100", "to_number": "+14165550123", "sip_status_code": 486,
        "error_reason": "x", "call_sid": "s"});
    for event in [transcription(), sip_failure("busy", body)] {
        let mut found = Vec::new();
        pointers(&event, "", &mut found);
        for path in found.iter().filter(|path| !matches!(path.as_str(), "" | "/type")) {
            for other in [
                json!(null),
                json!(7),
                json!(-1.5e300),
                json!("x"),
                json!([1, {}]),
                json!({"a": 1}),
                json!(true),
            ] {
                let mut event = event.clone();
                *event.pointer_mut(path).expect("the path exists") = other.clone();
                let read = read_json(&event);
                assert_eq!(read.kind, event["type"], "{path} = {other}");
                assert!(read.update.is_some(), "{path} = {other}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes, RECEIVED);
    }

    #[test]
    fn no_corrupted_event_panics(index in 0usize..2000, byte in any::<u8>(), length in 0usize..2000) {
        let mut bytes = transcription().to_string().into_bytes();
        let index = index % bytes.len();
        bytes[index] = byte;
        let _ = read(&bytes, RECEIVED);
        bytes.truncate(length);
        let _ = read(&bytes, RECEIVED);
    }
}
