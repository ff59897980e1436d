use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::join;

use super::resolve::Parties;
use super::{LockHold, PlaceCall, PlaceCallCommand};
use crate::ports::{ContextToStore, DialRequest, LockSettlement, Ownership, SettleResult, Settlement};
use crate::{
    Booking, CallContext, CallId, CallReference, CallStatus, ConversationContext, DialOutcome,
    NotConnectedReason, Organization, PersonName, PhoneNumber, ProviderAgentId, ProviderNumberId,
    ProviderReference, SettledCall, UnknownCause,
};

/// The parties, as the provider knows them.
pub(super) struct DialParties<'a> {
    pub(super) provider_agent_id: &'a ProviderAgentId,
    pub(super) provider_number_id: &'a ProviderNumberId,
    pub(super) callee_name: Option<PersonName>,
    pub(super) organization: &'a Organization,
}

impl PlaceCall {
    /// What the provider gets.
    pub(super) fn dial_request(
        &self,
        parties: &DialParties<'_>,
        call_id: CallId,
        to: &PhoneNumber,
        command: &PlaceCallCommand,
    ) -> DialRequest {
        DialRequest {
            call_id,
            organization_id: parties.organization.id.clone(),
            provider_agent_id: parties.provider_agent_id.clone(),
            provider_number_id: parties.provider_number_id.clone(),
            to: to.clone(),
            callee_name: parties.callee_name.clone(),
            organization_name: parties.organization.name.clone(),
            reason: command.reason.clone(),
            variables: command.variables.clone(),
            ringing_timeout: self.policy.ringing_timeout(),
            answer_within: self.policy.answer_within(self.ports.provider.answer_time()),
        }
    }

    /// Dials, and renews the lock while the phone rings.
    pub(super) async fn dial(
        &self,
        parties: &Parties,
        booking: &Booking,
        hold: &LockHold,
        command: &PlaceCallCommand,
    ) -> DialOutcome {
        let dial_parties = DialParties {
            provider_agent_id: &parties.provider_agent_id,
            provider_number_id: &parties.provider_number_id,
            callee_name: parties.contact.spoken_name(),
            organization: &parties.user.organization,
        };
        let call_id = booking.identity.call_id.clone();
        let request = self.dial_request(&dial_parties, call_id, &booking.identity.to, command);
        let answer_within = request.answer_within;
        let answered = pin!(self.ports.provider.dial(&request));
        // The adapter has the same time limit. An adapter that ignores it must not hold the lock
        // forever.
        let overdue = pin!(self.ports.clock.sleep(answer_within));
        let renewing = pin!(self.keep_renewing(hold));
        match select(answered, select(overdue, renewing)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => DialOutcome::Unknown(UnknownCause::TimedOut),
        }
    }

    /// Never returns. A failed renewal is repeated after the usual interval. A lost lock stays
    /// lost, and the reservation in the ledger blocks duplicates instead.
    async fn keep_renewing(&self, hold: &LockHold) -> std::convert::Infallible {
        // The time of the lock began before the booking, which may have been slow.
        let held_for = self.ports.clock.monotonic().saturating_sub(hold.acquired_at);
        let mut pause = self.policy.renew_every().saturating_sub(held_for);
        loop {
            self.ports.clock.sleep(pause).await;
            pause = self.policy.renew_every();
            match self.ports.lock.renew(&hold.key, &hold.token, self.policy.lock_ttl()).await {
                Ok(Ownership::Held) => {}
                Ok(Ownership::Lost) => {
                    tracing::warn!("lost the lock of a call in flight; the reservation blocks duplicates")
                }
                Err(error) => {
                    tracing::warn!(%error, "could not renew the lock of a call in flight; the reservation blocks duplicates")
                }
            }
        }
    }

    /// Records the outcome in the lock, the ledger and the context cache. A failure here does not
    /// change the response: the call has already been placed.
    pub(super) async fn settle(
        &self,
        parties: &Parties,
        booking: &Booking,
        hold: &LockHold,
        outcome: &DialOutcome,
    ) {
        let lock = self.settle_lock(parties, booking, hold, outcome);
        if let DialOutcome::NotDialled(_) = outcome {
            // Release the reservation before the lock. Otherwise the next request gets the lock,
            // finds the reservation held, and waits for a call that does not exist.
            self.settle_ledger(booking, outcome).await;
            lock.await;
        } else {
            join!(self.settle_ledger(booking, outcome), lock);
        }
    }

    /// Holds the outcome in this process.
    pub(super) fn settle_held(&self, booking: &Booking, outcome: &DialOutcome) {
        let until = self.ports.clock.monotonic().saturating_add(self.hold_for());
        let result = match outcome {
            DialOutcome::Placed(provider) => placed(booking, provider),
            DialOutcome::NotConnected { reference, reason, .. } => not_connected(booking, reference, *reason),
            DialOutcome::NotDialled(_) => return self.held.release(&booking.key, &booking.token),
            DialOutcome::Unknown(_) => return self.held.leave_undecided(&booking.key, &booking.token),
        };
        self.held.settle(&booking.key, &booking.token, result, until);
    }

    /// Attempted twice: a call that stays *dialling* blocks its intent until the reservation
    /// expires.
    async fn settle_ledger(&self, booking: &Booking, outcome: &DialOutcome) {
        let settlement = Settlement {
            call_id: &booking.identity.call_id,
            key: &booking.key,
            token: &booking.token,
            outcome,
            status: CallStatus::after(outcome, self.ports.provider.answer_time()),
            hold_for: self.hold_for(),
            settled_at: self.ports.clock.now(),
        };
        let mut settled = self.ports.ledger.settle(&settlement).await;
        if settled.is_err() {
            settled = self.ports.ledger.settle(&settlement).await;
        }
        if let Err(error) = settled {
            let (call_id, outcome) = (&booking.identity.call_id, outcome.as_str());
            tracing::error!(%error, call.id = %call_id, call.outcome = outcome, "could not record the outcome of a call; reconciliation will ask the provider");
        }
    }

    fn hold_for(&self) -> Duration {
        self.policy.hold_for(self.ports.provider.answer_time())
    }

    async fn settle_lock(
        &self,
        parties: &Parties,
        booking: &Booking,
        hold: &LockHold,
        outcome: &DialOutcome,
    ) {
        let (lock, ttl) = (&self.ports.lock, self.policy.lock_ttl());
        let written = match outcome {
            DialOutcome::Placed(provider) => {
                return self.store_result(parties, booking, provider, placed(booking, provider)).await;
            }
            DialOutcome::NotConnected { reference: provider, reason, .. } => {
                let settled = not_connected(booking, provider, *reason);
                return self.store_result(parties, booking, provider, settled).await;
            }
            DialOutcome::NotDialled(_) => lock.release(&booking.key, &booking.token, &hold.limits).await,
            DialOutcome::Unknown(_) => lock.renew(&booking.key, &booking.token, ttl).await,
        };
        if let Err(error) = written {
            tracing::warn!(%error, call.id = %booking.identity.call_id, "could not release or renew the lock of a settled call; it expires after its TTL");
        }
    }

    /// Stores the result for duplicates and the context for provider events, in one round trip if
    /// one store does both.
    async fn store_result(
        &self,
        parties: &Parties,
        booking: &Booking,
        provider: &ProviderReference,
        call: SettledCall,
    ) {
        let context = context(parties, booking, provider);
        let to_store =
            context.as_ref().map(|context| ContextToStore { context, ttl: self.policy.context_ttl() });
        let settlement = LockSettlement {
            key: &booking.key,
            token: &booking.token,
            call: &call,
            hold_for: self.hold_for(),
            context: to_store,
        };
        let mut written = self.ports.lock.settle(&settlement).await;
        if written.is_err() {
            written = self.ports.lock.settle(&settlement).await;
        }
        let stored = match written {
            Ok(SettleResult { ownership: Ownership::Lost, context_stored }) => {
                tracing::warn!(call.id = %booking.identity.call_id, "lost the lock of a call; duplicates are answered from its reservation");
                context_stored
            }
            Ok(SettleResult { ownership: Ownership::Held, context_stored }) => context_stored,
            Err(error) => {
                tracing::warn!(%error, call.id = %booking.identity.call_id, "could not store the result of a call in the lock; duplicates are answered from its reservation");
                false
            }
        };
        if let (Some(to_store), false) = (to_store, stored) {
            let context = ConversationContext::Outbound(to_store.context.clone());
            if let Err(error) = self.ports.contexts.store(&context, to_store.ttl).await {
                tracing::warn!(%error, call.id = %booking.identity.call_id, "could not cache the context of a call; its events are matched through the ledger");
            }
        }
    }
}

fn placed(booking: &Booking, provider: &ProviderReference) -> SettledCall {
    SettledCall::Placed(CallReference::new(booking.identity.call_id.clone(), provider.clone()))
}

fn not_connected(booking: &Booking, provider: &ProviderReference, reason: NotConnectedReason) -> SettledCall {
    let reference = CallReference::new(booking.identity.call_id.clone(), provider.clone());
    SettledCall::NotConnected { reference, reason }
}

fn context(parties: &Parties, booking: &Booking, provider: &ProviderReference) -> Option<CallContext> {
    Some(CallContext {
        conversation_id: provider.conversation_id.clone()?,
        identity: booking.identity.clone(),
        provider_agent_id: parties.provider_agent_id.clone(),
        reason: booking.reason.clone(),
        carrier_call_id: provider.carrier_call_id.clone(),
        started_at: booking.booked_at,
    })
}
