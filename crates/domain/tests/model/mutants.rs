//! The design with one part removed, each as a decorator of a port.

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, CountQuery, DayLimit, HoldResult, IdempotencyLock, LockRequest, LockSettlement, Ownership,
    PortUnavailable, SettleResult, Settlement, UndecidedCall,
};
use domain::{Booking, IntentKey, OwnerToken, Pace, Slot};
use testkit::memory::Memory;

/// The part that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Renewing does nothing.
    Renewal,
    /// Stores accept the token of every process.
    TokenComparison,
    /// The process does not notice the time that passed between its lock and its dial.
    OwnershipCheck,
    /// A booking takes no reservation.
    Reservation,
}

/// A store without this part.
pub(crate) struct Mutated {
    pub(crate) store: Memory,
    pub(crate) mutant: Mutant,
}

impl Mutated {
    /// The token that the lock is compared with.
    fn lock_token(&self, key: &IntentKey, token: &OwnerToken) -> OwnerToken {
        let tables = self.store.tables();
        let held = tables.locks.get(key).filter(|_| self.mutant == Mutant::TokenComparison);
        held.map_or(token, |lock| &lock.token).clone()
    }
}

#[async_trait]
impl IdempotencyLock for Mutated {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        self.store.acquire(request).await
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        if self.mutant == Mutant::Renewal {
            return Ok(Ownership::Held);
        }
        self.store.renew(key, &self.lock_token(key, token), hold_for).await
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        let token = &self.lock_token(settlement.key, settlement.token);
        IdempotencyLock::settle(&self.store, &LockSettlement { token, ..*settlement }).await
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        self.store.release(key, &self.lock_token(key, token), limits).await
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        self.store.next_slot(paces, longest_wait).await
    }
}

#[async_trait]
impl CallLedger for Mutated {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let booked = self.store.book(booking).await;
        if self.mutant == Mutant::Reservation {
            self.store.tables().reservations.remove(&booking.key);
        }
        booked
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        self.store.undecided(key).await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        let token = {
            let tables = self.store.tables();
            let held = tables.reservations.get(settlement.key);
            let held = held.filter(|_| self.mutant == Mutant::TokenComparison);
            held.map_or(settlement.token, |held| &held.token).clone()
        };
        CallLedger::settle(&self.store, &Settlement { token: &token, ..*settlement }).await
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.store.remove_expired(expired_for, limit).await
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        self.store.count_since(query).await
    }
}
