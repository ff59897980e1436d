//! The events of a call, as its webhooks carry them.

use crate::calls::Call;
use crate::elevenlabs::{catalogue, conversations, recording};
use crate::timeline::{End, Failure, Step};
use crate::webhooks::{Event, WebhookScript};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The filler of a large event, in bytes.
const LARGE: usize = 5_000_000;

/// What is sent of a call that is over, in order; nothing of one that rings on.
pub(crate) fn events_of(call: &Call, script: WebhookScript) -> Vec<Event> {
    let mut events = Vec::new();
    if matches!(call.timeline.end, End::RingsOn) {
        return events;
    }
    if script.unknown_type {
        let data =
            json!({ "conversation_id": call.dial.conversation_id, "call_sid": "", "answered_by": "human" });
        events.push(event(call, "answering_machine_detection", data));
    }
    match &call.timeline.end {
        End::RingsOn => {}
        End::Failed(failure) => events.push(initiation_failure(call, failure)),
        End::Answered => {
            if script.out_of_order {
                events.push(audio(call));
            }
            events.push(transcription(call, script.large));
            if script.out_of_order {
                events.push(initiation_failure(call, &not_true()));
            } else if script.audio {
                events.push(audio(call));
            }
        }
    }
    events
}

fn transcription(call: &Call, large: bool) -> Event {
    let mut record = conversations::record(call, Step::Done);
    if large {
        // The provider's own variable: the transcript once more.
        record["conversation_initiation_client_data"]["dynamic_variables"]["system__conversation_history"] =
            "a".repeat(LARGE).into();
    }
    Event { retried: true, ..event(call, "post_call_transcription", record) }
}

fn audio(call: &Call) -> Event {
    let data = json!({
        "agent_id": call.dial.agent_id,
        "conversation_id": call.dial.conversation_id,
        "full_audio": STANDARD.encode(recording::silence()),
    });
    Event { chunked: true, ..event(call, "post_call_audio", data) }
}

fn initiation_failure(call: &Call, failure: &Failure) -> Event {
    let sip_status = (400..=699).contains(&failure.code).then_some(failure.code);
    let reason = match (sip_status, failure.error_type) {
        (Some(486 | 600), _) => "busy",
        (Some(408 | 480 | 487), _) | (_, "no_answer") => "no-answer",
        _ => "unknown",
    };
    let data = json!({
        "agent_id": call.dial.agent_id,
        "conversation_id": call.dial.conversation_id,
        "failure_reason": reason,
        "metadata": { "type": "sip", "body": {
            "from_number": catalogue::number_of(&call.dial.agent_phone_number_id),
            "to_number": call.dial.to_number,
            "sip_status_code": sip_status,
            "error_reason": failure.reason,
            "call_sid": call.sip_call_id,
            "twirp_code": "unavailable",
        } },
    });
    event(call, "call_initiation_failure", data)
}

/// The failure that comes too late to a call that was answered.
fn not_true() -> Failure {
    Failure {
        code: 480,
        reason: "sip status: 480: Temporarily Unavailable (SIP 480)".to_owned(),
        error_type: "no_answer",
    }
}

fn event(call: &Call, kind: &'static str, data: Value) -> Event {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let body = json!({ "type": kind, "event_timestamp": now, "data": data }).to_string().into_bytes();
    Event { kind, conversation_id: call.dial.conversation_id.clone(), body, chunked: false, retried: false }
}
