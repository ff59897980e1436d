use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use domain::ports::{CallLookup, EventOrigin, PartiesLookup, ProviderEvent, UnreadableEvent};
use domain::{
    Audio, AudioFormat, CallFailure, CallId, CallStatus, CallUpdate, ConversationId, ConversationRecord,
    PhoneNumber, ProviderAgentId, Timestamp, UpdateContent,
};
use provider_client::with_whole_characters;
use serde_json::{Map, Value};

use crate::hex::{from_hex, to_hex};
use crate::record::{secs, transcript};
use crate::words;

/// A call that is only identified by its numbers was booked within this time before the event.
const BOOKED_WITHIN: Duration = Duration::from_hours(2);
/// The clock of the machine that booked the call may be ahead of ours by this.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);
const MAX_NAME_LEN: usize = 64;

type Event = Map<String, Value>;

/// `{"id", "type", "direction", "call"?, "reference"?, "agent"?, "from"?, "to"?, ...}`
pub(crate) fn read(body: &[u8], received_at: Timestamp) -> Result<ProviderEvent, UnreadableEvent> {
    // Half of a character would make the whole event unreadable.
    let event = serde_json::from_slice(&with_whole_characters(body));
    let event: Event = event.map_err(|_| UnreadableEvent)?;
    let text = |field: &str| text(&event, field);
    let kind = plain(text("type").ok_or(UnreadableEvent)?).unwrap_or("unrecognized");
    let conversation_id = text("call").and_then(|id| ConversationId::parse(id).ok());
    let content = match kind {
        // A person who calls back has the same numbers as our call to that person.
        _ if text("direction") != Some("out") => None,
        "call.over" => Some(UpdateContent::Conversation(conversation(&event))),
        "call.not-connected" => Some(UpdateContent::Failure(failure(&event, received_at))),
        _ => None,
    };
    let number = |field: &str| text(field).and_then(|number| PhoneNumber::parse(number).ok());
    let call_id = text("reference").and_then(|id| CallId::parse(id).ok());
    let audio = text("audio").filter(|_| kind == "call.recording").and_then(from_hex);
    Ok(ProviderEvent {
        key: key(text("id").and_then(plain), body),
        kind: kind.to_owned(),
        lookup: CallLookup {
            call_id: call_id.clone(),
            conversation_id: conversation_id.clone(),
            parties: parties(&event, received_at),
        },
        origin: EventOrigin {
            has_other_id: text("reference").is_some() && call_id.is_none(),
            provider_agent_id: text("agent").and_then(|id| ProviderAgentId::parse(id).ok()),
            numbers: number("from").zip(number("to")).map(|(from, to)| [from, to]),
        },
        update: content.map(|content| CallUpdate { conversation_id, carrier_call_id: None, content }),
        recording: audio.map(|bytes| Audio { format: AudioFormat::Mp3, bytes }),
    })
}

fn text<'a>(event: &'a Event, field: &str) -> Option<&'a str> {
    event.get(field)?.as_str()
}

/// A repeated event has the same body. With the hash of the body in the key, Parrot may also send an
/// event again under its id with more in it.
fn key(id: Option<&str>, body: &[u8]) -> String {
    let hash = to_hex(digest(&SHA256, body).as_ref());
    id.map_or(hash.clone(), |id| format!("{id}#{hash}"))
}

/// A text that may appear in keys and logs.
fn plain(text: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    ((1..=MAX_NAME_LEN).contains(&text.len()) && text.bytes().all(is_plain)).then_some(text)
}

fn parties(event: &Event, received_at: Timestamp) -> Option<PartiesLookup> {
    let number = |field| PhoneNumber::parse(text(event, field)?).ok();
    let is_outbound = text(event, "direction") == Some("out");
    is_outbound.then_some(PartiesLookup {
        one: number("from")?,
        other: number("to")?,
        provider_agent_id: ProviderAgentId::parse(text(event, "agent")?).ok()?,
        booked_since: received_at.before(BOOKED_WITHIN),
        booked_until: received_at.after(MAX_CLOCK_DIFFERENCE),
    })
}

fn conversation(event: &Event) -> ConversationRecord {
    let (field, cause) = (|name| event.get(name).unwrap_or(&Value::Null), text(event, "cause"));
    let transcript = transcript(field("lines"));
    ConversationRecord {
        duration_secs: secs(field("secs")),
        transcript: transcript.lines,
        is_truncated: transcript.is_cut,
        end_reason: cause.map(words::end_reason).filter(|reason| reason.status() == CallStatus::Completed),
        cause: words::cause(cause),
        has_recording: field("recorded").as_bool().unwrap_or(false),
        ..ConversationRecord::new(CallStatus::Completed)
    }
}

fn failure(event: &Event, received_at: Timestamp) -> CallFailure {
    let cause = text(event, "cause");
    let reason = words::not_connected(cause.unwrap_or_default());
    CallFailure { reason, at: received_at, cause: words::cause(cause) }
}

#[cfg(test)]
mod tests;
