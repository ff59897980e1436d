//! The stored form of a conversation: JSON with a version, since it outlives the program that wrote
//! it.

use std::borrow::Cow;

use domain::{
    Analysis, CarrierStatus, CollectedValue, ConversationRecord, CriterionResult, EndReason, GoalResult,
    PrivateNote, ProviderCause, ProviderCode, Speaker, Timestamp, TranscriptLine,
};
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
    /// Absent if the provider does not report it, and where an earlier release wrote the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at_millis: Option<i64>,
    /// Earlier releases wrote the provider's free text, under another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_code: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_code: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carrier_status: Option<i64>,
    summary: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_name: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call_successful: Option<Cow<'a, str>>,
    /// Absent where a statement left it out, like `collected`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    criteria: Vec<StoredResult<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    collected: Vec<StoredResult<'a>>,
    cost_credits: Option<i64>,
    /// Absent if nothing was left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
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

/// The result of a criterion, or a collected value: its JSON as a text.
#[derive(Serialize, Deserialize)]
struct StoredResult<'a> {
    id: Cow<'a, str>,
    value: Option<Cow<'a, str>>,
    rationale: Option<Cow<'a, str>>,
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
        let criterion = |result: &'_ CriterionResult| StoredResult {
            id: note(&result.id),
            value: Some(result.result.as_str().into()),
            rationale: result.rationale.as_ref().map(note),
        };
        let collected = |value: &'_ CollectedValue| StoredResult {
            id: note(&value.id),
            value: value.json.as_ref().map(note),
            rationale: value.rationale.as_ref().map(note),
        };
        let (cause, analysis) = (&conversation.cause, &conversation.analysis);
        let stored = Stored {
            version: self.version(),
            status: conversation.status.as_str().into(),
            duration_secs: conversation.duration_secs,
            transcript: conversation.transcript.iter().map(line).collect(),
            started_at: millis(started_at, Self::Postgres),
            answered_at: millis(answered_at, Self::Postgres),
            started_at_millis: millis(started_at, Self::Sqlite),
            answered_at_millis: millis(answered_at, Self::Sqlite),
            ended_at_millis: conversation.ended_at.map(Timestamp::unix_millis),
            end_code: conversation.end_reason.map(|reason| reason.as_str().into()),
            provider_code: cause.code.as_ref().map(|code| Cow::Owned(code.as_str().to_owned())),
            carrier_status: cause.carrier_status.map(|status| status.number().into()),
            summary: conversation.summary.as_ref().map(note),
            agent_name: conversation.agent_name.as_ref().map(|name| name.as_str().to_owned().into()),
            call_successful: analysis.goal.map(|goal| goal.as_str().into()),
            criteria: analysis.criteria.iter().map(criterion).collect(),
            collected: analysis.collected.iter().map(collected).collect(),
            cost_credits: conversation.cost_credits,
            truncated: conversation.is_truncated,
            has_recording: conversation.has_recording,
        };
        serde_json::to_string(&stored).expect("texts and numbers are always JSON")
    }
}

/// What is stored of a conversation after its callee was erased. Nothing of one that this release cannot
/// read.
pub fn erase_conversation(json: &str, form: ConversationForm) -> Option<String> {
    let conversation = read(json).ok()?.without_personal_data();
    Some(form.write(&conversation))
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
    let criterion = |StoredResult { id, value, rationale }: StoredResult<'_>| {
        // A later release may know more results.
        let result = value.and_then(|name| GoalResult::from_name(&name)).unwrap_or(GoalResult::Unknown);
        Ok(CriterionResult { id: note(id)?, result, rationale: rationale.map(note).transpose()? })
    };
    let collected = |StoredResult { id, value, rationale }: StoredResult<'_>| {
        let (json, rationale) = (value.map(note).transpose()?, rationale.map(note).transpose()?);
        Ok(CollectedValue { id: note(id)?, json, rationale })
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
        ended_at: stored.ended_at_millis.map(Timestamp::from_unix_millis),
        // A later release may know more reasons.
        end_reason: stored.end_code.and_then(|name| EndReason::from_name(&name)),
        cause: ProviderCause {
            code: stored.provider_code.map(|code| ProviderCode::from_untrusted(&code)),
            carrier_status: stored.carrier_status.and_then(CarrierStatus::from_number),
        },
        summary: stored.summary.map(note).transpose()?,
        analysis: Analysis {
            goal: stored.call_successful.and_then(|name| GoalResult::from_name(&name)),
            criteria: stored.criteria.into_iter().map(criterion).collect::<Result<_, Unreadable>>()?,
            collected: stored.collected.into_iter().map(collected).collect::<Result<_, Unreadable>>()?,
        },
        agent_name: stored.agent_name.map(|name| CALLS.read("conversation", name)).transpose()?,
        cost_credits: stored.cost_credits,
        is_truncated: stored.truncated,
        has_recording: stored.has_recording,
    })
}

#[cfg(test)]
mod tests;
