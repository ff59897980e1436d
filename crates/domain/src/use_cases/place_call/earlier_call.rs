use std::sync::Arc;
use std::time::Duration;

use super::PlaceCall;
use super::deadline::Deadline;
use crate::ports::{CallUpdater, HoldResult, ProviderLookup, ProviderRecords};
use crate::{Booking, CallProgress, CallReference, CallStatus, CallUpdate, ProviderReference, SettledCall};

/// Asks about earlier calls whose outcome is unknown.
#[derive(Clone)]
pub(super) struct EarlierCalls {
    pub(super) records: Arc<dyn ProviderRecords>,
    pub(super) updater: Arc<dyn CallUpdater>,
}

/// A request that comes so long after the earlier call was booked is no retry of it. No phone rings
/// for so long either, even if the provider got the dial late.
const RETRIED_WITHIN: Duration = Duration::from_hours(1);

impl PlaceCall {
    /// Asks the provider about the undecided call of this intent. Its dial may have been delivered
    /// after this gateway gave it up, even after its reservation had expired.
    ///
    /// Returns what the booking gets because of that call: `Granted` if it may be made after all,
    /// also if the provider does not respond in time. `None` if no undecided call blocks it.
    pub(super) async fn ask_about_earlier_call(
        &self,
        earlier: &EarlierCalls,
        booking: &Booking,
        deadline: &Deadline,
    ) -> Option<HoldResult> {
        let undecided = deadline.limit(self.ports.ledger.undecided(&booking.key)).await?;
        let lookup = match undecided {
            Ok(lookup) => lookup?,
            Err(error) => {
                tracing::warn!(%error, "could not read the earlier call of an intent; its duplicate is refused");
                return None;
            }
        };
        let update = match deadline.halved().limit(earlier.records.find(&lookup)).await {
            Some(Ok(Some(update))) => update,
            Some(Ok(None)) => return Some(HoldResult::Granted),
            Some(Err(error)) => {
                tracing::warn!(%error, call.id = %lookup.call_id, "could not ask the provider about an unknown call; its intent is dialled again");
                return Some(HoldResult::Granted);
            }
            None => {
                tracing::warn!(call.id = %lookup.call_id, "the provider did not respond in time about an unknown call; its intent is dialled again");
                return Some(HoldResult::Granted);
            }
        };
        if let Some(Err(error)) = deadline.limit(earlier.updater.merge(&lookup.call_id, &update)).await {
            tracing::warn!(%error, call.id = %lookup.call_id, "could not record what the provider reports about an unknown call; reconciliation asks again");
        }
        Some(self.held_by(lookup, &update))
    }

    /// What a duplicate gets because of the provider's record of the earlier call.
    fn held_by(&self, lookup: ProviderLookup, update: &CallUpdate) -> HoldResult {
        let mut progress =
            CallProgress { conversation_id: lookup.conversation_id, ..CallProgress::default() };
        progress.merge(update);
        if self.ports.clock.now().since(lookup.booked_at) >= RETRIED_WITHIN {
            return HoldResult::Granted;
        }
        match progress.status.unwrap_or(CallStatus::Unknown) {
            CallStatus::Initiated | CallStatus::Ringing | CallStatus::Unknown => {
                HoldResult::InFlight { remaining: self.policy.lock_ttl() }
            }
            CallStatus::InProgress | CallStatus::Completed => {
                let CallProgress { conversation_id, carrier_call_id, .. } = progress;
                let provider = ProviderReference { conversation_id, carrier_call_id };
                HoldResult::Settled(SettledCall::Placed(CallReference::new(lookup.call_id, provider)))
            }
            // The callee was not connected, and the phone rings no longer.
            CallStatus::Failed | CallStatus::NoAnswer | CallStatus::Busy => HoldResult::Granted,
        }
    }
}
