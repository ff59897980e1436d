use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{HoldResult, IdempotencyLock, LockSettlement, Ownership, PortUnavailable, SettleResult};
use domain::{ConversationContext, IntentKey, OwnerToken, Timestamp};

use super::{LockEntry, Memory, StoredContext, Tables};

#[async_trait]
impl IdempotencyLock for Memory {
    async fn acquire(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<HoldResult, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        if let Some(entry) = tables.locks.get(key).filter(|entry| entry.until > now) {
            return Ok(match &entry.result {
                Some(result) => HoldResult::Settled(result.clone()),
                None => HoldResult::InFlight { remaining: entry.until.since(now) },
            });
        }
        let entry = LockEntry { token: token.clone(), until: now.after(hold_for), result: None };
        tables.locks.insert(key.clone(), entry);
        Ok(HoldResult::Granted)
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let Some(entry) = tables.owned_lock(key, token, now) else { return Ok(Ownership::Lost) };
        entry.until = now.after(hold_for);
        Ok(Ownership::Held)
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let ownership = match tables.owned_lock(settlement.key, settlement.token, now) {
            Some(entry) => {
                entry.result = Some(settlement.call.clone());
                entry.until = now.after(settlement.hold_for);
                Ownership::Held
            }
            None => Ownership::Lost,
        };
        if let Some(to_store) = settlement.context {
            let context = ConversationContext::Outbound(to_store.context.clone());
            let stored = StoredContext { until: now.after(to_store.ttl), context };
            tables.contexts.insert(to_store.context.conversation_id.clone(), stored);
        }
        Ok(SettleResult { ownership, context_stored: settlement.context.is_some() })
    }

    async fn release(&self, key: &IntentKey, token: &OwnerToken) -> Result<Ownership, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        if tables.owned_lock(key, token, now).is_none() {
            return Ok(Ownership::Lost);
        }
        tables.locks.remove(key);
        Ok(Ownership::Held)
    }
}

impl Tables {
    /// The lock on a key that is in flight under this token.
    fn owned_lock(&mut self, key: &IntentKey, token: &OwnerToken, now: Timestamp) -> Option<&mut LockEntry> {
        let is_owned =
            |entry: &&mut LockEntry| entry.token == *token && entry.result.is_none() && entry.until > now;
        self.locks.get_mut(key).filter(is_owned)
    }
}
