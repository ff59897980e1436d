//! A conversation, as the database has it: JSON with a version, since it outlives the program that wrote it.

use std::borrow::Cow;

use domain::ports::PortUnavailable;
use domain::{CallStatus, ConversationRecord, PrivateNote, Speaker, Timestamp, TranscriptLine};
use serde::{Deserialize, Serialize};

use crate::failure::because;
use crate::row::{read, read_optional, unreadable};

const COLUMN: &str = "calls.conversation";

/// Every form that was ever written. A new one gets a version of its own, and older programs leave it alone.
#[derive(Serialize, Deserialize)]
#[serde(tag = "version")]
enum StoredConversation<'a> {
    #[serde(rename = "1", borrow)]
    V1(ConversationV1<'a>),
}

/// Moments are milliseconds since the Unix epoch. Names of statuses are those on the wire.
#[derive(Serialize, Deserialize)]
struct ConversationV1<'a> {
    status: Cow<'a, str>,
    duration_secs: Option<u32>,
    /// Absent where it was left in the database.
    #[serde(default, borrow)]
    transcript: Vec<LineV1<'a>>,
    started_at: Option<i64>,
    answered_at: Option<i64>,
    end_reason: Option<Cow<'a, str>>,
    summary: Option<Cow<'a, str>>,
    cost_credits: Option<i64>,
    /// Absent where an earlier release wrote it.
    #[serde(default)]
    has_recording: bool,
}

#[derive(Serialize, Deserialize)]
struct LineV1<'a> {
    at_secs: u32,
    speaker: SpeakerV1,
    text: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SpeakerV1 {
    Agent,
    Callee,
}

/// The JSON of a conversation.
pub(super) fn write_conversation(content: &ConversationRecord) -> Result<String, PortUnavailable> {
    let note = |note: &'_ Option<PrivateNote>| note.as_ref().map(|note| Cow::Owned(note.as_str().to_owned()));
    let stored = StoredConversation::V1(ConversationV1 {
        status: Cow::Borrowed(content.status.as_str()),
        duration_secs: content.duration_secs,
        transcript: content.transcript.iter().map(LineV1::from).collect(),
        started_at: content.started_at.map(Timestamp::unix_millis),
        answered_at: content.answered_at.map(Timestamp::unix_millis),
        end_reason: note(&content.end_reason),
        summary: note(&content.summary),
        cost_credits: content.cost_credits,
        has_recording: content.has_recording,
    });
    serde_json::to_string(&stored).map_err(|_| because("a conversation could not be written as JSON"))
}

/// The conversation that this JSON is; without a transcript, where that was left in the database.
pub(super) fn read_conversation(json: &str) -> Result<ConversationRecord, PortUnavailable> {
    let StoredConversation::V1(stored) = serde_json::from_str(json).map_err(|_| unreadable(COLUMN))?;
    Ok(ConversationRecord {
        status: CallStatus::from_name(&stored.status).ok_or_else(|| unreadable(COLUMN))?,
        duration_secs: stored.duration_secs,
        transcript: stored.transcript.into_iter().map(TranscriptLine::try_from).collect::<Result<_, _>>()?,
        started_at: stored.started_at.map(Timestamp::from_unix_millis),
        answered_at: stored.answered_at.map(Timestamp::from_unix_millis),
        end_reason: read_optional(COLUMN, stored.end_reason.as_deref(), PrivateNote::parse)?,
        summary: read_optional(COLUMN, stored.summary.as_deref(), PrivateNote::parse)?,
        cost_credits: stored.cost_credits,
        has_recording: stored.has_recording,
    })
}

impl<'a> From<&'a TranscriptLine> for LineV1<'a> {
    fn from(line: &'a TranscriptLine) -> Self {
        Self {
            at_secs: line.at_secs,
            speaker: match line.speaker {
                Speaker::Agent => SpeakerV1::Agent,
                Speaker::Callee => SpeakerV1::Callee,
            },
            text: Cow::Borrowed(line.text.as_str()),
        }
    }
}

impl TryFrom<LineV1<'_>> for TranscriptLine {
    type Error = PortUnavailable;

    fn try_from(line: LineV1<'_>) -> Result<Self, PortUnavailable> {
        Ok(Self {
            at_secs: line.at_secs,
            speaker: match line.speaker {
                SpeakerV1::Agent => Speaker::Agent,
                SpeakerV1::Callee => Speaker::Callee,
            },
            text: read(COLUMN, &line.text, PrivateNote::parse)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> ConversationRecord {
        let note = |text: &str| PrivateNote::parse(text).expect("plain text");
        let line = |speaker, text| TranscriptLine { at_secs: 3, speaker, text: note(text) };
        ConversationRecord {
            status: CallStatus::Completed,
            duration_secs: Some(u32::MAX),
            transcript: vec![line(Speaker::Agent, "\"Hello\"\n\\"), line(Speaker::Callee, "日本")],
            started_at: Some(Timestamp::from_unix_millis(-1)),
            answered_at: Some(Timestamp::from_unix_millis(i64::MAX)),
            end_reason: Some(note("hung up")),
            summary: Some(note("")),
            cost_credits: Some(i64::MIN),
            has_recording: true,
        }
    }

    #[test]
    fn every_field_is_read_back() {
        let json = write_conversation(&content()).expect("it can be written");
        assert_eq!(read_conversation(&json), Ok(content()));
    }

    /// What is in databases stays readable: this text is not to be changed.
    #[test]
    fn the_first_form_is_read() {
        let json = r#"{"version": "1", "status": "in-progress", "duration_secs": null, "started_at": 1, "answered_at": null,
                       "end_reason": null, "summary": "a", "cost_credits": 2,
                       "transcript": [{"at_secs": 3, "speaker": "callee", "text": "yes"}]}"#;
        let read = read_conversation(json).expect("it is the first form");
        assert_eq!((read.status, read.cost_credits), (CallStatus::InProgress, Some(2)));
        assert_eq!(read.transcript[0].speaker, Speaker::Callee);
        assert_eq!(read.transcript[0].text.as_str(), "yes");
    }

    #[test]
    fn a_form_of_a_newer_program_is_named_by_its_column_alone() {
        let newer = read_conversation(r#"{"version": "2", "said": "about the tumour"}"#);
        assert_eq!(
            newer.expect_err("this program does not know it").to_string(),
            "postgres is unavailable: calls.conversation holds what cannot be read"
        );
    }
}
