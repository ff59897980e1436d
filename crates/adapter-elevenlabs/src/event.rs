//! What an event says, and of which call.
//!
//! `{"type", "event_timestamp", "data"}`; in an older shape the fields of `data` stand beside `type`.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use domain::ports::{CallLookup, PartiesLookup, ProviderEvent, UnreadableEvent};
use domain::{CallFailure, CallUpdate, NotConnectedReason, Timestamp, UpdateContent};

use crate::audio;
use crate::conversation::{self, Conversation};
use crate::json::Object;
use crate::outcome;
use crate::webhook::hex;

/// A call that an event names by nothing but its numbers was booked within this time before the event.
const BOOKED_WITHIN: Duration = Duration::from_hours(2);
/// Whoever booked the call may have a clock that is ahead of ours by this.
const CLOCKS_DIFFER_BY: Duration = Duration::from_secs(5);
/// The longest name of a type that is kept as it is, in bytes.
const LONGEST_KIND: usize = 64;
/// The type of the event that brings a recording.
const AUDIO: &str = "post_call_audio";
const UNRECOGNIZED: &str = "unrecognized";

/// Reads a body that was verified.
pub(crate) fn read(body: &[u8], received_at: Timestamp) -> Result<ProviderEvent, UnreadableEvent> {
    let envelope = Object::parse(body).ok_or(UnreadableEvent)?;
    let kind = kind(&envelope.text("type").ok_or(UnreadableEvent)?);
    let happened_at = conversation::moment(&envelope, "event_timestamp").unwrap_or(received_at);
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
    // The provider tells of every call of its workspace. Somebody who rings back has the numbers of the call before.
    let came_in = conversation.came_in();
    let parties =
        numbers.zip(conversation.agent_id()).filter(|_| !came_in).map(|([one, other], provider_agent_id)| {
            let booked_since = received_at.before(BOOKED_WITHIN);
            let booked_until = received_at.after(CLOCKS_DIFFER_BY);
            PartiesLookup { one, other, provider_agent_id, booked_since, booked_until }
        });
    let update = match kind.as_str() {
        _ if came_in => None,
        "post_call_transcription" => Some(
            conversation.update(conversation.status().unwrap_or_else(|| conversation.status_when_over())),
        ),
        "call_initiation_failure" => Some(CallUpdate {
            conversation_id: conversation.id(),
            carrier_call_id: conversation::carrier_call_id(&failed_dial, &["call_sid", "CallSid"]),
            content: UpdateContent::Failure(CallFailure {
                reason: reason(failure_reason.as_deref(), &failed_dial),
                at: happened_at,
            }),
        }),
        _ => None,
    };
    Ok(ProviderEvent {
        key: key(&kind, &conversation, body),
        kind,
        lookup: CallLookup { call_id: conversation.call_id(), conversation_id: conversation.id(), parties },
        update,
        recording,
    })
}

/// The name of a type, if it looks like one: it goes into keys and logs.
fn kind(text: &str) -> String {
    let clean = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let fits = (1..=LONGEST_KIND).contains(&text.len()) && text.bytes().all(clean);
    if fits { text } else { UNRECOGNIZED }.to_owned()
}

/// What makes two deliveries the same event, in at most 200 bytes. The provider gives its deliveries no id.
fn key(kind: &str, conversation: &Conversation<'_>, body: &[u8]) -> String {
    match conversation.id() {
        Some(id) if kind != UNRECOGNIZED => format!("{kind}:{id}"),
        // No type has a `#` in its name.
        _ => format!("{kind}#{}", hex(digest(&SHA256, body).as_ref())),
    }
}

/// The reason that says more, of the provider's own and that of the telephone network.
fn reason(named: Option<&str>, failed_dial: &Object<'_>) -> NotConnectedReason {
    let named = match named {
        Some("busy") => NotConnectedReason::Busy,
        Some("no-answer") => NotConnectedReason::NoAnswer,
        _ => NotConnectedReason::Failed,
    };
    let status = failed_dial.integer("sip_status_code").or_else(|| failed_dial.integer("SipResponseCode"));
    named.max(outcome::failure_reason(status, &failed_dial.text("error_reason").unwrap_or_default()))
}

#[cfg(test)]
mod tests;
