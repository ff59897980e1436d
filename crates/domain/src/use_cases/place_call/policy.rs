use std::time::Duration;

use crate::{AnswerTime, InvalidValue, Slot};

/// The durations that govern a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallPolicy {
    before_dial: Duration,
    lock_ttl: Duration,
    renew_every: Duration,
    ringing_timeout: Duration,
    answer_margin: Duration,
    context_ttl: Duration,
    longest_wait: Duration,
}

const ZERO: InvalidValue = InvalidValue("a policy: a duration that must pass is zero");
/// If the lock can expire before its second renewal, one lost renewal allows a second call.
const EXPIRES_BETWEEN_RENEWALS: InvalidValue =
    InvalidValue("a policy: the lock's TTL must be at least twice the time between its renewals");

impl CallPolicy {
    /// Checks that the durations agree.
    ///
    /// `before_dial`: how long a request may take from its start to the booking of its call.
    /// `lock_ttl`: how long a lock is held after it is taken, after each renewal, and with its
    /// result. `renew_every`: the interval of renewals while the phone rings. `ringing_timeout`:
    /// how long the phone may ring. `answer_margin`: how much longer the provider may take to
    /// answer. `context_ttl`: how long a context is stored for provider events.
    pub fn new(
        before_dial: Duration,
        lock_ttl: Duration,
        renew_every: Duration,
        ringing_timeout: Duration,
        answer_margin: Duration,
        context_ttl: Duration,
    ) -> Result<Self, InvalidValue> {
        if before_dial.is_zero() || lock_ttl.is_zero() || renew_every.is_zero() || ringing_timeout.is_zero() {
            return Err(ZERO);
        }
        if lock_ttl < renew_every.saturating_mul(2) {
            return Err(EXPIRES_BETWEEN_RENEWALS);
        }
        let longest_wait = Duration::ZERO;
        Ok(Self {
            before_dial,
            lock_ttl,
            renew_every,
            ringing_timeout,
            answer_margin,
            context_ttl,
            longest_wait,
        })
    }

    /// A booked call may wait so long for its slot, and no longer than half of the lock's TTL: the dial
    /// must begin while the lock is held. Without this, no call waits.
    #[must_use]
    pub fn with_longest_wait(self, longest_wait: Duration) -> Self {
        Self { longest_wait: longest_wait.min(self.lock_ttl / 2).min(Slot::FARTHEST), ..self }
    }

    /// How long a request may take from its start to the booking of its call. After that it does
    /// not dial.
    #[must_use]
    pub const fn before_dial(&self) -> Duration {
        self.before_dial
    }

    /// How long a call may wait for its slot.
    #[must_use]
    pub const fn longest_wait(&self) -> Duration {
        self.longest_wait
    }

    /// The TTL of the lock.
    #[must_use]
    pub const fn lock_ttl(&self) -> Duration {
        self.lock_ttl
    }

    /// The interval of renewals while the phone rings.
    #[must_use]
    pub const fn renew_every(&self) -> Duration {
        self.renew_every
    }

    /// How long the phone may ring.
    #[must_use]
    pub const fn ringing_timeout(&self) -> Duration {
        self.ringing_timeout
    }

    /// The TTL of a conversation's context.
    #[must_use]
    pub const fn context_ttl(&self) -> Duration {
        self.context_ttl
    }

    /// How long the provider may take to answer; after that the outcome is unknown. A provider that
    /// answers before the phone rings has only the margin, so that the ring that may follow still
    /// ends within [`CallPolicy::reserve_for`].
    #[must_use]
    pub const fn answer_within(&self, answers: AnswerTime) -> Duration {
        match answers {
            AnswerTime::AfterRinging => self.ringing_timeout.saturating_add(self.answer_margin),
            AnswerTime::BeforeRinging => self.answer_margin,
        }
    }

    /// How long the result of a dial answers duplicates, from the provider's answer: until the
    /// phone can no longer ring, plus the TTL of the lock.
    #[must_use]
    pub const fn hold_for(&self, answers: AnswerTime) -> Duration {
        match answers {
            AnswerTime::AfterRinging => self.lock_ttl,
            AnswerTime::BeforeRinging => self.ringing_timeout.saturating_add(self.lock_ttl),
        }
    }

    /// How long a reservation blocks, from the booking: the wait for a slot, until the phone can no
    /// longer ring, plus the TTL of the lock.
    #[must_use]
    pub const fn reserve_for(&self) -> Duration {
        self.longest_wait
            .saturating_add(self.ringing_timeout)
            .saturating_add(self.answer_margin)
            .saturating_add(self.lock_ttl)
    }
}

impl Default for CallPolicy {
    fn default() -> Self {
        Self {
            before_dial: Duration::from_secs(2),
            lock_ttl: Duration::from_secs(30),
            renew_every: Duration::from_secs(10),
            ringing_timeout: Duration::from_secs(60),
            answer_margin: Duration::from_secs(30),
            context_ttl: Duration::from_hours(24),
            longest_wait: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests;
