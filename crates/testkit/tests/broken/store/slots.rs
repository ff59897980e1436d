//! The slots in which calls may start.

use std::collections::HashMap;
use std::time::Duration;

use domain::ports::{HoldResult, IdempotencyLock, LockRequest, PortUnavailable};
use domain::{Pace, PaceScope, Slot, TakenSlots, TrunkId};

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    /// Acquires, with a slot.
    pub(super) async fn acquire_with_a_slot(
        &self,
        request: &LockRequest<'_>,
    ) -> Result<HoldResult, PortUnavailable> {
        let paces = self.mistaken_paces(request.paces);
        let request = &LockRequest { paces: &paces, ..*request };
        if paces.is_empty() {
            return self.memory.acquire(request).await;
        }
        let before = self.memory.tables().slots.clone();
        if self.has(Flaw::LooksForASlotBeforeItTakesIt) {
            let free = self.copy_with(|_| ());
            if let looked @ HoldResult::GrantedAfter { wait } = free.acquire(request).await? {
                tokio::task::yield_now().await;
                self.memory.acquire(&LockRequest { paces: &[], ..*request }).await?;
                self.put_slots(&paces, wait);
                return Ok(looked);
            }
        }
        let result = self.memory.acquire(request).await?;
        match (self.flaw, &result) {
            (
                Flaw::TakesASlotForEachRequest,
                HoldResult::InFlight { .. } | HoldResult::Refused(_) | HoldResult::Uncounted(_),
            ) => {
                self.memory.next_slot(&paces, request.longest_wait).await?;
            }
            (Flaw::TakesTheSlotOfARefusedWait, HoldResult::TooFast { .. }) => {
                self.memory.next_slot(&paces, Slot::FARTHEST).await?;
            }
            (Flaw::CountsARefusedWait, HoldResult::TooFast { .. }) => {
                for limit in request.limits {
                    let mut tables = self.memory.tables();
                    tables.day_counts.entry(limit.into()).and_modify(|count| count.calls += 1);
                }
            }
            (Flaw::SavesUnusedSlots, HoldResult::GrantedAfter { .. }) => self.save_unused(&paces, &before),
            (Flaw::HoldsATrunkForANumber, HoldResult::GrantedAfter { .. }) => {
                self.memory.tables().slots.values_mut().for_each(|taken| taken.gaps.clear());
            }
            (Flaw::ForgetsSlotsAfterAGap, HoldResult::GrantedAfter { .. }) => {
                let scopes = before.into_iter().filter(|(_, taken)| !taken.gaps.is_empty());
                self.memory.tables().slots.extend(scopes);
            }
            (Flaw::AddsAnIntervalToEachWait, HoldResult::GrantedAfter { wait }) => {
                let wait = *wait + paces[0].interval;
                self.put_slots(&paces, wait);
                return Ok(HoldResult::GrantedAfter { wait });
            }
            _ => {}
        }
        Ok(result)
    }

    pub(super) async fn flawed_slot(
        &self,
        paces: &[Pace],
        longest_wait: Duration,
    ) -> Result<Slot, PortUnavailable> {
        let paces = self.mistaken_paces(paces);
        let before = self.memory.tables().slots.clone();
        let slot = self.memory.next_slot(&paces, longest_wait).await?;
        if self.has(Flaw::SavesUnusedSlots) {
            self.save_unused(&paces, &before);
        }
        Ok(slot)
    }

    fn mistaken_paces(&self, paces: &[Pace]) -> Vec<Pace> {
        let mut paces = paces.to_vec();
        match self.flaw {
            Flaw::KeepsTheFirstIntervalAlone => paces.truncate(1),
            Flaw::SharesSlots => {
                for pace in &mut paces {
                    if let PaceScope::Number(id) = &pace.scope {
                        pace.scope =
                            PaceScope::Trunk(TrunkId::parse(id.as_str()).expect("ids have one form"));
                    }
                }
            }
            _ => {}
        }
        paces
    }

    fn put_slots(&self, paces: &[Pace], wait: Duration) {
        let slots = paces.iter().map(|pace| (pace.scope.clone(), self.taken(wait)));
        self.memory.tables().slots.extend(slots);
    }

    /// The slot that begins after this time, alone.
    fn taken(&self, wait: Duration) -> TakenSlots {
        TakenSlots { last: self.now().after(wait), gaps: Vec::new() }
    }

    /// As if the slots since the last one had been kept.
    fn save_unused(&self, paces: &[Pace], before: &HashMap<PaceScope, TakenSlots>) {
        let now = self.now();
        for Pace { scope, interval } in paces {
            let next = before.get(scope).map(|taken| taken.last.after(*interval));
            if let Some(last) = next.filter(|next| *next < now) {
                let taken = TakenSlots { last, gaps: Vec::new() };
                self.memory.tables().slots.insert(scope.clone(), taken);
            }
        }
    }
}
