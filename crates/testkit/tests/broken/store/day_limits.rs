use domain::ports::{DayLimit, HoldResult, IdempotencyLock, LockRequest, Ownership, PortUnavailable};
use domain::{IntentKey, Interval, OwnerToken, Timestamp};
use testkit::memory::{DayCount, DayCountKey};

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    /// Acquires, and counts the request.
    pub(super) async fn acquire_within_limits(
        &self,
        request: &LockRequest<'_>,
    ) -> Result<HoldResult, PortUnavailable> {
        let mut limits: Vec<DayLimit> = request.limits.iter().map(|limit| self.mistaken(limit)).collect();
        let counted = limits.clone();
        let request = &LockRequest { limits: &counted, ..*request };
        let before = self.memory.tables().day_counts.clone();
        if self.has(Flaw::ChecksLimitsBeforeTheKey) {
            let free = self.copy_with(|tables| drop(tables.locks.remove(request.key)));
            let result = free.acquire(request).await?;
            if result != HoldResult::Granted {
                return Ok(result);
            }
        }
        if self.has(Flaw::LooksBeforeItCounts) {
            let free = self.copy_with(|_| ());
            if free.acquire(request).await? == HoldResult::Granted {
                tokio::task::yield_now().await;
                limits.iter_mut().for_each(|limit| limit.limit = u32::MAX);
                return self.memory.acquire(&LockRequest { limits: &limits, ..*request }).await;
            }
        }
        let result = self.acquire_with_a_slot(request).await?;
        match (self.flaw, &result) {
            (Flaw::CountsTheFirstLimitAlone, HoldResult::Granted) => {
                let mut tables = self.memory.tables();
                for limit in limits.iter().skip(1) {
                    let key = DayCountKey::from(limit);
                    if let Some(count) = before.get(&key) {
                        tables.day_counts.insert(key, *count);
                    }
                }
            }
            (Flaw::CountsEveryRequest, HoldResult::InFlight { .. } | HoldResult::Refused(_)) => {
                let mut tables = self.memory.tables();
                for count in limits.iter().map(DayCountKey::from) {
                    if let Some(count) = tables.day_counts.get_mut(&count) {
                        count.calls += 1;
                    }
                }
            }
            (Flaw::TakesTheKeyOfARefusedRequest, HoldResult::Refused(_)) => {
                self.memory.acquire(&LockRequest { limits: &[], ..*request }).await?;
            }
            (Flaw::KeepsTheLastCount, _) => {
                let mut tables = self.memory.tables();
                for limit in &limits {
                    if let (Some(counted), HoldResult::Granted) = (limit.counted.filter(|n| *n > 0), &result)
                    {
                        let until = self.now().after(limit.keep_for);
                        tables.day_counts.insert(limit.into(), DayCount { calls: counted + 1, until });
                    }
                }
            }
            _ => {}
        }
        Ok(result)
    }

    /// Releases, and takes the request out of the counts.
    pub(super) async fn release_within_limits(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        let limits: Vec<DayLimit> = limits.iter().map(|limit| self.mistaken(limit)).collect();
        match self.flaw {
            Flaw::KeepsTheCountOfReleased => self.memory.release(key, token, &[]).await,
            Flaw::KeepsTheCountOfAnEndedLock => {
                let now = self.now();
                let lock = self.memory.tables().locks.get(key).cloned();
                let is_held = lock.is_some_and(|entry| entry.token == *token && entry.until > now);
                self.memory.release(key, token, if is_held { &limits } else { &[] }).await
            }
            Flaw::GivesBackEveryLimit => {
                let counted = limits.iter().map(DayCountKey::from).collect();
                self.memory.tables().counted_requests.insert((key.clone(), token.clone()), counted);
                self.memory.release(key, token, &limits).await
            }
            Flaw::GivesBackForEveryone => {
                let mut counts = self.memory.tables().day_counts.clone();
                let ownership = self.memory.release(key, token, &[]).await?;
                for key in limits.iter().map(DayCountKey::from) {
                    if let Some(count) = counts.get_mut(&key) {
                        count.calls = count.calls.saturating_sub(1);
                    }
                }
                self.memory.tables().day_counts = counts;
                Ok(ownership)
            }
            _ => self.memory.release(key, token, &limits).await,
        }
    }

    /// The limit as the adapter takes it.
    fn mistaken(&self, limit: &DayLimit) -> DayLimit {
        let limit = limit.clone();
        match self.flaw {
            Flaw::BeginsCountsWithZero => DayLimit { counted: Some(0), ..limit },
            Flaw::CountsAllDaysTogether => {
                let epoch = Timestamp::from_unix_millis(0);
                DayLimit { day: Interval { from: epoch, until: epoch }, ..limit }
            }
            Flaw::CountsAllRevisionsTogether => DayLimit { revision: 0, ..limit },
            _ => limit,
        }
    }
}
