use std::sync::Arc;
use std::time::Duration;

use super::super::truncation::warn_of_truncation;
use super::PlaceCall;
use super::deadline::Deadline;
use crate::ports::{CallUpdater, HoldResult, ProviderRecords, UndecidedCall};
use crate::{Booking, CallProgress, CallReference, CallStatus, ProviderReference, SettledCall};

/// Asks about earlier calls whose outcome is unknown.
#[derive(Clone)]
pub(super) struct EarlierCalls {
    pub(super) records: Arc<dyn ProviderRecords>,
    pub(super) updater: Arc<dyn CallUpdater>,
}

/// How long the provider may take to answer the question. A provider that must be asked for its list
/// of calls needs several requests.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A provider that does not answer the question is asked again by the next request, until the
/// reservation has expired for so long. After that the intent is dialled again: a provider whose
/// records fail must not block it.
const ASKED_WITHIN: Duration = Duration::from_mins(10);
/// A request that comes so long after the reservation of the earlier call has expired is no retry of
/// it. No phone rings for so long either, even if the provider got the dial late.
pub(in crate::use_cases) const RETRIED_WITHIN: Duration = Duration::from_hours(1);

impl PlaceCall {
    /// Asks the provider about the undecided call of this intent. Its dial may have been delivered
    /// after this gateway gave it up, even after its reservation had expired.
    ///
    /// Returns what the booking gets because of that call: `Granted` if it may be made after all.
    /// `None` if no undecided call blocks it. The question has its own time limit.
    pub(super) async fn ask_about_earlier_call(
        &self,
        earlier: &EarlierCalls,
        booking: &Booking,
        deadline: &mut Deadline,
    ) -> Option<HoldResult> {
        let undecided = deadline.limit(self.ports.ledger.undecided(&booking.key)).await?;
        let call = match undecided {
            Ok(call) => call?,
            Err(error) => {
                tracing::warn!(%error, "could not read the earlier call of an intent; its duplicate is refused");
                return None;
            }
        };
        if call.status.was_answered() {
            return Some(self.held_by(&call, progress(&call)));
        }
        let call_id = &call.lookup.call_id;
        let update = match deadline.pause_for(ANSWER_WITHIN, earlier.records.find(&call.lookup)).await {
            Some(Ok(Some(update))) => update,
            Some(Ok(None)) => return Some(HoldResult::Granted),
            Some(Err(error)) => {
                tracing::warn!(%error, call.id = %call_id, "could not ask the provider about an unknown call");
                return Some(self.held_without_answer(&call));
            }
            None => {
                tracing::warn!(call.id = %call_id, "the provider did not respond in time about an unknown call");
                return Some(self.held_without_answer(&call));
            }
        };
        if let Some(Err(error)) = deadline.limit(earlier.updater.merge(call_id, &update)).await {
            tracing::warn!(%error, call.id = %call_id, "could not record what the provider reports about an unknown call; reconciliation asks again");
        }
        let mut progress = progress(&call);
        warn_of_truncation(call_id, &update.content);
        progress.merge(&update);
        Some(self.held_by(&call, progress))
    }

    fn held_without_answer(&self, call: &UndecidedCall) -> HoldResult {
        if call.expired_for < ASKED_WITHIN {
            HoldResult::Undecided { remaining: self.policy.lock_ttl() }
        } else {
            HoldResult::Granted
        }
    }

    /// What a duplicate gets because of what is known of the earlier call.
    fn held_by(&self, call: &UndecidedCall, progress: CallProgress) -> HoldResult {
        let is_retry = call.expired_for < RETRIED_WITHIN;
        match progress.status.unwrap_or(call.status) {
            CallStatus::Initiated | CallStatus::Ringing | CallStatus::Unknown if is_retry => {
                HoldResult::Undecided { remaining: self.policy.lock_ttl() }
            }
            // The person is talking, however late it is.
            CallStatus::InProgress => placed(call, progress),
            CallStatus::Completed if is_retry => placed(call, progress),
            CallStatus::Initiated
            | CallStatus::Ringing
            | CallStatus::Unknown
            | CallStatus::Completed
            // The callee was not connected, and the phone rings no longer.
            | CallStatus::Failed
            | CallStatus::NoAnswer
            | CallStatus::Busy => HoldResult::Granted,
        }
    }
}

fn progress(call: &UndecidedCall) -> CallProgress {
    CallProgress {
        status: Some(call.status),
        conversation_id: call.lookup.conversation_id.clone(),
        carrier_call_id: call.carrier_call_id.clone(),
        ..CallProgress::default()
    }
}

fn placed(call: &UndecidedCall, progress: CallProgress) -> HoldResult {
    let CallProgress { conversation_id, carrier_call_id, .. } = progress;
    let provider = ProviderReference { conversation_id, carrier_call_id };
    HoldResult::Settled(SettledCall::Placed(CallReference::new(call.lookup.call_id.clone(), provider)))
}
