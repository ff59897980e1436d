//! What a request for a call is answered, by what holds its intent or by the outcome of its dial.

use std::time::Duration;

use super::PlaceCallError;
use crate::{Booking, CallReference, DialOutcome, NotDialledReason, SettledCall};

/// A call that was placed, now or by an earlier request of the same intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedCall {
    /// The ids of the call.
    pub reference: CallReference,
    /// Whether an earlier request placed it, so that this request did not dial.
    pub deduplicated: bool,
    /// Whether it is the call of the request's own idempotency key.
    pub replayed: bool,
}

/// The longest wait that is passed on to a client, whatever the provider asks for.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

pub(super) const fn in_flight(remaining: Duration) -> PlaceCallError {
    PlaceCallError::InFlight { retry_after: remaining }
}

pub(super) fn replay(call: SettledCall) -> Result<PlacedCall, PlaceCallError> {
    match call {
        SettledCall::Placed(reference) => Ok(PlacedCall { reference, deduplicated: true, replayed: false }),
        SettledCall::NotConnected { reference, reason } => {
            Err(PlaceCallError::NotConnected { reference, reason })
        }
    }
}

pub(super) fn answer(booking: Booking, outcome: DialOutcome) -> Result<PlacedCall, PlaceCallError> {
    let call_id = booking.identity.call_id;
    match outcome {
        DialOutcome::Placed(provider) => {
            let reference = CallReference::new(call_id, provider);
            Ok(PlacedCall { reference, deduplicated: false, replayed: false })
        }
        DialOutcome::NotConnected { reference, reason, .. } => {
            Err(PlaceCallError::NotConnected { reference: CallReference::new(call_id, reference), reason })
        }
        DialOutcome::NotDialled(NotDialledReason::Rejected(code)) => {
            Err(PlaceCallError::ProviderRejected { call_id, code, retry_after: None })
        }
        DialOutcome::NotDialled(NotDialledReason::RejectedForNow { code, retry_after }) => {
            let retry_after = Some(retry_after.min(MAX_RETRY_AFTER));
            Err(PlaceCallError::ProviderRejected { call_id, code, retry_after })
        }
        DialOutcome::NotDialled(NotDialledReason::Unavailable | NotDialledReason::Withdrawn) => {
            Err(PlaceCallError::ProviderUnavailable { call_id })
        }
        DialOutcome::Unknown(cause) => Err(PlaceCallError::OutcomeUnknown { call_id, cause }),
    }
}
