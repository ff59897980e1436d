//! A call in the ledger, and how a later report changes it.

use crate::{
    AgentId, AnswerTime, CallEventKind, CallId, CallIdentity, CallMetadata, CallPurpose, CallReason,
    CallStatus, CallSubject, CallTimes, CarrierCallId, Contact, ContactId, ConversationId,
    ConversationRecord, Decision, DialOutcome, DynamicVariables, EndReason, GivenUp, NotConnectedReason,
    NotDialled, PersonName, PhoneNumber, ProviderCause, Recording, RecordingReport, Timestamp, UserId,
};

/// One call, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The call.
    pub identity: CallIdentity,
    /// The name of the user who asked for the call.
    pub user_name: PersonName,
    /// The contact who is called, as it is stored now.
    pub contact: Contact,
    /// Why the contact is called.
    pub reason: Option<CallReason>,
    /// The client's own variables of the agent's prompt.
    pub variables: DynamicVariables,
    /// The client's own data about the call.
    pub metadata: Option<CallMetadata>,
    /// What the call is for. `None` if it was booked by a release without purposes.
    pub purpose: Option<CallPurpose>,
    /// What the call is about, as the client named it.
    pub subject: Option<CallSubject>,
    /// The decision that allowed the call.
    pub decision: Option<Decision>,
    /// When the call was booked.
    pub booked_at: Timestamp,
    /// What happened to the call.
    pub progress: CallProgress,
    /// That its dial reached no phone.
    pub not_dialled: Option<NotDialled>,
    /// Its recording, once it is stored.
    pub recording: Option<Recording>,
    /// What was removed of it because of its age.
    pub removed: RemovedParts,
}

/// Since when parts of a call are removed, because the gateway keeps them for a limited time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RemovedParts {
    /// The transcript, and what the provider concluded from it.
    pub transcript: Option<Timestamp>,
    /// The recording.
    pub recording: Option<Timestamp>,
}

/// A client's filter of the call history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only calls to this contact.
    pub contact_id: Option<ContactId>,
    /// Only calls that this user asked for.
    pub user_id: Option<UserId>,
    /// Only calls by this agent.
    pub agent_id: Option<AgentId>,
    /// Only calls to this number.
    pub to: Option<PhoneNumber>,
    /// Only calls that clients see with one of these statuses; with none, calls with any status.
    pub statuses: Vec<CallStatus>,
    /// Only calls booked at this time or later.
    pub from: Option<Timestamp>,
    /// Only calls booked earlier than this time.
    pub until: Option<Timestamp>,
    /// Only calls booked before this one: the last call of the previous page.
    pub before: Option<(Timestamp, CallId)>,
    /// The maximum number of calls; at most [`HistoryFilter::MAX_LIMIT`].
    pub limit: u32,
    /// The number of calls to skip.
    pub offset: u32,
}

impl HistoryFilter {
    /// The largest page.
    pub const MAX_LIMIT: u32 = 200;
    /// The page size if the client does not set a limit.
    pub const DEFAULT_LIMIT: u32 = 50;
    /// The number of matching calls up to which a list says how many there are: an exact number of
    /// millions would cost more than the page.
    pub const MAX_COUNT: u32 = 10_000;
}

/// All calls, on a page of the default size.
impl Default for HistoryFilter {
    fn default() -> Self {
        Self {
            contact_id: None,
            user_id: None,
            agent_id: None,
            to: None,
            statuses: Vec::new(),
            from: None,
            until: None,
            before: None,
            limit: Self::DEFAULT_LIMIT,
            offset: 0,
        }
    }
}

/// What is known of a call so far. [`CallProgress::merge`] adds every later report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallProgress {
    /// The greatest status that was reported.
    pub status: Option<CallStatus>,
    /// The provider's id of the conversation.
    pub conversation_id: Option<ConversationId>,
    /// The carrier's id of the call.
    pub carrier_call_id: Option<CarrierCallId>,
    /// Why the callee was not connected.
    pub failure: Option<CallFailure>,
    /// The conversation, as the provider recorded it.
    pub conversation: Option<ConversationRecord>,
    /// That the gateway does not ask about the call any more. It counts while the status is not
    /// final.
    pub given_up: Option<GivenUp>,
    /// What was reported of a recording that is not stored. It stays after the recording is stored.
    pub recording: Option<RecordingReport>,
}

/// The callee was not connected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallFailure {
    /// Why.
    pub reason: NotConnectedReason,
    /// When this was known.
    pub at: Timestamp,
    /// The same, in the provider's codes.
    pub cause: ProviderCause,
}

/// A later report about a call, from a provider event or a provider record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallUpdate {
    /// The provider's id of the conversation, if the report has it.
    pub conversation_id: Option<ConversationId>,
    /// The carrier's id of the call, if the report has it.
    pub carrier_call_id: Option<CarrierCallId>,
    /// What the report says.
    pub content: UpdateContent,
}

/// What a report about a call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateContent {
    /// The callee was not connected.
    Failure(CallFailure),
    /// What the provider recorded of the conversation.
    Conversation(ConversationRecord),
    /// What is known of a recording that is not stored. It says nothing of the status.
    Recording(RecordingReport),
    /// Neither a provider event nor the provider's records say what happened, past the time by
    /// which one of them should.
    Unresolved,
    /// The same, and the gateway does not ask again.
    GivenUp(GivenUp),
}

impl CallStatus {
    /// The status of a call after this outcome of its dial, for a provider that answers at this
    /// time.
    #[must_use]
    pub const fn after(outcome: &DialOutcome, answer_time: AnswerTime) -> Self {
        match (outcome, answer_time) {
            (DialOutcome::Placed(_), AnswerTime::AfterRinging) => Self::InProgress,
            (DialOutcome::Placed(_), AnswerTime::BeforeRinging) => Self::Ringing,
            (DialOutcome::NotConnected { reason, .. }, _) => Self::of_failure(*reason),
            (DialOutcome::NotDialled(_), _) => Self::Failed,
            (DialOutcome::Unknown(_), _) => Self::Unknown,
        }
    }

    /// The status of a call whose callee was not connected.
    #[must_use]
    pub const fn of_failure(reason: NotConnectedReason) -> Self {
        match reason {
            NotConnectedReason::Busy | NotConnectedReason::Declined => Self::Busy,
            NotConnectedReason::NoAnswer => Self::NoAnswer,
            NotConnectedReason::Failed => Self::Failed,
        }
    }
}

impl CallUpdate {
    /// An update for a call that neither events nor records account for.
    #[must_use]
    pub const fn unresolved() -> Self {
        Self { conversation_id: None, carrier_call_id: None, content: UpdateContent::Unresolved }
    }

    /// An update for a call that the gateway does not ask about any more.
    #[must_use]
    pub const fn given_up(given_up: GivenUp) -> Self {
        Self { conversation_id: None, carrier_call_id: None, content: UpdateContent::GivenUp(given_up) }
    }

    /// An update for a call whose recording is not stored.
    #[must_use]
    pub const fn recording(report: RecordingReport) -> Self {
        let content = UpdateContent::Recording(report);
        Self { conversation_id: None, carrier_call_id: None, content }
    }
}

impl UpdateContent {
    /// Whether this is the end of a conversation of which a part was left out.
    #[must_use]
    pub fn is_truncated_end(&self) -> bool {
        matches!(self, Self::Conversation(conversation) if conversation.is_truncated) && self.has_ended()
    }

    /// Whether this reports the end of the call.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Failure(_) => true,
            Self::Conversation(conversation) => conversation.status.is_final(),
            Self::Unresolved | Self::GivenUp(_) | Self::Recording(_) => false,
        }
    }
}

impl CallRecord {
    /// The times of the call, as clients see them.
    #[must_use]
    pub fn times(&self) -> CallTimes {
        let not_dialled_at = self.not_dialled.as_ref().map(|not_dialled| not_dialled.at);
        CallTimes::of(self.booked_at, &self.progress, not_dialled_at)
    }

    /// Why the call ended, if it has ended.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        let reported = self.progress.end_reason()?;
        let of_dial = self.not_dialled.as_ref().map(|not_dialled| not_dialled.reason);
        let of_dial = of_dial.filter(|reason| reason.status() == reported.status());
        Some(of_dial.map_or(reported, |of_dial| of_dial.max(reported)))
    }

    /// What the provider says about the end, if the call has ended.
    #[must_use]
    pub fn end_cause(&self) -> ProviderCause {
        let Some(reason) = self.end_reason() else { return ProviderCause::default() };
        let code = self.not_dialled.as_ref().and_then(|not_dialled| not_dialled.code.clone());
        let of_dial = code.filter(|_| reason.status() == CallStatus::Failed).map(ProviderCause::from);
        self.progress.end_cause().or(&of_dial.unwrap_or_default())
    }

    /// Whether the call has a recording that the gateway does not store because of its size.
    #[must_use]
    pub fn has_too_large_recording(&self) -> bool {
        self.recording.is_none()
            && self.removed.recording.is_none()
            && self.progress.recording == Some(RecordingReport::TooLarge)
    }

    /// Whether the call had a recording that was removed because of its age.
    #[must_use]
    pub const fn has_expired_recording(&self) -> bool {
        self.recording.is_none() && self.removed.recording.is_some()
    }

    /// Whether the call had a transcript that was removed because of its age.
    #[must_use]
    pub fn has_expired_transcript(&self) -> bool {
        let has_transcript = |conversation: &ConversationRecord| !conversation.transcript.is_empty();
        self.removed.transcript.is_some() && !self.progress.conversation.as_ref().is_some_and(has_transcript)
    }
}

impl CallFailure {
    /// What the outcome of a dial says of it, if the callee was not connected.
    #[must_use]
    pub fn of_dial(outcome: &DialOutcome, at: Timestamp) -> Option<Self> {
        match outcome {
            DialOutcome::NotConnected { reason, code, .. } => {
                let cause = code.clone().map(ProviderCause::from).unwrap_or_default();
                Some(Self { reason: *reason, at, cause })
            }
            DialOutcome::Placed(_) | DialOutcome::NotDialled(_) | DialOutcome::Unknown(_) => None,
        }
    }

    /// A failure of which the provider says no more.
    #[must_use]
    pub const fn new(reason: NotConnectedReason, at: Timestamp) -> Self {
        Self { reason, at, cause: ProviderCause { code: None, carrier_status: None } }
    }
}

impl CallProgress {
    /// Merges a report. Merging is commutative, associative and idempotent: reports may arrive
    /// early, late, twice and in any order. Returns whether anything changed.
    pub fn merge(&mut self, update: &CallUpdate) -> bool {
        let before = self.clone();
        keep_the_greater(&mut self.conversation_id, update.conversation_id.as_ref());
        keep_the_greater(&mut self.carrier_call_id, update.carrier_call_id.as_ref());
        let status = match &update.content {
            UpdateContent::Failure(failure) => {
                keep_the_greater(&mut self.failure, Some(failure));
                Some(CallStatus::of_failure(failure.reason))
            }
            UpdateContent::Conversation(conversation) => {
                match &mut self.conversation {
                    Some(kept) => kept.merge(conversation),
                    None => self.conversation = Some(conversation.clone()),
                }
                Some(conversation.status)
            }
            UpdateContent::Recording(report) => {
                keep_the_greater(&mut self.recording, Some(report));
                None
            }
            UpdateContent::Unresolved => Some(CallStatus::Unknown),
            UpdateContent::GivenUp(given_up) => {
                // The earlier of two: clients may have seen it.
                self.given_up = Some(self.given_up.map_or(*given_up, |kept| kept.min(*given_up)));
                Some(CallStatus::Unknown)
            }
        };
        // The event of the recording and the record of the conversation arrive in any order.
        if let (Some(_), Some(conversation)) = (self.recording, &mut self.conversation) {
            conversation.has_recording = true;
        }
        keep_the_greater(&mut self.status, status.as_ref());
        *self != before
    }

    /// The status that clients see. `None` if nothing was reported.
    #[must_use]
    pub fn shown_status(&self) -> Option<CallStatus> {
        self.status.map(|status| if self.given_up.is_some() { status.once_given_up() } else { status })
    }

    /// Why clients see the call as unknown, if they do because it was given up.
    #[must_use]
    pub fn shown_given_up(&self) -> Option<GivenUp> {
        self.given_up.filter(|_| !self.status.is_some_and(CallStatus::is_final))
    }

    /// Why the call ended, if it has ended and as far as reports say it. A report counts only if its
    /// status is the one that clients see.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        let status = self.shown_status()?;
        let by_conversation = self.conversation.as_ref().and_then(|it| it.end_reason);
        let by_failure = self.failure.as_ref().map(|failure| EndReason::of_failure(failure.reason));
        let reported = [by_conversation, by_failure].into_iter().flatten();
        let counted = reported.filter(|reason| reason.status() == status);
        counted.max().or_else(|| EndReason::of_status(status))
    }

    /// What the provider says about the end, in the reports whose status clients see.
    #[must_use]
    pub fn end_cause(&self) -> ProviderCause {
        let status = self.end_reason().map(EndReason::status);
        let conversation = self.conversation.as_ref().filter(|it| Some(it.status) == status);
        let failure = self.failure.as_ref();
        let failure = failure.filter(|it| Some(CallStatus::of_failure(it.reason)) == status);
        let by_failure = failure.map(|failure| failure.cause.clone()).unwrap_or_default();
        conversation.map(|it| it.cause.clone()).unwrap_or_default().or(&by_failure)
    }

    /// The call events of a change from `before` to this, in order. Each of them has the status
    /// that clients see now.
    #[must_use]
    pub fn events_since(&self, before: &Self) -> Vec<CallEventKind> {
        let or_initiated = |status: Option<CallStatus>| status.unwrap_or(CallStatus::Initiated);
        let mut events = CallEventKind::between(or_initiated(before.status), or_initiated(self.status));
        // Receivers that wait for the end of the call need not wait any longer.
        if self.shown_given_up().is_some() && before.given_up.is_none() {
            events.push(CallEventKind::Ended);
        }
        events
    }
}

fn keep_the_greater<T: Ord + Clone>(kept: &mut Option<T>, offered: Option<&T>) {
    if offered > kept.as_ref() {
        *kept = offered.cloned();
    }
}

#[cfg(test)]
mod tests;
