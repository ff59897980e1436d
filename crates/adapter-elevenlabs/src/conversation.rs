//! What the provider's record of a conversation means. A `post_call_transcription` has under `data`
//! the same record that `GET /v1/convai/conversations/{id}` returns.

use domain::{
    CallId, CallStatus, CallUpdate, CarrierCallId, CarrierStatus, ConversationId, ConversationRecord,
    EndReason, NotConnectedReason, PersonName, PhoneNumber, ProviderAgentId, ProviderCause, ProviderCode,
    Timestamp, UpdateContent,
};

use crate::analysis::ReadAnalysis;
use crate::json::Object;
use crate::outcome;
use crate::transcript::Transcript;
use crate::words::{self, Stage};

/// The end of the year 9999. A later number is not a time in seconds.
const END_OF_TIME_SECS: i64 = 253_402_300_799;

/// Whose call a conversation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Ours if the ledger has this id, otherwise of another system in the same workspace.
    Id(CallId),
    /// Another system's: no call of ours has such an id.
    Other,
    /// The record does not name its owner.
    Unknown,
}

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

    /// Whose call this is, from the `user_id` that its dial sent.
    pub(crate) fn owner(&self) -> Owner {
        let client_data =
            || self.record.object("conversation_initiation_client_data").text_or_number("user_id");
        let id = self.record.text_or_number("user_id").filter(|id| !id.is_empty());
        match id.or_else(client_data).filter(|id| !id.is_empty()) {
            Some(id) => CallId::parse(&id).map_or(Owner::Other, Owner::Id),
            None => Owner::Unknown,
        }
    }

    pub(crate) fn agent_id(&self) -> Option<ProviderAgentId> {
        self.record.text("agent_id").and_then(|id| ProviderAgentId::parse(&id).ok())
    }

    /// The gateway did not place an inbound call.
    pub(crate) fn is_inbound(&self) -> bool {
        let direction = self.metadata.object("phone_call").text("direction");
        direction.is_some_and(|direction| words::is_inbound(&direction))
    }

    /// The numbers of both parties, in either order: on an outbound call `caller_id` may be either
    /// of them.
    pub(crate) fn numbers(&self) -> Option<[PhoneNumber; 2]> {
        let phone_call = self.metadata.object("phone_call");
        numbers(&phone_call, "agent_number", "external_number")
            .or_else(|| numbers(&self.metadata, "caller_id", "called_id"))
            .or_else(|| numbers(&self.record, "caller_id", "called_id"))
    }

    /// `None` if the record has no status. A new status is *unknown*, which is not final: it may
    /// belong to a call that still rings.
    pub(crate) fn status(&self) -> Option<CallStatus> {
        Some(match words::stage(&self.record.text("status")?) {
            Stage::Rings => CallStatus::Ringing,
            Stage::Talks => CallStatus::InProgress,
            Stage::Ended => CallStatus::Completed,
            Stage::NotConnected => CallStatus::of_failure(self.failure_reason()),
            Stage::New => CallStatus::Unknown,
        })
    }

    /// The status of a call that is over, whichever word the record has for its status: a new word,
    /// one for an earlier stage, or none.
    pub(crate) fn status_at_end(&self) -> CallStatus {
        let has_failed = !self.metadata.object("error").is_empty();
        let without_word =
            if has_failed { CallStatus::of_failure(self.failure_reason()) } else { CallStatus::Completed };
        self.status().filter(|status| status.is_final()).unwrap_or(without_word)
    }

    /// The content of the record, for a call with this status.
    pub(crate) fn update(&self, status: CallStatus) -> CallUpdate {
        let phone_call = self.metadata.object("phone_call");
        let duration = self.metadata.integer("call_duration_secs");
        let transcript = Transcript::of(&self.record);
        let ReadAnalysis { summary, analysis, is_cut } = ReadAnalysis::of(&self.record);
        let agent_name = self.record.text("agent_name").unwrap_or_default();
        CallUpdate {
            conversation_id: self.id(),
            carrier_call_id: carrier_call_id(&phone_call, &["call_id", "call_sid"]),
            content: UpdateContent::Conversation(ConversationRecord {
                // It counts from the answer: a call that rang for a minute without one has 0.
                duration_secs: duration
                    .or_else(|| self.record.integer("call_duration_secs"))
                    .and_then(|secs| u32::try_from(secs).ok()),
                is_truncated: transcript.is_cut || is_cut,
                transcript: transcript.lines,
                started_at: timestamp(&self.metadata, "start_time_unix_secs"),
                answered_at: timestamp(&self.metadata, "accepted_time_unix_secs"),
                end_reason: self.end_reason(status),
                cause: self.cause(),
                summary,
                analysis,
                agent_name: PersonName::shortened(&agent_name).0,
                cost_credits: self.metadata.integer("cost"),
                has_recording: self.record.is_true("has_audio"),
                ..ConversationRecord::new(status)
            }),
        }
    }

    /// Why a conversation with this status ended.
    fn end_reason(&self, status: CallStatus) -> Option<EndReason> {
        match EndReason::of_status(status)? {
            EndReason::Completed if self.reached_voicemail() => Some(EndReason::Voicemail),
            EndReason::Completed => Some(EndReason::Completed),
            _ => Some(EndReason::of_failure(self.failure_reason())),
        }
    }

    /// A voicemail counts as answered. The agent's tool recognizes it.
    fn reached_voicemail(&self) -> bool {
        let feature = self.metadata.object("features_usage").object("voicemail_detection");
        let reason = self.metadata.text("termination_reason").unwrap_or_default();
        let is_detection = |result: &Object<'_>| {
            let names =
                [result.text("tool_name"), result.text("type"), result.object("result").text("result_type")];
            !result.is_true("is_error")
                && names.into_iter().flatten().any(|name| words::is_voicemail_detection(&name))
        };
        feature.is_true("used")
            || words::ended_by_voicemail(&reason)
            || self
                .record
                .objects("transcript")
                .any(|turn| turn.objects("tool_results").any(|it| is_detection(&it)))
    }

    /// The provider's codes for the end: for a text that it explains the end with, for its error, and
    /// its word for the status, whichever is the first.
    fn cause(&self) -> ProviderCause {
        let error = self.metadata.object("error");
        let text = |object: &Object<'_>, key| object.text(key).unwrap_or_default();
        let (number, message) = (error.integer("code"), text(&error, "reason"));
        let (_, carrier_status) = outcome::failure_reason(number, &message);
        let own_number = number.filter(|number| CarrierStatus::from_number(*number).is_none());
        let code = words::code_of_text(&text(&self.metadata, "termination_reason"))
            .or_else(|| words::code_of_text(&message))
            .or_else(|| own_number.map(|number| ProviderCode::from_untrusted(&format!("error_{number}"))))
            .or_else(|| words::code_of_word(&text(&error, "error_type")))
            .or_else(|| words::code_of_word(&text(&self.record, "status")));
        ProviderCause { code, carrier_status }
    }

    /// The most specific of what the status, the error and its type say.
    fn failure_reason(&self) -> NotConnectedReason {
        let error = self.metadata.object("error");
        let (reason, _) =
            outcome::failure_reason(error.integer("code"), &error.text("reason").unwrap_or_default());
        let of_type = words::not_connected(&error.text("error_type").unwrap_or_default());
        let of_status = words::not_connected(&self.record.text("status").unwrap_or_default());
        reason.max(of_type).max(of_status)
    }
}

/// `None` unless both fields are phone numbers.
pub(crate) fn numbers(object: &Object<'_>, one: &str, other: &str) -> Option<[PhoneNumber; 2]> {
    let number = |key| object.text_or_number(key).and_then(|text| PhoneNumber::parse(&text).ok());
    Some([number(one)?, number(other)?])
}

/// The first of these fields that is a valid id.
pub(crate) fn carrier_call_id(object: &Object<'_>, keys: &[&str]) -> Option<CarrierCallId> {
    keys.iter().find_map(|key| CarrierCallId::parse(&object.text(key)?).ok())
}

/// A time in Unix seconds.
pub(crate) fn timestamp(object: &Object<'_>, key: &str) -> Option<Timestamp> {
    let secs = object.integer(key).filter(|secs| (1..=END_OF_TIME_SECS).contains(secs))?;
    Some(Timestamp::from_unix_millis(secs * 1000))
}

#[cfg(test)]
mod tests;
