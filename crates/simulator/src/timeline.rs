//! How a call proceeds after the dial, computed from the clock: no task runs for a call.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::behaviours::CallOutcome;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Initiated,
    InProgress,
    Processing,
    Done,
    Failed,
}

impl Step {
    pub(crate) fn is_answered(self) -> bool {
        self == Step::InProgress || self.is_hung_up()
    }

    /// Whether an answered call has ended.
    pub(crate) fn is_hung_up(self) -> bool {
        matches!(self, Step::Processing | Step::Done)
    }
}

/// Why a call failed, as the conversation's record reports it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) error_type: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) enum End {
    Answered,
    Failed(Failure),
    KeepsRinging,
}

impl End {
    /// `None` if nothing was dialled.
    pub(crate) fn from_outcome(outcome: CallOutcome, no_answer: Failure, busy: Failure) -> Option<End> {
        match outcome {
            CallOutcome::NotDialled => None,
            CallOutcome::Answered => Some(End::Answered),
            CallOutcome::Ringing => Some(End::KeepsRinging),
            CallOutcome::NoAnswer => Some(End::Failed(no_answer)),
            CallOutcome::Busy => Some(End::Failed(busy)),
        }
    }
}

/// How a call ends and how long it rings; an answered call then takes `talks_for + processed_for`.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) rings_for: Duration,
    pub(crate) talks_for: Duration,
    pub(crate) processed_for: Duration,
    pub(crate) end: End,
}

impl Timeline {
    /// The time from the dial to the call's complete record; `None` for a call that keeps ringing.
    pub(crate) fn ends_after(&self) -> Option<Duration> {
        match self.end {
            End::KeepsRinging => None,
            End::Failed(_) => Some(self.rings_for),
            End::Answered => {
                Some(self.rings_for.saturating_add(self.talks_for).saturating_add(self.processed_for))
            }
        }
    }

    /// The step of the call when `elapsed` has passed since the dial.
    pub(crate) fn step(&self, elapsed: Duration) -> Step {
        let Some(after_ringing) = elapsed.checked_sub(self.rings_for) else {
            return Step::Initiated;
        };
        match self.end {
            End::KeepsRinging => Step::Initiated,
            End::Failed(_) => Step::Failed,
            End::Answered if after_ringing < self.talks_for => Step::InProgress,
            End::Answered if after_ringing < self.talks_for.saturating_add(self.processed_for) => {
                Step::Processing
            }
            End::Answered => Step::Done,
        }
    }
}

pub(crate) fn unix_now_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
