use std::time::Duration;

/// A call starts within this time after the beginning of its slot, or asks for another one. A call that
/// starts later comes too close to those after it.
const STARTS_WITHIN: Duration = Duration::from_millis(250);

/// When a call may start, by the clock of this process.
///
/// The store measured the wait at some time between the request and its answer. The slot has begun for
/// certain if it is counted from the answer, and is not over for certain if it is counted from the
/// request. If the answer took longer than a slot lasts, no time is certain, and the slot is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    from: Duration,
    until: Duration,
}

impl Opening {
    pub(super) fn new(asked_at: Duration, answered_at: Duration, wait: Duration) -> Self {
        Self {
            from: answered_at.saturating_add(wait),
            until: asked_at.saturating_add(wait).saturating_add(STARTS_WITHIN),
        }
    }

    /// How long the slot is ahead.
    pub(super) fn begins_after(self, now: Duration) -> Duration {
        self.from.saturating_sub(now)
    }

    /// Whether a call that starts now is in its slot, once it has begun.
    pub(super) fn is_open(self, now: Duration) -> bool {
        now <= self.until
    }
}
