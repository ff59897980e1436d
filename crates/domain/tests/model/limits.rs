//! Whether a limit of the design explains two dials that are too close.

use std::time::Duration;

use domain::{AnswerTime, CallPolicy};

use crate::history::{Dial, Events, Happened, Ring};
use crate::scope::Limit;
use crate::script::Store;

/// Two accepted dials of one intent within the window, in the order of their bookings.
pub(crate) struct Pair<'a> {
    first: (&'a Dial, Ring),
    second: (&'a Dial, Ring),
    has_records: bool,
}

impl Limit {
    /// Whether this is why the two dials are too close.
    pub(crate) fn explains(self, pair: &Pair<'_>, events: &Events) -> bool {
        let policy = CallPolicy::default();
        let (dials, rings) = ([pair.first.0, pair.second.0], [pair.first.1, pair.second.1]);
        match self {
            Self::PausedBeforeTheSend => dials.iter().any(|dial| dial.was_paused_before),
            Self::ProviderActsLate => {
                let margin = policy.answer_within(AnswerTime::BeforeRinging);
                dials.iter().any(|dial| Duration::from_secs(dial.script.acts_after) > margin)
            }
            Self::PhoneRingsLonger => {
                rings.iter().any(|ring| ring.ends_at - ring.accepted_at > policy.ringing_timeout())
            }
            Self::BothClocksSetForward => {
                pair.is_set_forward(Store::Redis, events)
                    && pair.is_set_forward(Store::Postgres, events)
                    && !pair.is_refused_without_the_stores()
            }
            Self::ReservationClockSetForwardWithoutLock => {
                pair.lock_may_have_ended(events)
                    && !pair.is_set_forward(Store::Redis, events)
                    && pair.is_set_forward(Store::Postgres, events)
                    && !pair.is_refused_without_the_stores()
            }
        }
    }
}

impl<'a> Pair<'a> {
    pub(crate) fn new(one: (&'a Dial, Ring), other: (&'a Dial, Ring), has_records: bool) -> Self {
        let (first, second) = if one.0.booked <= other.0.booked { (one, other) } else { (other, one) };
        Self { first, second, has_records }
    }

    /// The faults from the request of the first call to the last send.
    fn faults_between<'e>(&self, events: &'e Events) -> &'e [Happened] {
        let (first, second) = (self.first.0, self.second.0);
        &events.faults[first.faults_before_request..first.faults_before_send.max(second.faults_before_send)]
    }

    fn is_set_forward(&self, store: Store, events: &Events) -> bool {
        self.faults_between(events).iter().any(|fault| match fault {
            Happened::Stepped(stepped, secs) => *secs > 0 && (*stepped == store || *stepped == Store::Both),
            Happened::Crashed | Happened::Paused | Happened::LostLocks | Happened::Unavailable(_) => false,
        })
    }

    /// Whether the lock of the first call may have ended by its time, or been lost.
    fn lock_may_have_ended(&self, events: &Events) -> bool {
        self.first.0.script.has_no_answer()
            || self.faults_between(events).contains(&Happened::Crashed)
            || !events.locks_are_safe()
    }

    /// Whether the second call must be refused even if lock and reservation have expired: by the
    /// process of the first one, or because of the provider's record.
    fn is_refused_without_the_stores(&self) -> bool {
        let (first, ring) = self.first;
        let second = self.second.0;
        let rings = (ring.accepted_at..ring.ends_at).contains(&second.sent_at);
        first.process == second.process
            || (self.has_records && rings && !second.decided_before.contains(&first.call_id))
    }
}
