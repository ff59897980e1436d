//! The provider's record of a conversation, and what it means. A `post_call_transcription` carries the same record under
//! `data` as `GET /v1/convai/conversations/{id}` answers.

use domain::{
    CallId, CallStatus, CallUpdate, CarrierCallId, ConversationId, ConversationRecord, NotConnectedReason,
    PhoneNumber, PrivateNote, ProviderAgentId, Speaker, Timestamp, TranscriptLine, UpdateContent,
};

use crate::json::Object;
use crate::outcome;

/// The end of the year 9999, in Unix seconds. What claims to be later is no time.
const END_OF_TIME_SECS: i64 = 253_402_300_799;

/// A record, or as much of one as an event carries.
pub(crate) struct Conversation<'a> {
    record: Object<'a>,
    metadata: Object<'a>,
}

impl<'a> Conversation<'a> {
    pub(crate) fn new(record: Object<'a>) -> Self {
        let metadata = record.object("metadata");
        Self { record, metadata }
    }

    pub(crate) fn id(&self) -> Option<ConversationId> {
        self.record.text("conversation_id").and_then(|id| ConversationId::parse(&id).ok())
    }

    /// Our id, which travelled with the dial as the provider's `user_id`.
    pub(crate) fn call_id(&self) -> Option<CallId> {
        let client_data = || self.record.object("conversation_initiation_client_data").text("user_id");
        self.record.text("user_id").or_else(client_data).and_then(|id| CallId::parse(&id).ok())
    }

    pub(crate) fn agent_id(&self) -> Option<ProviderAgentId> {
        self.record.text("agent_id").and_then(|id| ProviderAgentId::parse(&id).ok())
    }

    /// Whether somebody called the agent: such a call is none of ours.
    pub(crate) fn came_in(&self) -> bool {
        self.metadata.object("phone_call").text("direction").as_deref() == Some("inbound")
    }

    /// The two numbers. Of a call that went out, `caller_id` may be either of them.
    pub(crate) fn numbers(&self) -> Option<[PhoneNumber; 2]> {
        let phone_call = self.metadata.object("phone_call");
        numbers(&phone_call, "agent_number", "external_number")
            .or_else(|| numbers(&self.metadata, "caller_id", "called_id"))
            .or_else(|| numbers(&self.record, "caller_id", "called_id"))
    }

    /// Where the call stands; nothing if the record does not say. What is not known to be an end is none: the provider's
    /// calls have been taken for failed while they rang.
    pub(crate) fn status(&self) -> Option<CallStatus> {
        Some(match self.record.text("status")?.as_str() {
            "done" => CallStatus::Completed,
            "failed" => CallStatus::of_failure(self.failure_reason()),
            "initiated" => CallStatus::Ringing,
            "in-progress" | "processing" => CallStatus::InProgress,
            _ => CallStatus::Unknown,
        })
    }

    /// Where a call stands of which the provider says that it is over, and no more.
    pub(crate) fn status_when_over(&self) -> CallStatus {
        let has_failed = !self.metadata.object("error").is_empty();
        if has_failed { CallStatus::of_failure(self.failure_reason()) } else { CallStatus::Completed }
    }

    /// What the record tells of a call that stands so.
    pub(crate) fn update(&self, status: CallStatus) -> CallUpdate {
        let phone_call = self.metadata.object("phone_call");
        let duration = self.metadata.integer("call_duration_secs");
        let end_reason = note_of(&self.metadata, "termination_reason");
        CallUpdate {
            conversation_id: self.id(),
            carrier_call_id: carrier_call_id(&phone_call, &["call_id", "call_sid"]),
            content: UpdateContent::Conversation(ConversationRecord {
                status,
                duration_secs: duration
                    .or_else(|| self.record.integer("call_duration_secs"))
                    .and_then(|secs| u32::try_from(secs).ok()),
                transcript: self.record.objects("transcript").filter_map(|turn| line(&turn)).collect(),
                started_at: moment(&self.metadata, "start_time_unix_secs"),
                answered_at: moment(&self.metadata, "accepted_time_unix_secs"),
                end_reason: end_reason.or_else(|| note_of(&self.metadata.object("error"), "reason")),
                summary: note_of(&self.record.object("analysis"), "transcript_summary"),
                cost_credits: self.metadata.integer("cost"),
                has_recording: self.record.is_true("has_audio"),
            }),
        }
    }

    fn failure_reason(&self) -> NotConnectedReason {
        let error = self.metadata.object("error");
        let told = outcome::failure_reason(error.integer("code"), &error.text("reason").unwrap_or_default());
        let rang_out = error.text("error_type").as_deref() == Some("no_answer");
        if rang_out { told.max(NotConnectedReason::NoAnswer) } else { told }
    }
}

/// Two numbers, if both are.
pub(crate) fn numbers(object: &Object<'_>, one: &str, other: &str) -> Option<[PhoneNumber; 2]> {
    let number = |key| object.text_or_number(key).and_then(|text| PhoneNumber::parse(&text).ok());
    Some([number(one)?, number(other)?])
}

/// The first of these fields that is an id.
pub(crate) fn carrier_call_id(object: &Object<'_>, keys: &[&str]) -> Option<CarrierCallId> {
    keys.iter().find_map(|key| CarrierCallId::parse(&object.text(key)?).ok())
}

/// A time in Unix seconds.
pub(crate) fn moment(object: &Object<'_>, key: &str) -> Option<Timestamp> {
    let secs = object.integer(key).filter(|secs| (1..=END_OF_TIME_SECS).contains(secs))?;
    Some(Timestamp::from_unix_millis(secs * 1000))
}

fn line(turn: &Object<'_>) -> Option<TranscriptLine> {
    let speaker = match turn.text("role")?.as_str() {
        "agent" => Speaker::Agent,
        "user" => Speaker::Callee,
        _ => return None,
    };
    let at_secs = turn.integer("time_in_call_secs").unwrap_or(0).clamp(0, u32::MAX.into());
    Some(TranscriptLine {
        at_secs: u32::try_from(at_secs).unwrap_or(u32::MAX),
        speaker,
        text: note_of(turn, "message")?,
    })
}

/// A text without control characters, cut where a note ends; nothing if it is blank.
fn note_of(object: &Object<'_>, key: &str) -> Option<PrivateNote> {
    let mut text = object.text(key)?;
    text.retain(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    text.truncate(text.floor_char_boundary(PrivateNote::MAX_LEN));
    if text.trim().is_empty() { None } else { PrivateNote::parse(&text).ok() }
}

#[cfg(test)]
mod tests;
