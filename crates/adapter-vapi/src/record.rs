//! The provider's record of a call, and what it means for the books.
//!
//! A record is read within bounds, whatever its length and depth: of its fields only those below are looked at, and one that
//! is missing, or of another type than expected, is absent.

use domain::{
    CallId, CallStatus, CallUpdate, CarrierCallId, ConversationId, ConversationRecord, PrivateNote,
    Timestamp, UpdateContent,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What `GET /call/{id}` answers, and `GET /call` a list of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    customer: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    ended_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    started_at: Option<&'a RawValue>,
    #[serde(borrow)]
    ended_at: Option<&'a RawValue>,
    #[serde(borrow)]
    phone_call_provider_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Customer<'a> {
    #[serde(borrow)]
    external_id: Option<&'a RawValue>,
}

/// Whose a record is, by the two places that carry our call id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The call that is asked for.
    Asked,
    /// Some other call.
    Other,
    /// One place names the call that is asked for, and the other some other call.
    Contradictory,
}

impl<'a> Record<'a> {
    /// Reads one record; nothing if the text is not an object.
    pub(crate) fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().and_then(object)
    }

    /// Reads a list of records; nothing if it is not one, or has anything else in it.
    pub(crate) fn parse_list(json: &'a [u8]) -> Option<Vec<Self>> {
        let items: Vec<&RawValue> = serde_json::from_slice(json).ok()?;
        items.into_iter().map(object).collect()
    }

    pub(crate) fn id(&self) -> Option<ConversationId> {
        text(self.id).and_then(|id| ConversationId::parse(&id).ok())
    }

    /// Whether this is the record of a call of ours. Either place will do where the other is empty.
    pub(crate) fn owner(&self, call_id: &CallId) -> Owner {
        let external_id = self.customer.and_then(object::<Customer<'_>>).and_then(|it| text(it.external_id));
        let is_asked = |mark: Option<String>| mark.map(|mark| mark == call_id.as_str());
        match (is_asked(text(self.name)), is_asked(external_id)) {
            (Some(true), Some(false)) | (Some(false), Some(true)) => Owner::Contradictory,
            (Some(true), _) | (_, Some(true)) => Owner::Asked,
            _ => Owner::Other,
        }
    }

    /// What the record tells; nothing if it does not say where the call stands.
    ///
    /// What was said, and when the callee answered, is not told: the provider's documents name no field for them here.
    pub(crate) fn update(&self) -> Option<CallUpdate> {
        let status = self.status()?;
        let (started_at, ended_at) = (moment(self.started_at), moment(self.ended_at));
        // Of a call that nobody answered the times are those of its ring.
        let talked = started_at
            .zip(ended_at)
            .filter(|(started_at, ended_at)| status == CallStatus::Completed && ended_at >= started_at);
        Some(CallUpdate {
            conversation_id: self.id(),
            carrier_call_id: text(self.phone_call_provider_id).and_then(|id| CarrierCallId::parse(&id).ok()),
            content: UpdateContent::Conversation(ConversationRecord {
                status,
                duration_secs: talked
                    .and_then(|(started_at, ended_at)| ended_at.since(started_at).as_secs().try_into().ok()),
                transcript: Vec::new(),
                started_at,
                answered_at: None,
                end_reason: text(self.ended_reason).and_then(note),
                summary: None,
                cost_credits: None,
                has_recording: false,
            }),
        })
    }

    fn status(&self) -> Option<CallStatus> {
        Some(match text(self.status)?.as_str() {
            "scheduled" | "queued" => CallStatus::Initiated,
            "ringing" => CallStatus::Ringing,
            "in-progress" | "forwarding" => CallStatus::InProgress,
            "ended" => text(self.ended_reason).map_or(CallStatus::Unknown, |reason| status_at_end(&reason)),
            // What is not known to be an end is none: the call is asked for again.
            _ => CallStatus::Unknown,
        })
    }
}

/// Where a call stands that has ended. Of the provider's several hundred reasons these alone are known to say that somebody,
/// or a machine for them, had answered.
///
/// The times of a record do not prove it, so that under any other reason a call is failed, and nothing more is claimed: an
/// account that says more is greater, and is kept instead.
fn status_at_end(reason: &str) -> CallStatus {
    match reason {
        "customer-busy" => CallStatus::Busy,
        "customer-did-not-answer" => CallStatus::NoAnswer,
        "voicemail"
        | "silence-timed-out"
        | "exceeded-max-duration"
        | "assistant-said-end-call-phrase"
        | "assistant-forwarded-call" => CallStatus::Completed,
        // Each with what it was ended by or in the midst of, `assistant-ended-call-with-hangup-task` say.
        reason if reason.starts_with("customer-ended-call") || reason.starts_with("assistant-ended-call") => {
            CallStatus::Completed
        }
        _ => CallStatus::Failed,
    }
}

/// Reads an object. What is derived would also be read from an array.
fn object<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Option<T> {
    serde_json::from_str(json.get()).ok().filter(|_| json.get().starts_with('{'))
}

fn text(json: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(json?.get()).ok()
}

fn moment(json: Option<&RawValue>) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(&text(json)?, &Rfc3339).ok()?;
    let millis = i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()?;
    (millis > 0).then(|| Timestamp::from_unix_millis(millis))
}

/// A text without control characters, cut where a note ends; nothing if it is blank.
fn note(mut text: String) -> Option<PrivateNote> {
    text.retain(|c| !c.is_control());
    text.truncate(text.floor_char_boundary(PrivateNote::MAX_LEN));
    if text.trim().is_empty() { None } else { PrivateNote::parse(&text).ok() }
}

#[cfg(test)]
mod tests;
