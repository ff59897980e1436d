use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    DayLimit, HoldResult, IdempotencyLock, LockRequest, LockSettlement, Ownership, PortUnavailable,
    SettleResult,
};
use domain::{IntentKey, OwnerToken, Pace, SettledCall, Slot};
use testkit::memory::LockEntry;

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    fn lock_entry(&self, key: &IntentKey) -> Option<LockEntry> {
        self.memory.tables().locks.get(key).cloned()
    }

    fn put_lock_entry(&self, key: &IntentKey, entry: Option<LockEntry>) {
        if let Some(entry) = entry {
            self.memory.tables().locks.insert(key.clone(), entry);
        }
    }

    /// The token of a request, or the one that the lock belongs to where `flaw` ignores the owner.
    fn token(&self, key: &IntentKey, token: &OwnerToken, ignores_the_owner: Flaw) -> OwnerToken {
        match self.lock_entry(key) {
            Some(entry) if self.has(ignores_the_owner) => entry.token,
            _ => token.clone(),
        }
    }
}

#[async_trait]
impl IdempotencyLock for BrokenStore {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        let LockRequest { key, hold_for, .. } = *request;
        self.reach(key.as_str()).await?;
        let entry = self.lock_entry(key);
        match (self.flaw, entry) {
            (Flaw::GrantsTwice, entry) if entry.as_ref().is_none_or(|entry| entry.until <= self.now()) => {
                tokio::task::yield_now().await;
                self.memory.tables().locks.remove(key);
            }
            (Flaw::NeverExpires, Some(LockEntry { result: None, until, .. })) => {
                return Ok(HoldResult::InFlight { remaining: until.since(self.now()) });
            }
            (Flaw::KeepsResultsForEver, Some(LockEntry { result: Some(result), .. })) => {
                return Ok(HoldResult::Settled(result));
            }
            _ => {}
        }
        match self.acquire_within_limits(request).await? {
            HoldResult::InFlight { .. } if self.has(Flaw::AnswersTheRequestedTime) => {
                Ok(HoldResult::InFlight { remaining: hold_for })
            }
            result => Ok(result),
        }
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        self.reach(key.as_str()).await?;
        let before = self.lock_entry(key);
        let token = self.token(key, token, Flaw::RenewsForEveryone);
        let ownership = self.memory.renew(key, &token, hold_for).await?;
        match (self.flaw, before) {
            (Flaw::RenewsWithoutWriting, before) => self.put_lock_entry(key, before),
            (Flaw::AddsUpRenewals, Some(before)) if ownership == Ownership::Held => {
                let until = before.until.after(hold_for);
                self.put_lock_entry(key, Some(LockEntry { until, ..before }));
            }
            _ => {}
        }
        Ok(ownership)
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        self.reach(settlement.token.as_str()).await?;
        let token = self.token(settlement.key, settlement.token, Flaw::SettlesForEveryone);
        let folded = match settlement.call {
            SettledCall::NotConnected { reference, .. } if self.has(Flaw::FoldsNotConnectedIntoPlaced) => {
                SettledCall::Placed(reference.clone())
            }
            call => call.clone(),
        };
        let skips_the_context = self.has(Flaw::ReportsAContextThatItDidNotStore);
        let context = settlement.context.filter(|_| !skips_the_context);
        let changed = LockSettlement { token: &token, call: &folded, context, ..*settlement };
        let mut result = self.memory.settle(&changed).await?;
        result.context_stored |= skips_the_context && settlement.context.is_some();
        if let (Some(to_store), Ownership::Lost, Flaw::StoresTheContextOnlyForTheOwner) =
            (settlement.context, result.ownership, self.flaw)
        {
            self.memory.tables().contexts.remove(&to_store.context.conversation_id);
        }
        Ok(result)
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        self.reach(token.as_str()).await?;
        let before = self.lock_entry(key);
        let token = self.token(key, token, Flaw::ReleasesForEveryone);
        let ownership = self.release_within_limits(key, &token, limits).await?;
        match self.flaw {
            Flaw::ReleasesWithoutWriting => self.put_lock_entry(key, before),
            Flaw::ReleasesEveryKeyOfTheToken => {
                self.memory.tables().locks.retain(|_, entry| entry.token != token);
            }
            _ => {}
        }
        Ok(ownership)
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        self.reach("").await?;
        self.flawed_slot(paces, longest_wait).await
    }
}
