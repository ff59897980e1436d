//! A conversation as JSON: the form in which `calls.conversation` keeps it, which nobody else reads.

use domain::ports::PortUnavailable;
use domain::{CallStatus, ConversationRecord, PrivateNote, Speaker, Timestamp, TranscriptLine};
use serde::{Deserialize, Serialize};

use crate::failure::{failed, unreadable};

/// The form that is written. Whoever changes it goes on reading the forms before.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct StoredConversation {
    version: u32,
    status: String,
    duration_secs: Option<u32>,
    /// Absent where a list of calls leaves it out.
    #[serde(default)]
    transcript: Vec<StoredLine>,
    started_at_millis: Option<i64>,
    answered_at_millis: Option<i64>,
    end_reason: Option<String>,
    summary: Option<String>,
    cost_credits: Option<i64>,
    /// Absent where an earlier release wrote it.
    #[serde(default)]
    has_recording: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredLine {
    at_secs: u32,
    speaker: StoredSpeaker,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredSpeaker {
    Agent,
    Callee,
}

/// The conversation as it is stored.
pub(crate) fn write(conversation: &ConversationRecord) -> Result<String, PortUnavailable> {
    let text = |note: &PrivateNote| note.as_str().to_owned();
    let transcript = conversation.transcript.iter().map(|line| StoredLine {
        at_secs: line.at_secs,
        speaker: match line.speaker {
            Speaker::Agent => StoredSpeaker::Agent,
            Speaker::Callee => StoredSpeaker::Callee,
        },
        text: text(&line.text),
    });
    let stored = StoredConversation {
        version: VERSION,
        status: conversation.status.as_str().to_owned(),
        duration_secs: conversation.duration_secs,
        transcript: transcript.collect(),
        started_at_millis: conversation.started_at.map(Timestamp::unix_millis),
        answered_at_millis: conversation.answered_at.map(Timestamp::unix_millis),
        end_reason: conversation.end_reason.as_ref().map(text),
        summary: conversation.summary.as_ref().map(text),
        cost_credits: conversation.cost_credits,
        has_recording: conversation.has_recording,
    };
    serde_json::to_string(&stored).map_err(|_| failed("a conversation cannot be written as JSON"))
}

/// The conversation that is stored.
pub(crate) fn read(stored: &str) -> Result<ConversationRecord, PortUnavailable> {
    let stored: StoredConversation = serde_json::from_str(stored).map_err(unreadable(COLUMN))?;
    if stored.version != VERSION {
        return Err(failed(format!("{COLUMN} was written by a newer release")));
    }
    let note = |text: String| PrivateNote::parse(&text).map_err(unreadable(COLUMN));
    let line = |line: StoredLine| {
        let speaker = match line.speaker {
            StoredSpeaker::Agent => Speaker::Agent,
            StoredSpeaker::Callee => Speaker::Callee,
        };
        Ok(TranscriptLine { at_secs: line.at_secs, speaker, text: note(line.text)? })
    };
    let status = CallStatus::from_name(&stored.status)
        .ok_or_else(|| failed(format!("{COLUMN} holds something that cannot be read")))?;
    Ok(ConversationRecord {
        status,
        duration_secs: stored.duration_secs,
        transcript: stored.transcript.into_iter().map(line).collect::<Result<_, PortUnavailable>>()?,
        started_at: stored.started_at_millis.map(Timestamp::from_unix_millis),
        answered_at: stored.answered_at_millis.map(Timestamp::from_unix_millis),
        end_reason: stored.end_reason.map(note).transpose()?,
        summary: stored.summary.map(note).transpose()?,
        cost_credits: stored.cost_credits,
        has_recording: stored.has_recording,
    })
}

const COLUMN: &str = "calls.conversation";

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of this form are in files already.
    #[test]
    fn the_first_form_is_still_read() {
        let stored = r#"{"version":1,"status":"completed","duration_secs":42,
            "transcript":[{"at_secs":3,"speaker":"callee","text":"yes"}],"started_at_millis":1000,
            "answered_at_millis":null,"end_reason":"done","summary":null,"cost_credits":-5}"#;
        let note = |text| PrivateNote::parse(text).expect("plain text");
        let expected = ConversationRecord {
            status: CallStatus::Completed,
            duration_secs: Some(42),
            transcript: vec![TranscriptLine { at_secs: 3, speaker: Speaker::Callee, text: note("yes") }],
            started_at: Some(Timestamp::from_unix_millis(1000)),
            answered_at: None,
            end_reason: Some(note("done")),
            summary: None,
            cost_credits: Some(-5),
            has_recording: false,
        };
        assert_eq!(read(stored), Ok(expected.clone()));
        for has_recording in [false, true] {
            let content = ConversationRecord { has_recording, ..expected.clone() };
            assert_eq!(write(&content).and_then(|written| read(&written)), Ok(content));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_quoted() {
        let newer = r#"{"version":2,"status":"private"}"#;
        let foreign = r#"{"version":1,"status":"private","transcript":[]}"#;
        for stored in [newer, foreign, "private", "{}"] {
            let error = read(stored).expect_err("no conversation").to_string();
            assert!(error.contains(COLUMN) && !error.contains("private"), "{error}");
        }
    }
}
