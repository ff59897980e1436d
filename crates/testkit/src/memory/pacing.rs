//! Slots, and the calls that have not ended.

use std::time::Duration;

use domain::ports::{CallCount, OutboundQuery};
use domain::{CallStatus, OrganizationId, Pace, PacingFacts, Slot, TakenSlots, Timestamp, TrunkFacts};

use super::{LedgerCall, Tables};

impl Tables {
    /// Takes the next slot, if it is near enough.
    pub(super) fn take_slot(&mut self, paces: &[Pace], longest_wait: Duration, now: Timestamp) -> Slot {
        let last = paces.iter().map(|pace| (pace, self.slots.get(&pace.scope)));
        let slot = Slot::next(now, last, longest_wait);
        if let Slot::In(wait) = slot {
            for pace in paces {
                let taken = TakenSlots::with(self.slots.get(&pace.scope), now.after(wait), pace, now);
                self.slots.insert(pace.scope.clone(), taken);
            }
        }
        slot
    }

    /// What the pace of a call of this organization depends on.
    pub(super) fn pacing_facts(
        &self,
        organization_id: &OrganizationId,
        query: &OutboundQuery<'_>,
    ) -> PacingFacts {
        let count = |is_counted: &dyn Fn(&LedgerCall) -> bool| {
            query.count_calls.map(|CallCount { since, at_most }| {
                let calls = self.calls.iter().filter(|call| has_not_ended(call, since) && is_counted(call));
                u32::try_from(calls.count()).unwrap_or(u32::MAX).min(at_most)
            })
        };
        let served = self.trunks.iter().filter(|trunk| query.carriers.contains(&trunk.carrier));
        let trunks = served.map(|trunk| TrunkFacts {
            carrier: trunk.carrier.clone(),
            id: trunk.id.clone(),
            calls_per_second: trunk.calls_per_second,
            calls: count(&|call| {
                let identity = &call.booking.identity;
                self.directory.numbers.iter().map(|record| &record.number).any(|number| {
                    number.organization_id == identity.organization_id
                        && number.phone_number == identity.from
                        && number.carrier == trunk.carrier
                        && number.on_trunk
                })
            }),
        });
        PacingFacts {
            trunks: trunks.collect(),
            organization_calls: count(&|call| call.booking.identity.organization_id == *organization_id),
        }
    }
}

/// Whether no source has reported the end of a call that was booked since then.
fn has_not_ended(call: &LedgerCall, since: Timestamp) -> bool {
    let has_end = call.progress.status.is_some_and(CallStatus::is_final);
    call.booking.booked_at >= since && !has_end && call.progress.given_up.is_none()
}
