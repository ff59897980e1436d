use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{HoldResult, IntentHolds, LockRequest, LockSettlement, Settlement};
use domain::{
    AnswerTime, Booking, CallReference, CallStatus, DialOutcome, IntentKey, OwnerToken, SettledCall,
};

use super::{CallLedgerHarness, IdempotencyLockHarness, LosesStore};
use crate::call_ledger::booking::tenant;
use crate::fixtures::{call_reference, key, moment, provider_reference, token};

/// What the suite of [`IntentHolds`] needs. [`LockHolds`] and [`LedgerHolds`] make it of other harnesses.
#[async_trait]
pub trait IntentHoldsHarness: LosesStore {
    /// The adapter.
    fn holds(&self) -> Arc<dyn IntentHolds>;

    /// Takes a new key for 30 s, as a request does.
    async fn hold(&self) -> HeldIntent;

    /// Settles the call of a key as placed, for 30 s.
    async fn settle(&self, held: &HeldIntent);

    /// Asks for a key, as a request does.
    async fn request(&self, key: &IntentKey) -> HoldResult;
}

/// A key that a request holds.
#[derive(Debug, Clone)]
pub struct HeldIntent {
    /// The key.
    pub key: IntentKey,
    /// Its call, once it is placed.
    pub call: CallReference,
    token: OwnerToken,
}

/// The keys of a lock.
pub struct LockHolds<H> {
    /// The harness of the lock.
    pub harness: H,
    /// The adapter.
    pub holds: Arc<dyn IntentHolds>,
}

/// The keys of a ledger.
pub struct LedgerHolds<H> {
    /// The harness of the ledger.
    pub harness: H,
    /// The adapter.
    pub holds: Arc<dyn IntentHolds>,
}

const HELD_FOR: Duration = Duration::from_secs(30);

#[async_trait]
impl<H: LosesStore> LosesStore for LockHolds<H> {
    async fn lose(&self) {
        self.harness.lose().await;
    }
}

#[async_trait]
impl<H: LosesStore> LosesStore for LedgerHolds<H> {
    async fn lose(&self) {
        self.harness.lose().await;
    }
}

#[async_trait]
impl<H: IdempotencyLockHarness> IntentHoldsHarness for LockHolds<H> {
    fn holds(&self) -> Arc<dyn IntentHolds> {
        self.holds.clone()
    }

    async fn hold(&self) -> HeldIntent {
        let held = HeldIntent { key: key(), call: call_reference(), token: token() };
        let acquired = self.harness.lock().acquire(&LockRequest::new(&held.key, &held.token, HELD_FOR)).await;
        assert_eq!(acquired, Ok(HoldResult::Granted));
        held
    }

    async fn settle(&self, held: &HeldIntent) {
        let settlement = LockSettlement {
            key: &held.key,
            token: &held.token,
            call: &SettledCall::Placed(held.call.clone()),
            hold_for: HELD_FOR,
            context: None,
        };
        self.harness.lock().settle(&settlement).await.expect("store is up");
    }

    async fn request(&self, key: &IntentKey) -> HoldResult {
        self.harness.lock().acquire(&LockRequest::new(key, &token(), HELD_FOR)).await.expect("store is up")
    }
}

#[async_trait]
impl<H: CallLedgerHarness> IntentHoldsHarness for LedgerHolds<H> {
    fn holds(&self) -> Arc<dyn IntentHolds> {
        self.holds.clone()
    }

    async fn hold(&self) -> HeldIntent {
        let Booking { identity, key, token, .. } = self.book(key()).await.1;
        let call = CallReference::new(identity.call_id, provider_reference());
        HeldIntent { key, call, token }
    }

    async fn settle(&self, held: &HeldIntent) {
        let CallReference { conversation_id, carrier_call_id, .. } = held.call.clone();
        let outcome = DialOutcome::Placed(domain::ProviderReference { conversation_id, carrier_call_id });
        let settlement = Settlement {
            call_id: &held.call.call_id,
            key: &held.key,
            token: &held.token,
            outcome: &outcome,
            status: CallStatus::after(&outcome, AnswerTime::AfterRinging),
            hold_for: HELD_FOR,
            settled_at: moment(),
        };
        self.harness.ledger().settle(&settlement).await.expect("store is up");
    }

    async fn request(&self, key: &IntentKey) -> HoldResult {
        self.book(key.clone()).await.0
    }
}

impl<H: CallLedgerHarness> LedgerHolds<H> {
    async fn book(&self, key: IntentKey) -> (HoldResult, Booking) {
        let booking = Booking { key, ..tenant(&self.harness).await.booking(HELD_FOR) };
        (self.harness.ledger().book(&booking).await.expect("store is up"), booking)
    }
}
