//! What an organization is told of its calls while they go on.

use std::fmt;

use crate::{CallId, CallIdentity, CallStatus, ConversationId, Timestamp};

/// One step of a call, as the books took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEvent {
    /// The event's position in the order of all call events.
    pub sequence: EventSequence,
    /// The same for every delivery of the event: receivers recognize a repeated delivery by it.
    pub id: EventId,
    /// What happened.
    pub kind: CallEventKind,
    /// The call.
    pub identity: CallIdentity,
    /// The status of the call after the event.
    pub status: CallStatus,
    /// The provider's id of the conversation, if it was known at the time of the event.
    pub conversation_id: Option<ConversationId>,
    /// When the ledger recorded the event.
    pub happened_at: Timestamp,
}

/// A step of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallEventKind {
    /// It was booked and is dialled now.
    Initiated,
    /// Somebody answered.
    Answered,
    /// It has ended, or came to nothing. Told again where a later account says more of how.
    Ended,
    /// Its recording can be fetched.
    RecordingReady,
}

impl CallEventKind {
    /// Every kind, in the order of a call's life.
    pub const ALL: [Self; 4] = [Self::Initiated, Self::Answered, Self::Ended, Self::RecordingReady];

    /// The name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiated => "call_initiated",
            Self::Answered => "call_answered",
            Self::Ended => "call_ended",
            Self::RecordingReady => "call_recording_ready",
        }
    }

    /// Reads the name that [`CallEventKind::as_str`] gives.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The steps that a call takes when its status rises, in order. A call that is told of late may take several at once. That
    /// it was answered may come up again after an account of a failure: stores tell each step but the end once.
    #[must_use]
    pub fn between(before: CallStatus, after: CallStatus) -> Vec<Self> {
        let mut steps = Vec::new();
        if after <= before {
            return steps;
        }
        if after.was_answered() && !before.was_answered() {
            steps.push(Self::Answered);
        }
        if after.is_final() {
            steps.push(Self::Ended);
        }
        steps
    }
}

/// What an event is known by: call, step and status, so that one step is one event however often it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Box<str>);

impl EventId {
    /// The id of a step. It has no `.`, which signatures put behind it.
    #[must_use]
    pub fn of(call_id: &CallId, kind: CallEventKind, status: CallStatus) -> Self {
        let call = call_id.as_str().replace('.', "_");
        Self(format!("evt_{call}_{}_{}", kind.as_str(), status.as_str()).into())
    }

    /// The id as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in the order of events: positive, and rising with no regard to tenants. Every reader sees the same order, and
/// nothing ever appears before a place that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventSequence(i64);

impl EventSequence {
    /// Before all events.
    pub const START: Self = Self(0);

    /// The place with this number; nothing for a negative one.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        if number >= 0 { Some(Self(number)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_status() -> impl Strategy<Value = CallStatus> {
        prop::sample::select(CallStatus::ALL.to_vec())
    }

    #[test]
    fn a_call_that_is_told_of_late_takes_its_steps_in_order() {
        let steps = CallEventKind::between(CallStatus::Initiated, CallStatus::Completed);
        assert_eq!(steps, [CallEventKind::Answered, CallEventKind::Ended]);
        let steps = CallEventKind::between(CallStatus::InProgress, CallStatus::Completed);
        assert_eq!(steps, [CallEventKind::Ended]);
    }

    #[test]
    fn a_call_that_nobody_answered_is_not_answered() {
        for end in [CallStatus::Failed, CallStatus::NoAnswer, CallStatus::Busy] {
            assert_eq!(CallEventKind::between(CallStatus::Initiated, end), [CallEventKind::Ended]);
        }
        assert_eq!(CallEventKind::between(CallStatus::Initiated, CallStatus::Unknown), []);
        assert_eq!(CallEventKind::between(CallStatus::Initiated, CallStatus::Ringing), []);
    }

    #[test]
    fn ids_tell_ends_apart_and_have_no_dot() {
        let call = CallId::parse("a.b").expect("an id");
        let id = |status| EventId::of(&call, CallEventKind::Ended, status);
        assert_ne!(id(CallStatus::Failed), id(CallStatus::Completed));
        assert!(!id(CallStatus::Completed).as_str().contains('.'));
    }

    proptest! {
        /// Whatever lies between, no step is told twice with one status, and an answer at most once on the way up.
        #[test]
        fn a_climb_tells_each_step_once(mut climb in prop::collection::vec(any_status(), 2..8)) {
            climb.sort();
            let told: Vec<_> = climb
                .windows(2)
                .flat_map(|pair| CallEventKind::between(pair[0], pair[1]).into_iter().map(|kind| (kind, pair[1])))
                .collect();
            for (i, one) in told.iter().enumerate() {
                prop_assert!(!told[..i].contains(one));
            }
        }
    }
}
