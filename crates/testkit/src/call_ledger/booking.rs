//! Books and settles calls, and reads the ledger, for several suites.

use std::time::Duration;

use domain::ports::{HoldResult, Settlement};
use domain::{
    AnswerTime, Booking, CallIdentity, CallReference, CallStatus, DialOutcome, NotConnectedReason,
    OwnerToken, ProviderCode, ProviderReference, SettledCall,
};

use crate::fixtures::{Tenant, call_id, moment, provider_reference, token};
use crate::harness::{BookedCall, CallLedgerHarness};

/// A stored tenant, so that bookings can name its records.
pub(crate) async fn tenant(harness: &impl CallLedgerHarness) -> Tenant {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    tenant
}

/// Another request of the same intent, with its own call and token.
pub(crate) fn duplicate(booking: &Booking) -> Booking {
    Booking {
        identity: CallIdentity { call_id: call_id(), ..booking.identity.clone() },
        token: token(),
        ..booking.clone()
    }
}

/// Every kind of result, with as many ids as it can have and with as few.
pub(crate) fn results() -> Vec<DialOutcome> {
    let no_carrier = ProviderReference { carrier_call_id: None, ..provider_reference() };
    let no_conversation = ProviderReference { conversation_id: None, ..provider_reference() };
    let placed = [provider_reference(), no_carrier, no_conversation, ProviderReference::default()];
    let failed = NotConnectedReason::ALL.map(|reason| DialOutcome::NotConnected {
        reference: provider_reference(),
        reason,
        code: Some(ProviderCode::from_untrusted("sip_486")),
    });
    let unnamed = DialOutcome::NotConnected {
        reference: ProviderReference::default(),
        reason: NotConnectedReason::NoAnswer,
        code: None,
    };
    placed.map(DialOutcome::Placed).into_iter().chain(failed).chain([unnamed]).collect()
}

pub(crate) fn result(booking: &Booking, outcome: &DialOutcome) -> SettledCall {
    let reference =
        |provider: &ProviderReference| CallReference::new(booking.identity.call_id.clone(), provider.clone());
    match outcome {
        DialOutcome::Placed(provider) => SettledCall::Placed(reference(provider)),
        DialOutcome::NotConnected { reference: provider, reason, .. } => {
            SettledCall::NotConnected { reference: reference(provider), reason: *reason }
        }
        DialOutcome::NotDialled(_) | DialOutcome::Unknown(_) => unreachable!("duplicates get no such result"),
    }
}

pub(crate) fn dialling(booking: &Booking) -> BookedCall {
    BookedCall {
        call_id: booking.identity.call_id.clone(),
        organization_id: booking.identity.organization_id.clone(),
        user_id: booking.identity.user_id.clone(),
        contact_id: booking.identity.contact_id.clone(),
        agent_id: booking.identity.agent_id.clone(),
        from: booking.identity.from.clone(),
        to: booking.identity.to.clone(),
        reason: booking.reason.clone(),
        variables: booking.variables.clone(),
        metadata: booking.metadata.clone(),
        purpose: Some(booking.conditions.purpose),
        subject: booking.conditions.subject.clone(),
        decision: booking.conditions.decision.as_deref().cloned(),
        booked_at: booking.booked_at,
        state: "dialling".to_owned(),
        conversation_id: None,
        carrier_call_id: None,
    }
}

pub(crate) fn settled(booking: &Booking, outcome: &DialOutcome) -> BookedCall {
    let provider = match outcome {
        DialOutcome::Placed(provider) | DialOutcome::NotConnected { reference: provider, .. } => {
            provider.clone()
        }
        DialOutcome::NotDialled(_) | DialOutcome::Unknown(_) => ProviderReference::default(),
    };
    BookedCall {
        state: outcome.as_str().to_owned(),
        conversation_id: provider.conversation_id,
        carrier_call_id: provider.carrier_call_id,
        ..dialling(booking)
    }
}

pub(crate) async fn calls(harness: &impl CallLedgerHarness, tenant: &Tenant) -> Vec<BookedCall> {
    let mut calls = harness.calls_in_ledger().await;
    calls.retain(|call| call.organization_id == tenant.organization.id);
    calls
}

/// The call of this booking, which must be in the ledger once.
pub(crate) async fn only_call(harness: &impl CallLedgerHarness, booking: &Booking) -> BookedCall {
    let mut calls = harness.calls_in_ledger().await;
    calls.retain(|call| call.call_id == booking.identity.call_id);
    assert_eq!(calls.len(), 1, "calls in the ledger");
    calls.remove(0)
}

pub(crate) async fn book(harness: &impl CallLedgerHarness, booking: &Booking) -> HoldResult {
    harness.ledger().book(booking).await.expect("store is up")
}

pub(crate) async fn settle(
    harness: &impl CallLedgerHarness,
    booking: &Booking,
    outcome: &DialOutcome,
    hold_for: Duration,
) {
    settle_under(harness, booking, &booking.token, outcome, hold_for).await;
}

pub(crate) async fn settle_under(
    harness: &impl CallLedgerHarness,
    booking: &Booking,
    token: &OwnerToken,
    outcome: &DialOutcome,
    hold_for: Duration,
) {
    let settlement = settlement(booking, token, outcome, hold_for);
    harness.ledger().settle(&settlement).await.expect("store is up");
}

pub(crate) fn settlement<'a>(
    booking: &'a Booking,
    token: &'a OwnerToken,
    outcome: &'a DialOutcome,
    hold_for: Duration,
) -> Settlement<'a> {
    let settled_at = moment().after(Duration::from_secs(1));
    let status = CallStatus::after(outcome, AnswerTime::AfterRinging);
    Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token,
        outcome,
        status,
        hold_for,
        settled_at,
    }
}

/// The remaining time of a result that must be *in flight*.
pub(crate) fn in_flight(answer: HoldResult) -> Duration {
    match answer {
        HoldResult::InFlight { remaining } => remaining,
        other => panic!("the key is reserved, and the result is {other:?}"),
    }
}

/// The remaining time of a result that must be *undecided*.
pub(crate) fn undecided(answer: HoldResult) -> Duration {
    match answer {
        HoldResult::Undecided { remaining } => remaining,
        other => panic!("the outcome of the call is unknown, and the result is {other:?}"),
    }
}
