use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::join;

use super::resolve::Parties;
use super::{LockHold, PlaceCall};
use crate::ports::{ContextToStore, DialRequest, LockSettlement, Ownership, SettleResult, Settlement};
use crate::{
    Booking, CallContext, CallReference, CallStatus, ConversationContext, DialOutcome, NotConnectedReason,
    ProviderReference, SettledCall, UnknownCause,
};

impl PlaceCall {
    /// Dials, keeping the lock alive for as long as the phone rings.
    pub(super) async fn dial(&self, parties: &Parties, booking: &Booking, hold: &LockHold) -> DialOutcome {
        let answer_within = self.policy.answer_within(self.ports.provider.answer_time());
        let request = DialRequest {
            call_id: booking.identity.call_id.clone(),
            provider_agent_id: parties.provider_agent_id.clone(),
            provider_number_id: parties.provider_number_id.clone(),
            to: booking.identity.to.clone(),
            callee_name: parties.contact.spoken_name(),
            organization_name: parties.user.organization.name.clone(),
            reason: booking.reason.clone(),
            ringing_timeout: self.policy.ringing_timeout(),
            answer_within,
        };
        let answered = pin!(self.ports.provider.dial(&request));
        // The adapter keeps to this time by itself. An adapter that does not must not hold the lock for ever.
        let overdue = pin!(self.ports.clock.sleep(answer_within));
        let renewing = pin!(self.keep_renewing(hold));
        match select(answered, select(overdue, renewing)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => DialOutcome::Unknown(UnknownCause::TimedOut),
        }
    }

    /// Never returns. A renewal that fails is tried again at the next turn; a lock that is lost stays lost, and the guard in
    /// the ledger blocks duplicates in its place.
    async fn keep_renewing(&self, hold: &LockHold) -> std::convert::Infallible {
        loop {
            self.ports.clock.sleep(self.policy.renew_every()).await;
            match self.ports.lock.renew(&hold.key, &hold.token, self.policy.lock_ttl()).await {
                Ok(Ownership::Held) => {}
                Ok(Ownership::Lost) => {
                    tracing::warn!("the lock of a call in flight was lost; its guard stands")
                }
                Err(error) => {
                    tracing::warn!(%error, "the lock of a call in flight was not renewed; its guard stands")
                }
            }
        }
    }

    /// Writes what is known of the dial into lock, ledger and context cache. Nothing that fails here changes the answer: the
    /// call is as real as it is.
    pub(super) async fn settle(&self, parties: &Parties, booking: &Booking, outcome: &DialOutcome) {
        let lock = self.settle_lock(parties, booking, outcome);
        if let DialOutcome::NotDialled(_) = outcome {
            // Whoever gets the lock next must find the guard free, or would be told to wait for a call that there is not.
            self.settle_ledger(booking, outcome).await;
            lock.await;
        } else {
            join!(self.settle_ledger(booking, outcome), lock);
        }
    }

    /// Tried twice, since a row left as dialling blocks the person until its guard runs out.
    pub(super) async fn settle_ledger(&self, booking: &Booking, outcome: &DialOutcome) {
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
            tracing::error!(%error, call.id = %call_id, call.outcome = outcome, "the ledger does not know how a call ended");
        }
    }

    fn hold_for(&self) -> Duration {
        self.policy.hold_for(self.ports.provider.answer_time())
    }

    async fn settle_lock(&self, parties: &Parties, booking: &Booking, outcome: &DialOutcome) {
        let (lock, ttl) = (&self.ports.lock, self.policy.lock_ttl());
        let written = match outcome {
            DialOutcome::Placed(provider) => {
                let reference = CallReference::new(booking.identity.call_id.clone(), provider.clone());
                return self.keep_result(parties, booking, provider, SettledCall::Placed(reference)).await;
            }
            DialOutcome::NotConnected { reference: provider, reason } => {
                let settled = not_connected(booking, provider, *reason);
                return self.keep_result(parties, booking, provider, settled).await;
            }
            DialOutcome::NotDialled(_) => lock.release(&booking.key, &booking.token).await,
            DialOutcome::Unknown(_) => lock.renew(&booking.key, &booking.token, ttl).await,
        };
        if let Err(error) = written {
            tracing::warn!(%error, call.id = %booking.identity.call_id, "the lock of a settled call lapses by itself");
        }
    }

    /// Keeps a result for duplicates and the context for the webhook, in one round trip where one store does both.
    async fn keep_result(
        &self,
        parties: &Parties,
        booking: &Booking,
        provider: &ProviderReference,
        call: SettledCall,
    ) {
        let context = context(parties, booking, provider);
        let rider =
            context.as_ref().map(|context| ContextToStore { context, ttl: self.policy.context_ttl() });
        let settlement = LockSettlement {
            key: &booking.key,
            token: &booking.token,
            call: &call,
            hold_for: self.hold_for(),
            context: rider,
        };
        let mut written = self.ports.lock.settle(&settlement).await;
        if written.is_err() {
            written = self.ports.lock.settle(&settlement).await;
        }
        let kept = match written {
            Ok(SettleResult { ownership: Ownership::Lost, context_stored }) => {
                tracing::warn!(call.id = %booking.identity.call_id, "the lock of a call was lost; duplicates are answered from its guard");
                context_stored
            }
            Ok(SettleResult { ownership: Ownership::Held, context_stored }) => context_stored,
            Err(error) => {
                tracing::warn!(%error, call.id = %booking.identity.call_id, "a result is in the ledger alone, not in the lock");
                false
            }
        };
        if let (Some(rider), false) = (rider, kept) {
            let context = ConversationContext::Outbound(rider.context.clone());
            if let Err(error) = self.ports.contexts.store(&context, rider.ttl).await {
                tracing::warn!(%error, call.id = %booking.identity.call_id, "a call's context is in the ledger alone, not in the cache");
            }
        }
    }
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
