//! How fast calls start, and how many there are at the same time.
//!
//! The lock gives a call its slot with the key. The call is then booked, waits for its slot and dials:
//! a call that waits is in the ledger, and holds no connection of a database.

use std::num::NonZeroU32;
use std::time::Duration;

use super::opening::Opening;
use super::{LockHold, PlaceCall, PlaceCallError};
use crate::ports::{CallCount, Ownership};
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

/// How often a call asks for another slot. One that loses so many is on a host or a store that is too slow to
/// keep one, and takes slots from other calls.
const ASKS_AGAIN: u32 = 4;

/// How long before its slot a call renews its lock: longer than a round trip, and not longer than needed.
const RENEWED_BEFORE: Duration = Duration::from_millis(250);

const LOCK_LOST: &str = "the lock was lost while the call waited for its slot";

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
    /// Which calls that have not ended are counted. `None` if no limit asks for it.
    pub(super) fn count_calls(&self, now: Timestamp) -> Option<CallCount> {
        let at_most = self.organization_calls.max(self.trunk_calls)?.get();
        Some(CallCount { since: now.before(COUNTED_FOR), at_most })
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

    /// Whether a call from one of these numbers may have to wait.
    pub(super) fn may_delay(&self, facts: &PacingFacts, callers: &[CallerNumber]) -> bool {
        self.number_calls_per_minute.is_some()
            || callers.iter().any(|caller| trunk_of(facts, caller).is_some())
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
        hold: &mut LockHold,
    ) -> Result<(), PlaceCallError> {
        if hold.paces.is_empty() {
            return Ok(());
        }
        let clock = &self.ports.clock;
        let began = clock.monotonic();
        let reached = self.reach_slot(hold).await;
        if let Some(watch) = &self.watch {
            watch.waited(clock.monotonic().saturating_sub(began));
        }
        let Err(refused) = reached else { return Ok(()) };
        self.withdraw(booking.clone(), hold.clone()).await;
        Err(refused)
    }

    /// A slot that has passed, because the booking was slow or this process was paused, is lost. The
    /// call then asks for the next one, within the same longest wait.
    async fn reach_slot(&self, hold: &mut LockHold) -> Result<(), PlaceCallError> {
        let clock = &self.ports.clock;
        let wait_until = clock.monotonic().saturating_add(self.policy.longest_wait());
        let mut opening = hold.opening;
        let mut times_asked = 0;
        loop {
            if let Some(slot) = opening {
                self.wait_until(slot, hold).await?;
                if slot.is_open(clock.monotonic()) {
                    return Ok(());
                }
            }
            let asked_at = clock.monotonic();
            let wait_left = wait_until.saturating_sub(asked_at);
            if times_asked == ASKS_AGAIN || (times_asked > 0 && wait_left.is_zero()) {
                return Err(PlaceCallError::too_fast(AFTER_LOST_SLOTS));
            }
            times_asked += 1;
            match self.ports.lock.next_slot(&hold.paces, wait_left).await? {
                Slot::In(wait) => opening = Some(Opening::new(asked_at, clock.monotonic(), wait)),
                Slot::Beyond(retry_after) => return Err(PlaceCallError::too_fast(retry_after)),
            }
        }
    }

    /// Waits until the slot begins, and renews the lock just before: a call that has waited must still
    /// hold its intent, and for its full time.
    async fn wait_until(&self, slot: Opening, hold: &mut LockHold) -> Result<(), PlaceCallError> {
        let clock = &self.ports.clock;
        let wait = slot.begins_after(clock.monotonic());
        if !wait.is_zero() {
            let before = wait.saturating_sub(RENEWED_BEFORE);
            if !before.is_zero() {
                clock.sleep(before).await;
            }
            let renewed_at = clock.monotonic();
            match self.ports.lock.renew(&hold.key, &hold.token, self.policy.lock_ttl()).await? {
                Ownership::Held => hold.acquired_at = renewed_at,
                Ownership::Lost => return Err(PlaceCallError::too_late(LOCK_LOST)),
            }
            let rest = slot.begins_after(clock.monotonic());
            if !rest.is_zero() {
                clock.sleep(rest).await;
            }
        }
        if clock.monotonic().saturating_sub(hold.acquired_at) >= self.policy.lock_ttl() {
            return Err(PlaceCallError::stalled());
        }
        Ok(())
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
