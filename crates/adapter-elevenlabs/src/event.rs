//! Reads an event: which call it belongs to and what it reports.
//!
//! Its JSON is `{"type", "event_timestamp", "data"}`. In an older shape the fields of `data` are
//! beside `type`.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use domain::ports::{CallLookup, EventOrigin, PartiesLookup, ProviderEvent, UnreadableEvent};
use domain::{CallFailure, CallUpdate, ProviderCause, RecordingReport, Timestamp, UpdateContent};
use provider_client::with_whole_characters;

use crate::audio;
use crate::conversation::{self, Conversation, Owner};
use crate::hex::hex;
use crate::json::Object;
use crate::{outcome, words};

/// An event may identify its call by phone numbers alone. It then belongs to a call booked within
/// this time before the event.
const BOOKED_WITHIN: Duration = Duration::from_hours(2);
/// The gateway process that booked the call may have a clock that is ahead of ours by this much.
const CLOCK_MARGIN: Duration = Duration::from_secs(5);
/// In bytes. An event with a longer type is [`UNRECOGNIZED`].
const MAX_KIND_LEN: usize = 64;
/// The type of an event with a recording.
const AUDIO: &str = "post_call_audio";
const UNRECOGNIZED: &str = "unrecognized";

/// Reads a verified body.
pub(crate) fn read(body: &[u8], received_at: Timestamp) -> Result<ProviderEvent, UnreadableEvent> {
    let readable = with_whole_characters(body);
    let envelope = Object::parse(&readable).ok_or(UnreadableEvent)?;
    let kind = kind(&envelope.text("type").ok_or(UnreadableEvent)?);
    let happened_at = conversation::timestamp(&envelope, "event_timestamp").unwrap_or(received_at);
    let data = envelope.object("data").or(envelope);
    let failed_dial = data.object("metadata").object("body");
    let failure_reason = data.text("failure_reason");
    let recording = (kind == AUDIO).then(|| audio::read(&data)).flatten();
    let conversation = Conversation::new(data);

    let numbers = match kind.as_str() {
        "call_initiation_failure" => conversation::numbers(&failed_dial, "from_number", "to_number")
            .or_else(|| conversation::numbers(&failed_dial, "From", "To"))
            .or_else(|| conversation.numbers()),
        _ => conversation.numbers(),
    };
    // The provider sends events for every call of its workspace. When a callee calls back, that
    // inbound call has the same two numbers as our call before it.
    let is_inbound = conversation.is_inbound();
    // A call with another `user_id` is another system's, and may have the numbers of a call of ours.
    let (call_id, is_other) = match conversation.owner() {
        Owner::Id(call_id) => (Some(call_id), false),
        Owner::Other => (None, true),
        Owner::Unknown => (None, false),
    };
    let origin = EventOrigin {
        has_other_id: is_other,
        provider_agent_id: conversation.agent_id(),
        numbers: numbers.clone(),
    };
    let parties = numbers.zip(conversation.agent_id()).filter(|_| !is_inbound && !is_other).map(
        |([one, other], provider_agent_id)| {
            let booked_since = received_at.before(BOOKED_WITHIN);
            let booked_until = received_at.after(CLOCK_MARGIN);
            PartiesLookup { one, other, provider_agent_id, booked_since, booked_until }
        },
    );
    let update = match kind.as_str() {
        _ if is_inbound => None,
        "post_call_transcription" => Some(conversation.update(conversation.status_at_end())),
        "call_initiation_failure" => Some(CallUpdate {
            conversation_id: conversation.id(),
            carrier_call_id: conversation::carrier_call_id(&failed_dial, &["call_sid", "CallSid"]),
            content: UpdateContent::Failure(failure(failure_reason.as_deref(), &failed_dial, happened_at)),
        }),
        AUDIO if recording.is_none() => Some(CallUpdate {
            conversation_id: conversation.id(),
            ..CallUpdate::recording(RecordingReport::AtProvider)
        }),
        _ => None,
    };
    Ok(ProviderEvent {
        key: key(&kind, &conversation, body),
        kind,
        lookup: CallLookup { call_id, conversation_id: conversation.id(), parties },
        origin,
        update,
        recording,
    })
}

/// The type of the event. It appears in keys and logs, so an unusual text is replaced.
fn kind(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_type = (1..=MAX_KIND_LEN).contains(&text.len()) && text.bytes().all(is_plain);
    if is_type { text } else { UNRECOGNIZED }.to_owned()
}

/// Equal for all deliveries of one event. The provider's deliveries have no id. The hash of the body
/// is in it, because a second delivery for a conversation may say more than the first.
fn key(kind: &str, conversation: &Conversation<'_>, body: &[u8]) -> String {
    let hash = hex(digest(&SHA256, body).as_ref());
    match conversation.id() {
        Some(id) if kind != UNRECOGNIZED => format!("{kind}:{id}#{hash}"),
        _ => format!("{kind}#{hash}"),
    }
}

/// With the most specific of the reasons that the provider, Twilio and the telephone network give.
fn failure(named: Option<&str>, failed_dial: &Object<'_>, at: Timestamp) -> CallFailure {
    let (named, twilio) = (named.unwrap_or_default(), failed_dial.text("CallStatus").unwrap_or_default());
    let status = failed_dial.integer("sip_status_code").or_else(|| failed_dial.integer("SipResponseCode"));
    let message = failed_dial.text("error_reason").unwrap_or_default();
    let (of_network, carrier_status) = outcome::failure_reason(status, &message);
    let reason = words::not_connected(named).max(words::not_connected(&twilio)).max(of_network);
    let code = words::code_of_word(named)
        .or_else(|| words::code_of_word(&twilio))
        .or_else(|| words::code_of_text(&message));
    CallFailure { reason, at, cause: ProviderCause { code, carrier_status } }
}

#[cfg(test)]
mod tests;
