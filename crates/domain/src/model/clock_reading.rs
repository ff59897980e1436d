//! The clocks of the stores, compared with that of the host.

use std::time::Duration;

use crate::Timestamp;

/// The time of another clock, and the host's time before and after it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The host's time before the question.
    pub asked_at: Timestamp,
    /// The time of the other clock.
    pub theirs: Timestamp,
    /// The host's time after the answer.
    pub answered_at: Timestamp,
}

/// How the difference of two clocks is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockAgreement {
    /// At most a second: the clocks of a time service.
    Close,
    /// Up to [`ClockReading::MAX_DIFFERENCE`]: no time service sets one of them.
    Apart,
    /// More than that: times of calls contradict each other, and valid tokens are refused.
    FarApart,
}

impl ClockReading {
    /// The largest difference of clocks that a time service keeps.
    pub const MAX_CLOSE: Duration = Duration::from_secs(1);
    /// The largest difference with which the gateway can work: the default leeway of tokens.
    pub const MAX_DIFFERENCE: Duration = Duration::from_secs(5);

    /// How far the clocks differ at least. The other clock was read at some time between question and
    /// answer.
    #[must_use]
    pub fn difference(&self) -> Duration {
        self.ahead().max(self.behind())
    }

    /// How far the other clock is ahead at least.
    #[must_use]
    pub fn ahead(&self) -> Duration {
        self.theirs.since(self.answered_at)
    }

    /// How far the other clock is behind at least.
    #[must_use]
    pub fn behind(&self) -> Duration {
        self.asked_at.since(self.theirs)
    }

    /// Judges the difference.
    #[must_use]
    pub fn agreement(&self) -> ClockAgreement {
        match self.difference() {
            difference if difference > Self::MAX_DIFFERENCE => ClockAgreement::FarApart,
            difference if difference > Self::MAX_CLOSE => ClockAgreement::Apart,
            _ => ClockAgreement::Close,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_difference_and_a_step_is_one_in_both_directions() {
        let time = Timestamp::from_unix_millis;
        for (theirs, difference, agreement) in [
            (100_000, 0, ClockAgreement::Close),
            (103_000, 0, ClockAgreement::Close),
            (104_000, 1000, ClockAgreement::Close),
            (104_001, 1001, ClockAgreement::Apart),
            (98_999, 1001, ClockAgreement::Apart),
            (95_000, 5000, ClockAgreement::Apart),
            (94_999, 5001, ClockAgreement::FarApart),
            (108_001, 5001, ClockAgreement::FarApart),
        ] {
            let reading =
                ClockReading { asked_at: time(100_000), theirs: time(theirs), answered_at: time(103_000) };
            assert_eq!(reading.difference(), Duration::from_millis(difference), "{theirs}");
            assert_eq!(reading.agreement(), agreement, "{theirs}");
        }
    }
}
