//! Gives back what a call that is not dialled may have taken. Nothing was sent to the provider, so
//! this is always safe.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};

use super::{LockHold, PlaceCall};
use crate::ports::{HoldResult, PortUnavailable, Settlement};
use crate::{Booking, CallStatus, DialOutcome, NotDialledReason};

/// A step that had not finished at the deadline.
type Unfinished = BoxFuture<'static, Result<HoldResult, PortUnavailable>>;

/// How long each step of giving back may take: one short statement. A store that is slower than
/// this is overloaded, and repeating statements would slow down other requests too.
const STEP_TIMEOUT: Duration = Duration::from_millis(500);

impl PlaceCall {
    /// Releases the lock.
    pub(super) async fn release(&self, hold: LockHold) {
        self.held.release(&hold.key, &hold.token);
        let call = self.clone();
        self.give_back(async move { call.release_lock(&hold).await }).await;
    }

    /// Releases the reservation and the lock.
    pub(super) async fn withdraw(&self, booking: Booking, hold: LockHold) {
        self.held.release(&hold.key, &hold.token);
        let call = self.clone();
        self.give_back(async move { call.withdraw_booking(&booking, &hold).await }).await;
    }

    /// Releases the lock that `acquiring` may still take. It is waited for, so that it is not
    /// applied after the release.
    pub(super) async fn release_later(&self, hold: LockHold, acquiring: Unfinished) {
        let call = self.clone();
        self.give_back(async move {
            if call.may_have_taken(acquiring).await {
                call.release_lock(&hold).await;
            }
        })
        .await;
    }

    /// Releases the reservation that `booking_it` may still take, and the lock.
    pub(super) async fn withdraw_later(&self, booking: Booking, hold: LockHold, booking_it: Unfinished) {
        self.held.release(&hold.key, &hold.token);
        let call = self.clone();
        self.give_back(async move {
            if call.may_have_taken(booking_it).await {
                call.withdraw_booking(&booking, &hold).await;
            } else {
                call.release_lock(&hold).await;
            }
        })
        .await;
    }

    async fn give_back(&self, work: impl Future<Output = ()> + Send + 'static) {
        match &self.background {
            Some(background) => background.run(Box::pin(work)),
            None => work.await,
        }
    }

    /// Whether the step may have taken its key: it did, it failed, or it does not finish soon.
    async fn may_have_taken(&self, step: Unfinished) -> bool {
        match self.soon(step).await {
            Some(Ok(HoldResult::Granted | HoldResult::GrantedAfter { .. }) | Err(_)) | None => true,
            Some(Ok(_)) => false,
        }
    }

    /// The reservation before the lock: the next request that gets the lock must find the
    /// reservation free. Attempted twice, as every settlement, unless the store is too slow.
    async fn withdraw_booking(&self, booking: &Booking, hold: &LockHold) {
        let outcome = DialOutcome::NotDialled(NotDialledReason::Withdrawn);
        let answers = self.ports.provider.answer_time();
        let settlement = Settlement {
            call_id: &booking.identity.call_id,
            key: &booking.key,
            token: &booking.token,
            outcome: &outcome,
            status: CallStatus::after(&outcome, answers),
            hold_for: self.policy.hold_for(answers),
            settled_at: self.ports.clock.now(),
        };
        let call_id = &booking.identity.call_id;
        let mut settled = self.soon(self.ports.ledger.settle(&settlement)).await;
        if matches!(settled, Some(Err(_))) {
            settled = self.soon(self.ports.ledger.settle(&settlement)).await;
        }
        match settled {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::error!(%error, call.id = %call_id, "could not withdraw a call that was not dialled; its intent may be blocked until the reservation expires")
            }
            None => {
                tracing::error!(call.id = %call_id, "withdrawing a call that was not dialled took too long; its intent may be blocked until the reservation expires")
            }
        }
        self.release_lock(hold).await;
    }

    async fn release_lock(&self, hold: &LockHold) {
        match self.soon(self.ports.lock.release(&hold.key, &hold.token, &hold.limits)).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::warn!(%error, "could not release a lock; it expires after its TTL"),
            None => tracing::warn!("releasing a lock took too long; it expires after its TTL"),
        }
    }

    /// The result of a step, if it finishes within [`STEP_TIMEOUT`].
    async fn soon<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        let (step, overdue) = (pin!(step), pin!(self.ports.clock.sleep(STEP_TIMEOUT)));
        match select(step, overdue).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }
}
