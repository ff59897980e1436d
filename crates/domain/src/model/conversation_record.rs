//! A conversation, as the provider recorded it.

use super::analysis::keep_the_longer;
use crate::{Analysis, CallStatus, EndReason, PersonName, PrivateNote, ProviderCause, Timestamp};

/// A conversation, as the provider recorded it. Of two records of one conversation the one with the
/// greater status is kept; of two with the same status, the greater value of each field, because the
/// provider may add the summary or the cost later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConversationRecord {
    /// The status of the conversation.
    pub status: CallStatus,
    /// How long it lasted, in whole seconds. The ringing does not count.
    pub duration_secs: Option<u32>,
    /// What was said, in order.
    pub transcript: Vec<TranscriptLine>,
    /// When the provider began to call.
    pub started_at: Option<Timestamp>,
    /// When the callee answered.
    pub answered_at: Option<Timestamp>,
    /// When it ended, if the provider reports that. Otherwise it follows from the duration: see
    /// [`CallTimes`](crate::CallTimes).
    pub ended_at: Option<Timestamp>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// The same, in the provider's codes.
    pub cause: ProviderCause,
    /// What it was about, in the provider's words.
    pub summary: Option<PrivateNote>,
    /// What the provider concludes from it.
    pub analysis: Analysis,
    /// The agent's name at the provider, when the conversation took place.
    pub agent_name: Option<PersonName>,
    /// What it cost, in the provider's credits.
    pub cost_credits: Option<i64>,
    /// Whether a part of the record was left out, because it exceeds a bound or cannot be attributed
    /// to a speaker.
    pub is_truncated: bool,
    /// Whether the provider has a recording of it, as this record or a [`RecordingReport`](crate::RecordingReport)
    /// says.
    pub has_recording: bool,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TranscriptLine {
    /// Seconds since the conversation began, when the callee answered.
    pub at_secs: u32,
    /// Who spoke.
    pub speaker: Speaker,
    /// What was said.
    pub text: PrivateNote,
}

/// Who speaks in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speaker {
    /// The voice agent.
    Agent,
    /// The person.
    Callee,
}

impl ConversationRecord {
    /// A record that says no more than this status.
    #[must_use]
    pub const fn new(status: CallStatus) -> Self {
        Self {
            status,
            duration_secs: None,
            transcript: Vec::new(),
            started_at: None,
            answered_at: None,
            ended_at: None,
            end_reason: None,
            cause: ProviderCause { code: None, carrier_status: None },
            summary: None,
            analysis: Analysis { goal: None, criteria: Vec::new(), collected: Vec::new() },
            agent_name: None,
            cost_credits: None,
            is_truncated: false,
            has_recording: false,
        }
    }

    /// The record as lists show it: without what may be long.
    #[must_use]
    pub fn in_short(&self) -> Self {
        Self { transcript: Vec::new(), analysis: self.analysis.in_short(), ..self.clone() }
    }

    /// The record without what was said and what it is about.
    #[must_use]
    pub fn without_personal_data(self) -> Self {
        // Every field is named here, so that the compiler asks about a new one.
        let Self {
            status,
            duration_secs,
            transcript: _,
            started_at,
            answered_at,
            ended_at,
            end_reason,
            cause,
            summary: _,
            analysis: _,
            agent_name,
            cost_credits,
            is_truncated: _,
            has_recording: _,
        } = self;
        Self {
            duration_secs,
            started_at,
            answered_at,
            ended_at,
            end_reason,
            cause,
            agent_name,
            cost_credits,
            ..Self::new(status)
        }
    }

    /// Merges another record of the conversation, as [`CallProgress`](crate::CallProgress) does.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.status != self.status {
            if other.status > self.status {
                *self = other.clone();
            }
            return;
        }
        keep_the_longer(&mut self.transcript, &other.transcript);
        self.duration_secs = self.duration_secs.max(other.duration_secs);
        self.started_at = self.started_at.max(other.started_at);
        self.answered_at = self.answered_at.max(other.answered_at);
        self.ended_at = self.ended_at.max(other.ended_at);
        self.end_reason = self.end_reason.max(other.end_reason);
        self.cause.code = self.cause.code.take().max(other.cause.code.clone());
        self.cause.carrier_status = self.cause.carrier_status.max(other.cause.carrier_status);
        self.summary = self.summary.take().max(other.summary.clone());
        self.analysis.merge(&other.analysis);
        self.agent_name = self.agent_name.take().max(other.agent_name.clone());
        self.cost_credits = self.cost_credits.max(other.cost_credits);
        self.is_truncated |= other.is_truncated;
        self.has_recording |= other.has_recording;
    }
}
