//! Call events: what an organization receives about its calls while they run.

use std::fmt;

use crate::{CallId, CallIdentity, CallMetadata, CallStatus, ConversationId, EndReason, Timestamp};

/// One change of a call that the ledger recorded.
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
    /// Why the call ended, if the event reports its end and the reason is known.
    pub end_reason: Option<EndReason>,
    /// The provider's id of the conversation, if it was known at the time of the event.
    pub conversation_id: Option<ConversationId>,
    /// The client's own data about the call.
    pub metadata: Option<CallMetadata>,
    /// When the ledger recorded the event.
    pub happened_at: Timestamp,
}

/// What happened to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallEventKind {
    /// The call is booked and is being dialled.
    Initiated,
    /// The callee answered.
    Answered,
    /// The call has ended, or was never connected, or was given up with the status *unknown*.
    /// Another event follows if a later update reports a greater status.
    Ended,
    /// The recording can be fetched.
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

    /// Reads the name that [`CallEventKind::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The events of a change of status, in order. A late update may cause several. *Answered* may
    /// come up again after a failure was reported; stores write every kind but *ended* once.
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

/// Identifies an event by call, kind and status, so that writing the same change twice writes one
/// event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Box<str>);

impl EventId {
    /// The id of an event. It contains no `.`, because signatures use it as a separator.
    #[must_use]
    pub fn of(call_id: &CallId, kind: CallEventKind, status: CallStatus) -> Self {
        let call = call_id.as_str().replace('.', "_");
        Self(format!("evt_{call}_{}_{}", kind.as_str(), status.as_str()).into())
    }

    /// The id on the wire.
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

/// The position of a published event in the order of all events. Numbers are positive, increase
/// over all organizations, and every reader sees the same order: no event appears later with a
/// smaller number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventSequence(i64);

impl EventSequence {
    /// Before all events.
    pub const START: Self = Self(0);

    /// The sequence with this number; `None` for a negative one.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        if number >= 0 { Some(Self(number)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
