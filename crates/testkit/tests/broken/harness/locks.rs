//! The lock and the context cache.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    ContextCache, DayLimit, HoldResult, IdempotencyLock, LockRequest, LockSettlement, Ownership,
    PortUnavailable, SettleResult,
};
use domain::{IntentKey, OwnerToken, Pace, Slot};
use testkit::harness::{ContextCacheHarness, IdempotencyLockHarness};

use super::{Adapters, Harness};

impl<P: IdempotencyLock + ContextCache + Adapters> IdempotencyLockHarness for Harness<P> {
    fn lock(&self) -> Arc<dyn IdempotencyLock> {
        match self.lock_stores_contexts {
            true => Arc::new(self.ports.clone()),
            false => Arc::new(LockWithoutContexts(self.ports.clone())),
        }
    }

    fn same_store_contexts(&self) -> Option<Arc<dyn ContextCache>> {
        let contexts: Arc<dyn ContextCache> = Arc::new(self.ports.clone());
        self.lock_stores_contexts.then_some(contexts)
    }
}

struct LockWithoutContexts<L>(L);

#[async_trait]
impl<L: IdempotencyLock> IdempotencyLock for LockWithoutContexts<L> {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        self.0.acquire(request).await
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        self.0.renew(key, token, hold_for).await
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        self.0.settle(&LockSettlement { context: None, ..*settlement }).await
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        self.0.release(key, token, limits).await
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        self.0.next_slot(paces, longest_wait).await
    }
}

impl<P: ContextCache + Adapters> ContextCacheHarness for Harness<P> {
    fn contexts(&self) -> Arc<dyn ContextCache> {
        Arc::new(self.ports.clone())
    }
}
