//! The stored form of a conversation: JSON with a version, since it outlives the program that wrote
//! it.

use std::borrow::Cow;

use domain::{ConversationRecord, PrivateNote, Speaker, Timestamp, TranscriptLine};
use serde::{Deserialize, Serialize};

use crate::{Table, Unreadable};

/// Which of the two first forms is written. They differ in the type of the version and in the names
/// of the times. Each store keeps the one that its first release wrote; both are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationForm {
    Postgres,
    Sqlite,
}

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    version: Version,
    status: Cow<'a, str>,
    duration_secs: Option<u32>,
    /// Absent where a statement left it out.
    #[serde(default)]
    transcript: Vec<StoredLine<'a>>,
    // The outer option says whether the form has the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_at: Option<Option<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered_at: Option<Option<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_at_millis: Option<Option<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered_at_millis: Option<Option<i64>>,
    end_reason: Option<Cow<'a, str>>,
    summary: Option<Cow<'a, str>>,
    cost_credits: Option<i64>,
    /// Absent where an earlier release wrote the conversation.
    #[serde(default)]
    has_recording: bool,
}

#[derive(Serialize, Deserialize, PartialEq)]
#[serde(untagged)]
enum Version {
    Text(Cow<'static, str>),
    Number(u32),
}

#[derive(Serialize, Deserialize)]
struct StoredLine<'a> {
    at_secs: u32,
    #[serde(with = "StoredSpeaker")]
    speaker: Speaker,
    text: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Speaker", rename_all = "kebab-case")]
enum StoredSpeaker {
    Agent,
    Callee,
}

impl ConversationForm {
    const fn version(self) -> Version {
        match self {
            Self::Postgres => Version::Text(Cow::Borrowed("1")),
            Self::Sqlite => Version::Number(1),
        }
    }

    pub fn write(self, conversation: &ConversationRecord) -> String {
        let line = |line: &'_ TranscriptLine| StoredLine {
            at_secs: line.at_secs,
            speaker: line.speaker,
            text: line.text.as_str().to_owned().into(),
        };
        let note = |note: &'_ PrivateNote| Cow::Owned(note.as_str().to_owned());
        let millis = |time: Option<Timestamp>, form| (self == form).then(|| time.map(Timestamp::unix_millis));
        let ConversationRecord { started_at, answered_at, .. } = *conversation;
        let stored = Stored {
            version: self.version(),
            status: conversation.status.as_str().into(),
            duration_secs: conversation.duration_secs,
            transcript: conversation.transcript.iter().map(line).collect(),
            started_at: millis(started_at, Self::Postgres),
            answered_at: millis(answered_at, Self::Postgres),
            started_at_millis: millis(started_at, Self::Sqlite),
            answered_at_millis: millis(answered_at, Self::Sqlite),
            end_reason: conversation.end_reason.as_ref().map(note),
            summary: conversation.summary.as_ref().map(note),
            cost_credits: conversation.cost_credits,
            has_recording: conversation.has_recording,
        };
        serde_json::to_string(&stored).expect("texts and numbers are always JSON")
    }
}

/// Reads a conversation of either form. It has no transcript where a statement left that out.
pub(crate) fn read(json: &str) -> Result<ConversationRecord, Unreadable> {
    const CALLS: Table = Table("calls");
    let unreadable = || CALLS.unreadable("conversation");
    let stored: Stored<'_> = serde_json::from_str(json).map_err(|_| unreadable())?;
    if ![ConversationForm::Postgres.version(), ConversationForm::Sqlite.version()].contains(&stored.version) {
        return Err(unreadable());
    }
    let note = |text: Cow<'_, str>| CALLS.read("conversation", text);
    let line = |StoredLine { at_secs, speaker, text }: StoredLine<'_>| {
        Ok(TranscriptLine { at_secs, speaker, text: note(text)? })
    };
    let time = |times: [Option<Option<i64>>; 2]| {
        times.into_iter().find_map(Option::flatten).map(Timestamp::from_unix_millis)
    };
    Ok(ConversationRecord {
        status: CALLS.read("conversation", stored.status)?,
        duration_secs: stored.duration_secs,
        transcript: stored.transcript.into_iter().map(line).collect::<Result<_, Unreadable>>()?,
        started_at: time([stored.started_at, stored.started_at_millis]),
        answered_at: time([stored.answered_at, stored.answered_at_millis]),
        end_reason: stored.end_reason.map(note).transpose()?,
        summary: stored.summary.map(note).transpose()?,
        cost_credits: stored.cost_credits,
        has_recording: stored.has_recording,
    })
}

#[cfg(test)]
mod tests {
    use domain::CallStatus;

    use super::*;

    fn note(text: &str) -> PrivateNote {
        PrivateNote::parse(text).expect("plain text")
    }

    fn conversation() -> ConversationRecord {
        let line = |speaker, text| TranscriptLine { at_secs: 3, speaker, text: note(text) };
        ConversationRecord {
            status: CallStatus::Completed,
            duration_secs: Some(u32::MAX),
            transcript: vec![line(Speaker::Agent, "\"Hello\"\n\\"), line(Speaker::Callee, "日本")],
            started_at: Some(Timestamp::from_unix_millis(-1)),
            answered_at: None,
            end_reason: Some(note("hung up")),
            summary: Some(note("")),
            cost_credits: Some(i64::MIN),
            has_recording: true,
        }
    }

    #[test]
    fn every_field_is_read_back_from_either_form() {
        for form in [ConversationForm::Postgres, ConversationForm::Sqlite] {
            for has_recording in [false, true] {
                let content = ConversationRecord { has_recording, ..conversation() };
                assert_eq!(read(&form.write(&content)), Ok(content));
            }
        }
    }

    /// Earlier releases wrote these bytes, and they can read what this one writes.
    #[test]
    fn each_store_writes_the_form_of_its_first_release() {
        let rest = r#""end_reason":"hung up","summary":"","cost_credits":-9223372036854775808,"has_recording":true}"#;
        let transcript = r#""transcript":[{"at_secs":3,"speaker":"agent","text":"\"Hello\"\n\\"},{"at_secs":3,"speaker":"callee","text":"日本"}]"#;
        let postgres = format!(
            r#"{{"version":"1","status":"completed","duration_secs":4294967295,{transcript},"started_at":-1,"answered_at":null,{rest}"#
        );
        let sqlite = format!(
            r#"{{"version":1,"status":"completed","duration_secs":4294967295,{transcript},"started_at_millis":-1,"answered_at_millis":null,{rest}"#
        );
        assert_eq!(ConversationForm::Postgres.write(&conversation()), postgres);
        assert_eq!(ConversationForm::Sqlite.write(&conversation()), sqlite);
    }

    /// Databases hold this text: it must stay readable, so do not change it.
    #[test]
    fn the_first_form_of_postgres_is_read() {
        let json = r#"{"version": "1", "status": "in-progress", "duration_secs": null, "started_at": 1, "answered_at": null,
                       "end_reason": null, "summary": "a", "cost_credits": 2,
                       "transcript": [{"at_secs": 3, "speaker": "callee", "text": "yes"}]}"#;
        let read = read(json).expect("it is the first form");
        assert_eq!((read.status, read.cost_credits), (CallStatus::InProgress, Some(2)));
        assert_eq!((read.started_at, read.answered_at), (Some(Timestamp::from_unix_millis(1)), None));
        assert_eq!(read.transcript[0].speaker, Speaker::Callee);
        assert_eq!(read.transcript[0].text.as_str(), "yes");
    }

    /// Files hold this text: it must stay readable, so do not change it.
    #[test]
    fn the_first_form_of_sqlite_is_read() {
        let json = r#"{"version":1,"status":"completed","duration_secs":42,
            "transcript":[{"at_secs":3,"speaker":"callee","text":"yes"}],"started_at_millis":1000,
            "answered_at_millis":null,"end_reason":"done","summary":null,"cost_credits":-5}"#;
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
        assert_eq!(read(json), Ok(expected));
    }

    #[test]
    fn a_form_that_cannot_be_read_is_named_by_its_column_and_not_quoted() {
        let newer = r#"{"version": "2", "said": "about the tumour"}"#;
        let newer_number = r#"{"version":2,"status":"completed","transcript":[]}"#;
        let unknown_status = r#"{"version":1,"status":"private","transcript":[]}"#;
        for stored in [newer, newer_number, unknown_status, "private", "{}"] {
            let error = read(stored).expect_err("this program does not know the form").to_string();
            assert_eq!(error, "calls.conversation holds a value that cannot be read");
        }
    }
}
