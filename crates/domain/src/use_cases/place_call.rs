//! Placing a call: the use case that all others support.

mod command;
mod dial;
mod error;
mod policy;
mod resolve;

use std::sync::Arc;
use std::time::Duration;

pub use self::command::{PlaceCallCommand, RawPlaceCall};
pub use self::error::PlaceCallError;
pub use self::policy::{CallPolicy, InvalidPolicy};
use self::resolve::Parties;
use crate::ports::{
    AgentRepo, CallLedger, Clock, ContactRepo, ContextCache, HoldResult, IdempotencyLock, Identifiers,
    NumberPool, UserRepo, VoiceProvider,
};
use crate::{
    Booking, CallIdentity, CallReference, DialOutcome, IntentKey, NotDialledReason, NumberingPlan,
    OwnerToken, SettledCall,
};

/// Places one call for one intent: resolves the parties, takes the lock, books the call, dials, and
/// records the outcome in the lock and the ledger.
pub struct PlaceCall {
    ports: PlaceCallPorts,
    policy: CallPolicy,
    plan: NumberingPlan,
}

/// The ports that placing a call needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct PlaceCallPorts {
    pub users: Arc<dyn UserRepo>,
    pub contacts: Arc<dyn ContactRepo>,
    pub agents: Arc<dyn AgentRepo>,
    pub numbers: Arc<dyn NumberPool>,
    pub lock: Arc<dyn IdempotencyLock>,
    pub ledger: Arc<dyn CallLedger>,
    pub provider: Arc<dyn VoiceProvider>,
    pub contexts: Arc<dyn ContextCache>,
    pub clock: Arc<dyn Clock>,
    pub identifiers: Arc<dyn Identifiers>,
}

/// A call that was placed, now or by an earlier request of the same intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedCall {
    /// The ids of the call.
    pub reference: CallReference,
    /// Whether an earlier request placed it, so that this request did not dial.
    pub deduplicated: bool,
}

/// The lock that this request holds. The reservation has the same key and token.
struct LockHold {
    key: IntentKey,
    token: OwnerToken,
    acquired_at: Duration,
}

impl PlaceCall {
    /// The use case on these ports. Calls go only to numbers of `plan`.
    #[must_use]
    pub const fn new(ports: PlaceCallPorts, policy: CallPolicy, plan: NumberingPlan) -> Self {
        Self { ports, policy, plan }
    }

    /// Places the call, or returns why there is none.
    ///
    /// Once it holds the lock this must run to its end, even if the client disconnects: the caller
    /// must not cancel it.
    pub async fn execute(&self, command: PlaceCallCommand) -> Result<PlacedCall, PlaceCallError> {
        let parties = self.resolve(&command).await?;
        let hold = match self.acquire(&parties).await? {
            Acquired::Ours(hold) => hold,
            Acquired::Duplicate(answer) => return answer,
        };
        let booking = self.booking(&parties, &command, &hold);
        match self.book(&booking, &hold).await? {
            Acquired::Ours(()) => {}
            Acquired::Duplicate(answer) => return answer,
        }
        let outcome = self.dial(&parties, &booking, &hold).await;
        self.settle(&parties, &booking, &outcome).await;
        answer(booking, outcome)
    }

    /// Takes the lock, or returns the result of the call that holds it.
    async fn acquire(&self, parties: &Parties) -> Result<Acquired<LockHold>, PlaceCallError> {
        let hold = LockHold {
            key: IntentKey::new(
                &parties.user.id,
                &parties.contact.id,
                &parties.agent.id,
                parties.destination.number(),
            ),
            token: self.ports.identifiers.owner_token(),
            acquired_at: self.ports.clock.monotonic(),
        };
        match self.ports.lock.acquire(&hold.key, &hold.token, self.policy.lock_ttl()).await {
            Ok(HoldResult::Granted) => Ok(Acquired::Ours(hold)),
            Ok(HoldResult::InFlight { remaining }) => Ok(Acquired::Duplicate(Err(in_flight(remaining)))),
            Ok(HoldResult::Settled(call)) => Ok(Acquired::Duplicate(replay(call))),
            Err(unavailable) => {
                // A write that timed out may still be applied and would block the intent for the
                // whole TTL.
                self.release(&hold).await;
                Err(unavailable.into())
            }
        }
    }

    /// Books the call and takes the reservation: the last step before a byte goes to the provider.
    async fn book(&self, booking: &Booking, hold: &LockHold) -> Result<Acquired<()>, PlaceCallError> {
        let answer = self.ports.ledger.book(booking).await;
        let duplicate = match answer {
            Ok(HoldResult::Granted) => {
                let elapsed = self.ports.clock.monotonic().saturating_sub(hold.acquired_at);
                if elapsed < self.policy.lock_ttl() {
                    return Ok(Acquired::Ours(()));
                }
                // This process was paused until the lock expired. Nothing was sent yet, so
                // withdraw.
                self.withdraw(booking, hold).await;
                return Err(PlaceCallError::stalled());
            }
            Ok(HoldResult::InFlight { remaining }) => Err(in_flight(remaining)),
            Ok(HoldResult::Settled(call)) => replay(call),
            Err(unavailable) => {
                self.withdraw(booking, hold).await;
                return Err(unavailable.into());
            }
        };
        // The store lost the lock of the other request. Its reservation answers this request and
        // the next one.
        self.release(hold).await;
        Ok(Acquired::Duplicate(duplicate))
    }

    /// Releases whatever a booking may have taken. Both releases are safe, because nothing was
    /// sent.
    async fn withdraw(&self, booking: &Booking, hold: &LockHold) {
        let outcome = DialOutcome::NotDialled(NotDialledReason::Unavailable);
        self.settle_ledger(booking, &outcome).await;
        self.release(hold).await;
    }

    async fn release(&self, hold: &LockHold) {
        if let Err(error) = self.ports.lock.release(&hold.key, &hold.token).await {
            tracing::warn!(%error, "could not release a lock; it expires after its TTL");
        }
    }

    fn booking(&self, parties: &Parties, command: &PlaceCallCommand, hold: &LockHold) -> Booking {
        Booking {
            identity: CallIdentity {
                call_id: self.ports.identifiers.call_id(),
                organization_id: parties.user.organization.id.clone(),
                user_id: parties.user.id.clone(),
                contact_id: parties.contact.id.clone(),
                agent_id: parties.agent.id.clone(),
                from: parties.caller.phone_number.clone(),
                to: parties.destination.number().clone(),
            },
            reason: command.reason.clone(),
            key: hold.key.clone(),
            token: hold.token.clone(),
            reserve_for: self.policy.reserve_for(),
            booked_at: self.ports.clock.now(),
        }
    }
}

/// Whether a request may continue, or is a duplicate of another one.
enum Acquired<T> {
    Ours(T),
    Duplicate(Result<PlacedCall, PlaceCallError>),
}

const fn in_flight(remaining: Duration) -> PlaceCallError {
    PlaceCallError::InFlight { retry_after: remaining }
}

fn replay(call: SettledCall) -> Result<PlacedCall, PlaceCallError> {
    match call {
        SettledCall::Placed(reference) => Ok(PlacedCall { reference, deduplicated: true }),
        SettledCall::NotConnected { reference, reason } => {
            Err(PlaceCallError::NotConnected { reference, reason })
        }
    }
}

fn answer(booking: Booking, outcome: DialOutcome) -> Result<PlacedCall, PlaceCallError> {
    let call_id = booking.identity.call_id;
    match outcome {
        DialOutcome::Placed(provider) => {
            Ok(PlacedCall { reference: CallReference::new(call_id, provider), deduplicated: false })
        }
        DialOutcome::NotConnected { reference, reason } => {
            Err(PlaceCallError::NotConnected { reference: CallReference::new(call_id, reference), reason })
        }
        DialOutcome::NotDialled(NotDialledReason::Rejected(code)) => {
            Err(PlaceCallError::ProviderRejected { call_id, code })
        }
        DialOutcome::NotDialled(NotDialledReason::Unavailable) => {
            Err(PlaceCallError::ProviderUnavailable { call_id })
        }
        DialOutcome::Unknown(cause) => Err(PlaceCallError::OutcomeUnknown { call_id, cause }),
    }
}
