//! How fast calls start, and how many there are at the same time.
//!
//! The lock gives a call its slot with the key. The call is then booked, waits for its slot and dials:
//! a call that waits is in the ledger, and holds no connection of a database.

use std::num::NonZeroU32;
use std::time::Duration;

use super::opening::Opening;
use super::{LockHold, PlaceCall, PlaceCallError};
use crate::{
    Booking, CallerNumber, Pace, PacingFacts, ProviderNumberId, RateLimit, Slot, Timestamp, TrunkFacts,
};

/// A call that has not ended counts for at most this time after its booking. It may have ended without
/// a report, and must not take a place for ever.
const COUNTED_FOR: Duration = Duration::from_hours(2);

/// When to ask again while too many calls have not ended. It is not known when one of them ends.
const UNTIL_A_CALL_ENDS: Duration = Duration::from_secs(10);

/// When to ask again after a call has lost its slots.
const AFTER_LOST_SLOTS: Duration = Duration::from_secs(1);

/// The operator's limits. The pace of a trunk comes from its carrier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PacingLimits {
    /// The most calls from one caller number that start in a minute.
    pub number_calls_per_minute: Option<NonZeroU32>,
    /// The most calls of one organization at the same time.
    pub organization_calls: Option<NonZeroU32>,
    /// The most calls over one trunk at the same time.
    pub trunk_calls: Option<NonZeroU32>,
}

impl PacingLimits {
    /// From when on calls that have not ended are counted. `None` if no limit asks for it.
    pub(super) fn count_calls_since(&self, now: Timestamp) -> Option<Timestamp> {
        let asks = self.organization_calls.is_some() || self.trunk_calls.is_some();
        asks.then(|| now.before(COUNTED_FOR))
    }

    /// The limit that has as many calls as it allows. A count includes each call from its booking on.
    pub(super) fn reached(&self, facts: &PacingFacts, caller: &CallerNumber) -> Option<RateLimit> {
        let is_reached = |calls: Option<u32>, limit: Option<NonZeroU32>| match (calls, limit) {
            (Some(calls), Some(limit)) => calls >= limit.get(),
            _ => false,
        };
        if is_reached(facts.organization_calls, self.organization_calls) {
            return Some(RateLimit::OrganizationCalls);
        }
        let calls = trunk_of(facts, caller).and_then(|trunk| trunk.calls);
        is_reached(calls, self.trunk_calls).then_some(RateLimit::TrunkCalls)
    }

    /// The paces of a call from this number, the trunk's first.
    pub(super) fn paces(
        &self,
        facts: &PacingFacts,
        caller: &CallerNumber,
        number_id: &ProviderNumberId,
    ) -> Vec<Pace> {
        let of_trunk = trunk_of(facts, caller).map(|it| Pace::of_trunk(it.id.clone(), it.calls_per_second));
        let of_number = self.number_calls_per_minute.map(|limit| Pace::of_number(number_id.clone(), limit));
        of_trunk.into_iter().chain(of_number).collect()
    }
}

fn trunk_of<'a>(facts: &'a PacingFacts, caller: &CallerNumber) -> Option<&'a TrunkFacts> {
    facts.trunks.iter().find(|trunk| trunk.carrier == caller.carrier && caller.on_trunk)
}

impl PlaceCall {
    /// Waits until the booked call may start. If it may not, nothing was sent: the booking is withdrawn.
    pub(super) async fn wait_for_slot(
        &self,
        booking: &Booking,
        hold: &LockHold,
    ) -> Result<(), PlaceCallError> {
        if hold.paces.is_empty() {
            return Ok(());
        }
        let Err(refused) = self.reach_slot(hold).await else { return Ok(()) };
        self.withdraw(booking.clone(), hold.clone()).await;
        Err(refused)
    }

    /// A slot that has passed, because the booking was slow or this process was paused, is lost. The
    /// call then asks for the next one, within the same longest wait.
    async fn reach_slot(&self, hold: &LockHold) -> Result<(), PlaceCallError> {
        let clock = &self.ports.clock;
        let wait_until = clock.monotonic().saturating_add(self.policy.longest_wait());
        let mut opening = hold.opening;
        let mut has_asked = false;
        loop {
            if let Some(slot) = opening {
                let wait = slot.begins_after(clock.monotonic());
                if !wait.is_zero() {
                    clock.sleep(wait).await;
                }
                let now = clock.monotonic();
                if now.saturating_sub(hold.acquired_at) >= self.policy.lock_ttl() {
                    return Err(PlaceCallError::stalled());
                }
                if slot.is_open(now) {
                    return Ok(());
                }
            }
            let asked_at = clock.monotonic();
            let wait_left = wait_until.saturating_sub(asked_at);
            if has_asked && wait_left.is_zero() {
                return Err(PlaceCallError::too_fast(AFTER_LOST_SLOTS));
            }
            has_asked = true;
            match self.ports.lock.next_slot(&hold.paces, wait_left).await? {
                Slot::In(wait) => opening = Some(Opening::new(asked_at, clock.monotonic(), wait)),
                Slot::Beyond(retry_after) => return Err(PlaceCallError::too_fast(retry_after)),
            }
        }
    }
}

impl PlaceCallError {
    /// The next slot is too far ahead.
    pub(super) fn too_fast(retry_after: Duration) -> Self {
        Self::RateLimited { limit: RateLimit::Pace, retry_after }
    }

    /// Too many calls have not ended.
    pub(super) fn too_many_calls(limit: RateLimit) -> Self {
        Self::RateLimited { limit, retry_after: UNTIL_A_CALL_ENDS }
    }
}
