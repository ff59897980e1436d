//! The ports of a process, behind its gate.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, ContextToStore, CountQuery, DayLimit, HoldResult, IdempotencyLock, LockRequest,
    LockSettlement, Ownership, PortUnavailable, SettleResult, Settlement, UndecidedCall,
};
use domain::{Booking, IntentKey, OwnerToken, Pace, Slot};

use crate::gate::{Gate, Op};

/// A port behind the gate of a process.
pub(crate) struct Gated<P: ?Sized> {
    pub(crate) gate: Gate,
    pub(crate) port: Arc<P>,
}

#[async_trait]
impl IdempotencyLock for Gated<dyn IdempotencyLock> {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        let LockRequest { key, token, hold_for, limits, paces, longest_wait } = *request;
        let (port, key, token) = (self.port.clone(), key.clone(), token.clone());
        let (limits, paces) = (limits.to_vec(), paces.to_vec());
        let acquire = async move {
            let (key, token, limits, paces) = (&key, &token, &*limits, &*paces);
            port.acquire(&LockRequest { key, token, hold_for, limits, paces, longest_wait }).await
        };
        self.gate.call(Op::Acquire, acquire).await
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        let (port, key, token) = (self.port.clone(), key.clone(), token.clone());
        self.gate.call(Op::Renew, async move { port.renew(&key, &token, hold_for).await }).await
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        let LockSettlement { key, token, call, hold_for, context } = *settlement;
        let (port, key, token, call) = (self.port.clone(), key.clone(), token.clone(), call.clone());
        let context = context.map(|to_store| (to_store.context.clone(), to_store.ttl));
        let settle = async move {
            let context = context.as_ref().map(|(context, ttl)| ContextToStore { context, ttl: *ttl });
            port.settle(&LockSettlement { key: &key, token: &token, call: &call, hold_for, context }).await
        };
        self.gate.call(Op::SettleLock, settle).await
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        let (port, key, token) = (self.port.clone(), key.clone(), token.clone());
        let limits = limits.to_vec();
        self.gate.call(Op::ReleaseLock, async move { port.release(&key, &token, &limits).await }).await
    }

    /// The calls of the model have no pace.
    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        self.port.next_slot(paces, longest_wait).await
    }
}

#[async_trait]
impl CallLedger for Gated<dyn CallLedger> {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let (port, booking) = (self.port.clone(), booking.clone());
        self.gate.call(Op::Book, async move { port.book(&booking).await }).await
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        let (port, key) = (self.port.clone(), key.clone());
        self.gate.call(Op::Undecided, async move { port.undecided(&key).await }).await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        let Settlement { call_id, key, token, outcome, status, hold_for, settled_at } = *settlement;
        let (port, call_id, key) = (self.port.clone(), call_id.clone(), key.clone());
        let (token, outcome) = (token.clone(), outcome.clone());
        let settle = async move {
            let (call_id, key, token, outcome) = (&call_id, &key, &token, &outcome);
            port.settle(&Settlement { call_id, key, token, outcome, status, hold_for, settled_at }).await
        };
        self.gate.call(Op::SettleLedger, settle).await
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.port.remove_expired(expired_for, limit).await
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        self.port.count_since(query).await
    }
}
