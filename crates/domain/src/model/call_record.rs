//! A call in the ledger, and how a later report changes it.

use crate::{
    AnswerTime, CallId, CallIdentity, CallReason, CallStatus, CarrierCallId, Contact, ContactId,
    ConversationId, DialOutcome, NotConnectedReason, PersonName, PrivateNote, Recording, Timestamp, UserId,
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
    /// When the call was booked.
    pub booked_at: Timestamp,
    /// What happened to the call.
    pub progress: CallProgress,
    /// Its recording, once it is stored.
    pub recording: Option<Recording>,
}

/// A client's filter of the call history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only calls to this contact.
    pub contact_id: Option<ContactId>,
    /// Only calls that this user asked for.
    pub user_id: Option<UserId>,
    /// Only calls with this status.
    pub status: Option<CallStatus>,
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
}

/// The callee was not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallFailure {
    /// Why.
    pub reason: NotConnectedReason,
    /// When this was known.
    pub at: Timestamp,
}

/// A conversation, as the provider recorded it. Of two records of one conversation the greater is
/// kept; the status decides first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConversationRecord {
    /// The status of the conversation.
    pub status: CallStatus,
    /// How long it lasted, in seconds.
    pub duration_secs: Option<u32>,
    /// What was said, in order.
    pub transcript: Vec<TranscriptLine>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When the callee answered.
    pub answered_at: Option<Timestamp>,
    /// Why it ended, in the provider's words.
    pub end_reason: Option<PrivateNote>,
    /// What it was about, in the provider's words.
    pub summary: Option<PrivateNote>,
    /// What it cost, in the provider's credits.
    pub cost_credits: Option<i64>,
    /// Whether the provider has a recording of it.
    pub has_recording: bool,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TranscriptLine {
    /// Seconds since the call began.
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
    /// Neither a provider event nor the provider's records say what happened, past the time by
    /// which one of them should.
    Unresolved,
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
                CallStatus::of_failure(failure.reason)
            }
            UpdateContent::Conversation(conversation) => {
                keep_the_greater(&mut self.conversation, Some(conversation));
                conversation.status
            }
            UpdateContent::Unresolved => CallStatus::Unknown,
        };
        keep_the_greater(&mut self.status, Some(&status));
        *self != before
    }
}

fn keep_the_greater<T: Ord + Clone>(kept: &mut Option<T>, offered: Option<&T>) {
    if offered > kept.as_ref() {
        *kept = offered.cloned();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn note(text: &str) -> PrivateNote {
        PrivateNote::parse(text).expect("plain text")
    }

    fn conversation(status: CallStatus, duration_secs: Option<u32>) -> CallUpdate {
        CallUpdate {
            conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
            carrier_call_id: None,
            content: UpdateContent::Conversation(ConversationRecord {
                status,
                duration_secs,
                transcript: Vec::new(),
                started_at: None,
                answered_at: None,
                end_reason: None,
                summary: duration_secs.map(|_| note("a summary")),
                cost_credits: None,
                has_recording: false,
            }),
        }
    }

    fn failure(reason: NotConnectedReason, at: i64) -> CallUpdate {
        CallUpdate {
            conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
            carrier_call_id: Some(CarrierCallId::parse("otb_1").expect("an id")),
            content: UpdateContent::Failure(CallFailure { reason, at: Timestamp::from_unix_millis(at) }),
        }
    }

    fn any_update() -> impl Strategy<Value = CallUpdate> {
        let reasons = prop::sample::select(NotConnectedReason::ALL.to_vec());
        let statuses = prop::sample::select(CallStatus::ALL.to_vec());
        prop_oneof![
            (reasons, 0i64..3).prop_map(|(reason, at)| failure(reason, at)),
            Just(CallUpdate::unresolved()),
            (statuses, prop::option::of(0u32..3))
                .prop_map(|(status, duration)| conversation(status, duration)),
        ]
    }

    fn merged<'a>(updates: impl IntoIterator<Item = &'a CallUpdate>) -> CallProgress {
        let mut progress = CallProgress::default();
        for update in updates {
            progress.merge(update);
        }
        progress
    }

    #[test]
    fn a_late_failure_does_not_change_a_completed_call() {
        let done = conversation(CallStatus::Completed, Some(42));
        let late = failure(NotConnectedReason::NoAnswer, 1);
        let progress = merged([&done, &late]);
        assert_eq!(progress.status, Some(CallStatus::Completed));
        assert_eq!(progress, merged([&late, &done]));
    }

    #[test]
    fn an_update_that_adds_nothing_changes_nothing() {
        let done = conversation(CallStatus::Completed, Some(42));
        let mut progress = merged([&done]);
        assert!(!progress.merge(&done));
        assert!(!progress.merge(&conversation(CallStatus::InProgress, None)));
    }

    proptest! {
        /// Every permutation of up to five updates, each of them also twice, has the same result.
        #[test]
        fn every_order_has_the_same_result(updates in prop::collection::vec(any_update(), 1..6), seed in any::<u64>()) {
            let expected = merged(&updates);
            let mut shuffled: Vec<&CallUpdate> = updates.iter().chain(&updates).collect();
            let mut state = seed;
            for i in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                shuffled.swap(i, usize::try_from(state >> 33).expect("fits") % (i + 1));
            }
            prop_assert_eq!(merged(shuffled), expected);
        }

        #[test]
        fn the_status_never_decreases(updates in prop::collection::vec(any_update(), 1..6)) {
            let mut progress = CallProgress::default();
            for update in &updates {
                let before = progress.status;
                progress.merge(update);
                prop_assert!(progress.status >= before);
            }
        }
    }
}
