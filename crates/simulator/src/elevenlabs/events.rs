//! The webhook events of a call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{conversations, demo, recording};
use crate::calls::Call;
use crate::timeline::{End, Failure, Step, unix_now_secs};
use crate::webhooks::{Event, WebhookScript};

const LARGE_EVENT_BYTES: usize = 5_000_000;

/// The events of a call that is over, in order; none for a call that keeps ringing.
pub(crate) fn events_of(call: &Call, script: WebhookScript) -> Vec<Event> {
    let mut events = match &call.timeline.end {
        End::KeepsRinging => return Vec::new(),
        End::Failed(failure) => vec![initiation_failure(call, failure)],
        End::Answered if script.out_of_order => {
            vec![audio(call), transcription(call, script.large), initiation_failure(call, &false_failure())]
        }
        End::Answered if script.audio => vec![transcription(call, script.large), audio(call)],
        End::Answered => vec![transcription(call, script.large)],
    };
    if script.unknown_type {
        let data =
            json!({ "conversation_id": call.dial.conversation_id, "call_sid": "", "answered_by": "human" });
        events.insert(0, event(call, "answering_machine_detection", data));
    }
    events
}

fn transcription(call: &Call, large: bool) -> Event {
    let mut record = conversations::record(call, Step::Done);
    if large {
        // The provider adds this variable, which repeats the transcript.
        record["conversation_initiation_client_data"]["dynamic_variables"]["system__conversation_history"] =
            "a".repeat(LARGE_EVENT_BYTES).into();
    }
    Event { retried: true, ..event(call, "post_call_transcription", record) }
}

fn audio(call: &Call) -> Event {
    let data = json!({
        "agent_id": call.dial.agent_id,
        "conversation_id": call.dial.conversation_id,
        "full_audio": STANDARD.encode(recording::of(call)),
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
            "from_number": demo::number_of(&call.dial.agent_phone_number_id),
            "to_number": call.dial.to_number,
            "sip_status_code": sip_status,
            "error_reason": failure.reason,
            "call_sid": call.sip_call_id,
            "twirp_code": "unavailable",
        } },
    });
    event(call, "call_initiation_failure", data)
}

/// The failure that is reported although the call was answered.
fn false_failure() -> Failure {
    Failure {
        code: 480,
        reason: "sip status: 480: Temporarily Unavailable (SIP 480)".to_owned(),
        error_type: "no_answer",
    }
}

fn event(call: &Call, kind: &'static str, data: Value) -> Event {
    let body = json!({ "type": kind, "event_timestamp": unix_now_secs(), "data": data });
    let body = body.to_string().into_bytes();
    Event { kind, conversation_id: call.dial.conversation_id.clone(), body, chunked: false, retried: false }
}
