//! How a call goes on after the dial, told from the clock alone: no task watches over it.

use std::time::Duration;

/// The steps of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Initiated,
    InProgress,
    Processing,
    Done,
    Failed,
}

/// Why a call failed, as the conversation says it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) error_type: &'static str,
}

/// How a call ends.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Answered,
    Failed(Failure),
    RingsOn,
}

/// How long things take after the callee has answered, and how a call ends after ringing.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) rings_for: Duration,
    pub(crate) talks_for: Duration,
    pub(crate) processed_for: Duration,
    pub(crate) end: End,
}

impl Timeline {
    /// How long after the dial the call is over and its record complete; nothing for one that rings on.
    pub(crate) fn over_after(&self) -> Option<Duration> {
        match self.end {
            End::RingsOn => None,
            End::Failed(_) => Some(self.rings_for),
            End::Answered => {
                Some(self.rings_for.saturating_add(self.talks_for).saturating_add(self.processed_for))
            }
        }
    }

    /// Where the call is, so long after it was dialled.
    pub(crate) fn step(&self, elapsed: Duration) -> Step {
        let Some(after_ringing) = elapsed.checked_sub(self.rings_for) else {
            return Step::Initiated;
        };
        match self.end {
            End::RingsOn => Step::Initiated,
            End::Failed(_) => Step::Failed,
            End::Answered if after_ringing < self.talks_for => Step::InProgress,
            End::Answered if after_ringing < self.talks_for.saturating_add(self.processed_for) => {
                Step::Processing
            }
            End::Answered => Step::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(end: End) -> Timeline {
        let second = Duration::from_secs(1);
        Timeline { rings_for: 2 * second, talks_for: 3 * second, processed_for: second, end }
    }

    #[test]
    fn an_answered_call_goes_through_every_step_once() {
        let call = timeline(End::Answered);
        let steps: Vec<Step> = (0..8).map(|second| call.step(Duration::from_secs(second))).collect();
        use Step::{Done, InProgress, Initiated, Processing};
        assert_eq!(steps, [Initiated, Initiated, InProgress, InProgress, InProgress, Processing, Done, Done]);
    }

    #[test]
    fn a_failed_call_rings_and_fails_and_a_ringing_one_rings_on() {
        let failure = Failure { code: 486, reason: String::new(), error_type: "" };
        let failed = timeline(End::Failed(failure));
        assert_eq!(failed.step(Duration::from_secs(1)), Step::Initiated);
        assert_eq!(failed.step(Duration::from_secs(2)), Step::Failed);
        assert_eq!(timeline(End::RingsOn).step(Duration::from_secs(9_999)), Step::Initiated);
    }
}
