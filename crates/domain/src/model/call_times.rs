//! When a call began, was answered and ended.

use std::time::Duration;

use crate::{CallProgress, CallStatus, ConversationRecord, Timestamp};

/// The times of a call: never one before the one above it.
///
/// The gateway and the provider have different clocks, and some providers report whole seconds. A
/// reported time that contradicts an earlier one is moved to that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTimes {
    /// When the call was booked.
    pub started_at: Timestamp,
    /// When the callee answered, if that is known.
    pub answered_at: Option<Timestamp>,
    /// When the call ended, if that is known.
    pub ended_at: Option<Timestamp>,
}

impl CallTimes {
    /// The times of a call that was booked at this time, and whose dial may have been known to reach
    /// no phone at the other time.
    #[must_use]
    pub fn of(booked_at: Timestamp, progress: &CallProgress, not_dialled_at: Option<Timestamp>) -> Self {
        let conversation = progress.conversation.as_ref();
        let answered_at = conversation.and_then(|it| it.answered_at).map(|at| at.max(booked_at));
        let by_conversation = || {
            let ended = conversation.filter(|it| it.status.is_final());
            ended.and_then(|it| conversation_ended_at(it, booked_at, answered_at))
        };
        let ended_at = match progress.shown_status() {
            Some(CallStatus::Completed) => by_conversation(),
            // A failure counts only while no record of a conversation has replaced its status.
            Some(CallStatus::Busy | CallStatus::NoAnswer | CallStatus::Failed) => {
                let failed_at = progress.failure.as_ref().map(|failure| failure.at);
                failed_at.or(not_dialled_at).or_else(by_conversation)
            }
            Some(
                CallStatus::InProgress | CallStatus::Unknown | CallStatus::Ringing | CallStatus::Initiated,
            )
            | None => None,
        };
        let ended_at = ended_at.map(|at| at.max(answered_at.unwrap_or(booked_at)));
        Self { started_at: booked_at, answered_at, ended_at }
    }
}

/// The duration counts from the answer. A provider that does not report the answer may still report
/// when it began to call: the end is then not earlier than this.
fn conversation_ended_at(
    conversation: &ConversationRecord,
    booked_at: Timestamp,
    answered_at: Option<Timestamp>,
) -> Option<Timestamp> {
    let lasted = conversation.duration_secs.map(|secs| Duration::from_secs(secs.into()));
    let began_at = || conversation.started_at.map(|at| at.max(booked_at));
    match (conversation.ended_at, lasted) {
        (Some(ended_at), lasted) => {
            Some(ended_at.max(answered_at.unwrap_or(booked_at).after(lasted.unwrap_or_default())))
        }
        (None, Some(lasted)) => answered_at.or_else(began_at).map(|at| at.after(lasted)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests;
