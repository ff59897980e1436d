use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{HoldResult, IdempotencyLock, LockSettlement, Ownership, PortUnavailable, SettleResult};
use domain::{ConversationContext, IntentKey, OwnerToken, SettledCall};

use super::{Memory, lock};
use crate::flaw::Flaw;

pub(super) type Locks = HashMap<IntentKey, Held>;

pub(super) struct Held {
    token: OwnerToken,
    until: Duration,
    result: Option<SettledCall>,
}

impl Memory {
    /// The answer for a key that is not free, or nothing where it is.
    fn taken(&self, locks: &Locks, key: &IntentKey, asked: Duration) -> Option<HoldResult> {
        let (held, now) = (locks.get(key)?, self.now());
        let for_ever = match held.result {
            Some(_) => self.has(Flaw::KeepsResultsForEver),
            None => self.has(Flaw::NeverLapses),
        };
        if held.until <= now && !for_ever {
            return None;
        }
        let left = held.until.saturating_sub(now);
        let remaining = if self.has(Flaw::AnswersTheTimeThatWasAsked) { asked } else { left };
        Some(match &held.result {
            Some(result) => HoldResult::Settled(result.clone()),
            None => HoldResult::InFlight { remaining },
        })
    }

    /// Writes to a key that is in flight under this token; a flaw may make it anybody's.
    fn write_owned(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        anybodys: Flaw,
        write: impl FnOnce(&mut Locks),
    ) -> Ownership {
        let mut locks = lock(&self.store.locks);
        let owned = |held: &Held| {
            (held.token == *token && held.result.is_none() || self.has(anybodys)) && held.until > self.now()
        };
        if locks.get(key).is_some_and(owned) {
            write(&mut locks);
            return Ownership::Held;
        }
        Ownership::Lost
    }
}

#[async_trait]
impl IdempotencyLock for Memory {
    async fn acquire(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<HoldResult, PortUnavailable> {
        self.reach(key.as_str()).await?;
        let seen_before = if self.has(Flaw::GrantsTwice) {
            let seen = self.taken(&lock(&self.store.locks), key, hold_for);
            tokio::task::yield_now().await;
            Some(seen)
        } else {
            None
        };
        let mut locks = lock(&self.store.locks);
        if let Some(answer) = seen_before.unwrap_or_else(|| self.taken(&locks, key, hold_for)) {
            return Ok(answer);
        }
        let held = Held { token: token.clone(), until: self.now() + hold_for, result: None };
        locks.insert(key.clone(), held);
        Ok(HoldResult::Granted)
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        self.reach(key.as_str()).await?;
        Ok(self.write_owned(key, token, Flaw::RenewsForAnybody, |locks| {
            let Some(held) = locks.get_mut(key) else { return };
            match self.flaw {
                Some(Flaw::RenewsInWordsOnly) => {}
                Some(Flaw::AddsRenewalsUp) => held.until += hold_for,
                _ => held.until = self.now() + hold_for,
            }
        }))
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        self.reach(settlement.token.as_str()).await?;
        let LockSettlement { key, token, call, hold_for, context } = *settlement;
        let result = match call {
            SettledCall::NotConnected { reference, .. } if self.has(Flaw::FoldsNotConnectedIntoPlaced) => {
                SettledCall::Placed(reference.clone())
            }
            call => call.clone(),
        };
        let ownership = self.write_owned(key, token, Flaw::SettlesForAnybody, |locks| {
            let until = self.now() + hold_for;
            locks.insert(key.clone(), Held { token: token.clone(), until, result: Some(result) });
        });
        let skipped = self.has(Flaw::SaysThatItStoredTheContext)
            || self.has(Flaw::KeepsTheContextForTheOwnerOnly) && ownership == Ownership::Lost;
        if let Some(rider) = context.filter(|_| !skipped) {
            let context = ConversationContext::Outbound(rider.context.clone());
            self.write_context(&context, rider.ttl);
        }
        Ok(SettleResult { ownership, context_stored: context.is_some() })
    }

    async fn release(&self, key: &IntentKey, token: &OwnerToken) -> Result<Ownership, PortUnavailable> {
        self.reach(token.as_str()).await?;
        Ok(self.write_owned(key, token, Flaw::ReleasesForAnybody, |locks| match self.flaw {
            Some(Flaw::ReleasesInWordsOnly) => {}
            Some(Flaw::ReleasesEveryKeyOfTheToken) => locks.retain(|_, held| held.token != *token),
            _ => drop(locks.remove(key)),
        }))
    }
}
