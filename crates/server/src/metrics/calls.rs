//! Dials and locks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{
    DayLimit, DialRequest, HoldResult, IdempotencyLock, LockRequest, LockSettlement, Ownership,
    PortUnavailable, SettleResult, VoiceProvider,
};
use domain::{AnswerTime, Carrier, DialOutcome, IntentKey, NotDialledReason, OwnerToken, Pace, Slot};
use metrics::{Counter, Histogram};

use super::Registry;
use super::operation::Operation;
use super::table::{CALLS, DIAL_DURATION, LOCK_ERRORS, LOCK_RENEWALS, RING_DURATION};

/// Counts dials by their outcome, and measures how long they take.
pub(crate) struct MeasuredProvider {
    provider: Arc<dyn VoiceProvider>,
    placed: Counter,
    not_connected: Counter,
    rejected: Counter,
    unavailable: Counter,
    unknown: Counter,
    dial: Histogram,
    ring: Histogram,
}

impl MeasuredProvider {
    pub(crate) fn new(provider: Arc<dyn VoiceProvider>, registry: &Registry, name: &'static str) -> Self {
        let outcome = |outcome| registry.counter(&CALLS, &[outcome, name]);
        Self {
            provider,
            placed: outcome("placed"),
            not_connected: outcome("not_connected"),
            rejected: outcome("rejected"),
            unavailable: outcome("unavailable"),
            unknown: outcome("unknown"),
            dial: registry.histogram(&DIAL_DURATION, &[name]),
            ring: registry.histogram(&RING_DURATION, &[name]),
        }
    }
}

/// A dial that has no outcome yet. If it is dropped, because its time is over, its outcome is unknown.
struct Dial<'a> {
    of: &'a MeasuredProvider,
    began: Instant,
    ended: bool,
}

impl Dial<'_> {
    fn end(mut self, outcome: &DialOutcome) {
        self.ended = true;
        let took = self.began.elapsed();
        self.of.dial.record(took);
        let (counter, has_rung) = match outcome {
            DialOutcome::Placed(_) => (&self.of.placed, true),
            DialOutcome::NotConnected { .. } => (&self.of.not_connected, true),
            DialOutcome::NotDialled(NotDialledReason::Unavailable | NotDialledReason::Withdrawn) => {
                (&self.of.unavailable, false)
            }
            DialOutcome::NotDialled(
                NotDialledReason::Rejected(_) | NotDialledReason::RejectedForNow { .. },
            ) => (&self.of.rejected, false),
            DialOutcome::Unknown(_) => (&self.of.unknown, false),
        };
        counter.increment(1);
        if has_rung && self.of.provider.answer_time() == AnswerTime::AfterRinging {
            self.of.ring.record(took);
        }
    }
}

impl Drop for Dial<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.of.dial.record(self.began.elapsed());
            self.of.unknown.increment(1);
        }
    }
}

#[async_trait]
impl VoiceProvider for MeasuredProvider {
    fn answer_time(&self) -> AnswerTime {
        self.provider.answer_time()
    }

    fn carriers(&self) -> &[Carrier] {
        self.provider.carriers()
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        let dial = Dial { of: self, began: Instant::now(), ended: false };
        let outcome = self.provider.dial(request).await;
        dial.end(&outcome);
        outcome
    }
}

/// Counts the failures of the store of locks, and the renewals.
pub(crate) struct MeasuredLock {
    lock: Arc<dyn IdempotencyLock>,
    acquire: Operation,
    renew: Operation,
    settle: Operation,
    release: Operation,
    next_slot: Operation,
    held: Counter,
    lost: Counter,
}

impl MeasuredLock {
    pub(crate) fn new(lock: Arc<dyn IdempotencyLock>, registry: &Registry) -> Self {
        let operation = |name| Operation::new(registry, &LOCK_ERRORS, name);
        Self {
            lock,
            acquire: operation("acquire"),
            renew: operation("renew"),
            settle: operation("settle"),
            release: operation("release"),
            next_slot: operation("next_slot"),
            held: registry.counter(&LOCK_RENEWALS, &["held"]),
            lost: registry.counter(&LOCK_RENEWALS, &["lost"]),
        }
    }
}

#[async_trait]
impl IdempotencyLock for MeasuredLock {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        self.acquire.measure(self.lock.acquire(request)).await
    }

    /// The end of a dial drops a renewal that has just begun, which is no failure.
    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        let renewed = self.renew.count(self.lock.renew(key, token, hold_for).await);
        match renewed {
            Ok(Ownership::Held) => self.held.increment(1),
            Ok(Ownership::Lost) => self.lost.increment(1),
            Err(_) => {}
        }
        renewed
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        self.settle.measure(self.lock.settle(settlement)).await
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        self.release.measure(self.lock.release(key, token, limits)).await
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        self.next_slot.measure(self.lock.next_slot(paces, longest_wait)).await
    }
}
