use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    DayLimit, DayScope, HoldResult, IdempotencyLock, LockRequest, LockSettlement, Ownership, PortUnavailable,
    SettleResult,
};
use domain::{ConversationContext, IntentKey, OwnerToken, Pace, Slot, Timestamp};

use super::{DayCount, DayCountKey, LockEntry, Memory, StoredContext, Tables};

#[async_trait]
impl IdempotencyLock for Memory {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let LockRequest { key, token, hold_for, limits, paces, longest_wait } = *request;
        if let Some(entry) = tables.locks.get(key).filter(|entry| entry.until > now) {
            return Ok(match &entry.result {
                Some(result) => HoldResult::Settled(result.clone()),
                None => HoldResult::InFlight { remaining: entry.until.since(now) },
            });
        }
        let uncounted =
            limits.iter().filter(|limit| tables.day_count(limit, now).max(limit.counted).is_none());
        let uncounted: Vec<DayScope> = uncounted.map(|limit| limit.scope.clone()).collect();
        if !uncounted.is_empty() {
            return Ok(HoldResult::Uncounted(uncounted));
        }
        let counts = limits.iter().map(|limit| tables.day_count(limit, now).max(limit.counted));
        let counts: Vec<u32> = counts.map(Option::unwrap_or_default).collect();
        let reached = limits.iter().zip(&counts).find(|(limit, calls)| **calls >= limit.limit);
        let refused = reached.map(|(limit, _)| limit.scope.refusal());
        let slot = match (refused, paces) {
            (Some(code), _) => Err(HoldResult::Refused(code)),
            (None, []) => Ok(HoldResult::Granted),
            (None, paces) => match tables.take_slot(paces, longest_wait, now) {
                Slot::In(wait) => Ok(HoldResult::GrantedAfter { wait }),
                Slot::Beyond(retry_after) => Err(HoldResult::TooFast { retry_after }),
            },
        };
        for (limit, calls) in limits.iter().zip(counts) {
            let calls = calls + u32::from(slot.is_ok());
            let count = DayCount { calls, until: now.after(limit.keep_for) };
            tables.day_counts.insert(limit.into(), count);
        }
        let granted = match slot {
            Ok(granted) => granted,
            Err(refused) => return Ok(refused),
        };
        if !limits.is_empty() {
            let counted = limits.iter().map(DayCountKey::from).collect();
            tables.counted_requests.insert((key.clone(), token.clone()), counted);
        }
        let entry = LockEntry { token: token.clone(), until: now.after(hold_for), result: None };
        tables.locks.insert(key.clone(), entry);
        Ok(granted)
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

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        let is_owned = tables.owned_lock(key, token, now).is_some();
        let is_settled =
            tables.locks.get(key).is_some_and(|entry| entry.token == *token && entry.result.is_some());
        if is_owned {
            tables.locks.remove(key);
        }
        let counted = tables.counted_requests.remove(&(key.clone(), token.clone()));
        let counted = counted.filter(|_| !is_settled).unwrap_or_default();
        for limit in limits.iter().map(DayCountKey::from).filter(|limit| counted.contains(limit)) {
            if let Some(count) = tables.day_counts.get_mut(&limit) {
                count.calls = count.calls.saturating_sub(1);
            }
        }
        Ok(if is_owned { Ownership::Held } else { Ownership::Lost })
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        let (mut tables, now) = (self.open()?, self.now());
        Ok(tables.take_slot(paces, longest_wait, now))
    }
}

impl Tables {
    /// What a limit has counted, if it is not forgotten.
    fn day_count(&self, limit: &DayLimit, now: Timestamp) -> Option<u32> {
        let count = self.day_counts.get(&limit.into()).filter(|count| count.until > now);
        count.map(|count| count.calls)
    }

    /// The lock on a key that is in flight under this token.
    fn owned_lock(&mut self, key: &IntentKey, token: &OwnerToken, now: Timestamp) -> Option<&mut LockEntry> {
        let is_owned =
            |entry: &&mut LockEntry| entry.token == *token && entry.result.is_none() && entry.until > now;
        self.locks.get_mut(key).filter(is_owned)
    }
}
