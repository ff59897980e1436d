//! Decorators of the ports of `PlaceCall` that reach the points.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, CountQuery, DayLimit, DialRequest, HoldResult, IdempotencyLock, LockRequest, LockSettlement,
    OutboundDirectory, OutboundParties, OutboundQuery, Ownership, PortUnavailable, SettleResult, Settlement,
    UndecidedCall, VoiceProvider,
};
use domain::{
    AnswerTime, Booking, CallId, Carrier, DialOutcome, IntentKey, OwnerToken, Pace, PlaceCallPorts, Slot,
};
use futures_util::future::{Either, select};

use super::points::{Point, Points};

/// The ports, with every point.
pub(super) fn with_points(ports: PlaceCallPorts, points: Points) -> PlaceCallPorts {
    let calls = Arc::new(Calls::default());
    PlaceCallPorts {
        directory: pointed(ports.directory, &points, &calls),
        lock: pointed(ports.lock, &points, &calls),
        ledger: pointed(ports.ledger, &points, &calls),
        provider: pointed(ports.provider, &points, &calls),
        ..ports
    }
}

struct Pointed<T: ?Sized> {
    port: Arc<T>,
    points: Points,
    calls: Arc<Calls>,
}

fn pointed<T: ?Sized>(port: Arc<T>, points: &Points, calls: &Arc<Calls>) -> Arc<Pointed<T>> {
    Arc::new(Pointed { port, points: points.clone(), calls: calls.clone() })
}

/// A dial that has no answer after this time is on its way to the phone.
const SENT_AFTER: Duration = Duration::from_millis(100);

#[async_trait]
impl OutboundDirectory for Pointed<dyn OutboundDirectory> {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        self.points.reach(Point::AfterAuth).await;
        self.port.resolve(query).await
    }
}

#[async_trait]
impl IdempotencyLock for Pointed<dyn IdempotencyLock> {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        self.points.reach(Point::AfterResolve).await;
        let acquired = self.port.acquire(request).await?;
        if matches!(acquired, HoldResult::Granted | HoldResult::GrantedAfter { .. }) {
            self.points.reach(Point::AfterLock).await;
        }
        Ok(acquired)
    }

    /// After the dial, this is how an unknown outcome is settled.
    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        let renewed = self.port.renew(key, token, hold_for).await?;
        self.written(token).await;
        Ok(renewed)
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        let settled = self.port.settle(settlement).await?;
        self.written(settlement.token).await;
        Ok(settled)
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        let released = self.port.release(key, token, limits).await?;
        self.written(token).await;
        Ok(released)
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        self.port.next_slot(paces, longest_wait).await
    }
}

impl Pointed<dyn IdempotencyLock> {
    async fn written(&self, token: &OwnerToken) {
        if self.calls.is_dialled(token) {
            self.points.reach(Point::Cached).await;
            if self.calls.settled(token, |call| &mut call.in_lock) {
                self.points.reach(Point::BeforeReply).await;
            }
        }
    }
}

#[async_trait]
impl CallLedger for Pointed<dyn CallLedger> {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let booked = self.port.book(booking).await?;
        if booked == HoldResult::Granted {
            self.calls.booked(booking);
        }
        Ok(booked)
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        self.port.undecided(key).await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        self.port.settle(settlement).await?;
        if self.calls.is_dialled(settlement.token)
            && self.calls.settled(settlement.token, |call| &mut call.in_ledger)
        {
            self.points.reach(Point::BeforeReply).await;
        }
        Ok(())
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.port.remove_expired(expired_for, limit).await
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        self.port.count_since(query).await
    }
}

#[async_trait]
impl VoiceProvider for Pointed<dyn VoiceProvider> {
    fn answer_time(&self) -> AnswerTime {
        self.port.answer_time()
    }

    fn carriers(&self) -> &[Carrier] {
        self.port.carriers()
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        // The last check of the use case is done. Any pause from now on delays the dial.
        self.points.note_send(&request.call_id);
        self.points.reach(Point::BeforeSend).await;
        // The use case may drop this future at its own time limit. The outcome is known then too.
        let _known = OnDrop(|| self.calls.dialled(&request.call_id));
        let outcome = match select(self.port.dial(request), pin!(tokio::time::sleep(SENT_AFTER))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), dial)) => {
                self.points.reach(Point::Sent).await;
                dial.await
            }
        };
        self.points.reach(Point::Answered).await;
        outcome
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The calls of this process from their booking to their settlement, oldest first. They show which
/// write to the lock is a settlement, and which of the two settlements is the last one.
#[derive(Default)]
struct Calls(Mutex<Vec<Call>>);

struct Call {
    call_id: CallId,
    token: OwnerToken,
    dialled: bool,
    in_lock: bool,
    in_ledger: bool,
}

/// Calls that a store did not settle stay in the list until it is this long.
const MAX_CALLS: usize = 10_000;

impl Calls {
    fn booked(&self, booking: &Booking) {
        let mut calls = self.lock();
        if calls.len() == MAX_CALLS {
            calls.remove(0);
        }
        let (call_id, token) = (booking.identity.call_id.clone(), booking.token.clone());
        calls.push(Call { call_id, token, dialled: false, in_lock: false, in_ledger: false });
    }

    fn dialled(&self, call_id: &CallId) {
        if let Some(call) = self.lock().iter_mut().find(|call| call.call_id == *call_id) {
            call.dialled = true;
        }
    }

    fn is_dialled(&self, token: &OwnerToken) -> bool {
        self.lock().iter().any(|call| call.token == *token && call.dialled)
    }

    /// Notes one settlement of the call. Returns whether it has both now.
    fn settled(&self, token: &OwnerToken, part: impl Fn(&mut Call) -> &mut bool) -> bool {
        let mut calls = self.lock();
        let Some(position) = calls.iter().position(|call| call.token == *token) else { return false };
        *part(&mut calls[position]) = true;
        let is_settled = calls[position].in_lock && calls[position].in_ledger;
        if is_settled {
            calls.remove(position);
        }
        is_settled
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().expect("no code panics while it holds this lock")
    }
}
