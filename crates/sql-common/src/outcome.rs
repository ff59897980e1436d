//! The outcome of a dial as columns, and what duplicates are answered from it.

use std::time::Duration;

use domain::ports::HoldResult;
use domain::{
    CallEventKind, CallReference, CallStatus, CarrierCallId, ConversationId, DialOutcome, EndReason,
    NotDialledReason, ProviderCode, SettledCall,
};

use crate::{Table, Unreadable};

/// The state of a call that is not settled.
pub const DIALLING: &str = "dialling";
/// The state of a call whose callee was not connected.
pub const NOT_CONNECTED: &str = "not-connected";
pub(crate) const PLACED: &str = "placed";
/// The state of a call whose dial never reached a phone: no conversation belongs to it.
pub const NOT_DIALLED: &str = "not-dialled";
/// In `dial_code` of a call that was not dialled. Earlier releases do not read it there, and take the call
/// for one whose provider was not reached.
pub(crate) const WITHDRAWN: &str = "withdrawn";
/// The state of a call whose dial has an unknown outcome.
pub(crate) const UNKNOWN: &str = "unknown";

/// A call is undecided if it has one of these states, none of [`NOT_CONNECTED_RANKS`], and was not
/// given up: see [`TakeOver::Decided`](domain::TakeOver::Decided).
pub const UNDECIDED_STATES: [&str; 2] = [DIALLING, UNKNOWN];
/// The rank of each status of a call whose callee was not connected.
pub const NOT_CONNECTED_RANKS: [i16; 3] = {
    let [failed, no_answer, busy] = CallStatus::NOT_CONNECTED;
    [failed.rank() as i16, no_answer.rank() as i16, busy.rank() as i16]
};
/// Calls with this rank or a greater one have ended.
pub const LEAST_RANK_OF_AN_END: i16 = CallStatus::Failed.rank() as i16;

/// An outcome as it is written to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeColumns<'a> {
    pub state: &'static str,
    pub outcome_detail: Option<&'a str>,
    /// The provider's code, if the callee was not connected. `withdrawn`, if the call was not dialled
    /// because it was withdrawn.
    pub dial_code: Option<&'a str>,
    pub conversation_id: Option<&'a str>,
    pub carrier_call_id: Option<&'a str>,
    /// Why the call ended, in the event of its end.
    pub end_reason: Option<&'static str>,
    /// The states that this outcome replaces. A call in another state stays as it is.
    pub replaces: &'static [&'static str],
    /// Whether the reservation is deleted, so that the intent can be dialled again.
    pub releases: bool,
    /// Whether duplicates are answered from this outcome for some time. If the outcome was unknown
    /// before, the reservation is not shortened: the phone may ring until its end.
    pub holds: bool,
}

impl<'a> From<&'a DialOutcome> for OutcomeColumns<'a> {
    fn from(outcome: &'a DialOutcome) -> Self {
        let (reference, outcome_detail) = match outcome {
            DialOutcome::Placed(reference) => (Some(reference), None),
            DialOutcome::NotConnected { reference, reason, .. } => (Some(reference), Some(reason.as_str())),
            DialOutcome::NotDialled(
                NotDialledReason::Rejected(code) | NotDialledReason::RejectedForNow { code, .. },
            ) => (None, Some(code.as_str())),
            DialOutcome::NotDialled(NotDialledReason::Unavailable | NotDialledReason::Withdrawn) => {
                (None, None)
            }
            DialOutcome::Unknown(cause) => (None, Some(cause.as_str())),
        };
        let dial_code = match outcome {
            DialOutcome::NotConnected { code, .. } => code.as_ref().map(ProviderCode::as_str),
            DialOutcome::NotDialled(NotDialledReason::Withdrawn) => Some(WITHDRAWN),
            DialOutcome::Placed(_) | DialOutcome::NotDialled(_) | DialOutcome::Unknown(_) => None,
        };
        Self {
            state: outcome.as_str(),
            outcome_detail,
            dial_code,
            end_reason: EndReason::of_dial(outcome).map(EndReason::as_str),
            conversation_id: reference
                .and_then(|ids| ids.conversation_id.as_ref())
                .map(ConversationId::as_str),
            carrier_call_id: reference
                .and_then(|ids| ids.carrier_call_id.as_ref())
                .map(CarrierCallId::as_str),
            replaces: if outcome.was_dialled() { &[DIALLING, UNKNOWN] } else { &[DIALLING] },
            releases: matches!(outcome, DialOutcome::NotDialled(_)),
            holds: outcome.was_dialled(),
        }
    }
}

/// The columns of a settled call: the ledger and the lock of SQLite write them alike.
pub struct SettledColumns<'a> {
    pub state: &'static str,
    pub call_id: &'a str,
    pub conversation_id: Option<&'a str>,
    pub carrier_call_id: Option<&'a str>,
    pub outcome_detail: Option<&'static str>,
}

impl<'a> From<&'a SettledCall> for SettledColumns<'a> {
    fn from(call: &'a SettledCall) -> Self {
        let (state, reference, outcome_detail) = match call {
            SettledCall::Placed(reference) => (PLACED, reference, None),
            SettledCall::NotConnected { reference, reason } => {
                (NOT_CONNECTED, reference, Some(reason.as_str()))
            }
        };
        Self {
            state,
            call_id: reference.call_id.as_str(),
            conversation_id: reference.conversation_id.as_ref().map(ConversationId::as_str),
            carrier_call_id: reference.carrier_call_id.as_ref().map(CarrierCallId::as_str),
            outcome_detail,
        }
    }
}

/// What holds an intent key, a reservation or a lock, with the call that it belongs to.
pub struct HoldColumns {
    /// `None` if the holder has no settled call.
    pub call_id: Option<String>,
    pub state: Option<String>,
    pub outcome_detail: Option<String>,
    pub conversation_id: Option<String>,
    pub carrier_call_id: Option<String>,
    /// `None` if the statement did not see the hold.
    pub remaining_millis: Option<i64>,
}

impl HoldColumns {
    /// The answer to a duplicate. `None` means that the hold has expired or was not seen.
    pub fn read(self, table: Table) -> Result<Option<HoldResult>, Unreadable> {
        let remaining = self.remaining_millis.and_then(|millis| u64::try_from(millis).ok());
        let Some(remaining) = remaining.filter(|millis| *millis > 0) else { return Ok(None) };
        let in_flight = HoldResult::InFlight { remaining: Duration::from_millis(remaining) };
        let (Some(state), Some(call_id)) = (self.state, self.call_id) else { return Ok(Some(in_flight)) };
        let reference = CallReference {
            call_id: table.read("call_id", call_id)?,
            conversation_id: table.read_optional("conversation_id", self.conversation_id)?,
            carrier_call_id: table.read_optional("carrier_call_id", self.carrier_call_id)?,
        };
        Ok(Some(match state.as_str() {
            PLACED => HoldResult::Settled(SettledCall::Placed(reference)),
            NOT_CONNECTED => {
                let reason = self.outcome_detail.unwrap_or_default();
                let reason = table.read("outcome_detail", reason)?;
                HoldResult::Settled(SettledCall::NotConnected { reference, reason })
            }
            // A call that was not dialled has no reservation, unless another token settled it.
            DIALLING | NOT_DIALLED => in_flight,
            UNKNOWN => HoldResult::Undecided { remaining: Duration::from_millis(remaining) },
            _ => return Err(table.unreadable("state")),
        }))
    }
}

/// What a settlement does to the status of its call, whichever status that is: for each status the
/// merged one, and the events to write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusMerges {
    /// The merged status for each status, in the order of their ranks.
    pub ranks_after: Vec<i16>,
    /// The status before each event, in the order in which the events are written.
    pub event_ranks_before: Vec<i16>,
    pub event_kinds: Vec<&'static str>,
    /// The reason in each event: only the end has one.
    pub event_end_reasons: Vec<Option<&'static str>>,
}

impl StatusMerges {
    pub fn of(reported: CallStatus, end_reason: Option<&'static str>) -> Self {
        let mut merges = Self::default();
        for before in CallStatus::ALL {
            let (after, events) = before.merge(reported);
            merges.ranks_after.push(after.rank().into());
            merges.event_ranks_before.extend(events.iter().map(|_| i16::from(before.rank())));
            let reason_of = |kind: &CallEventKind| end_reason.filter(|_| *kind == CallEventKind::Ended);
            merges.event_end_reasons.extend(events.iter().map(reason_of));
            merges.event_kinds.extend(events.into_iter().map(CallEventKind::as_str));
        }
        merges
    }
}

#[cfg(test)]
mod tests {
    use domain::{NotConnectedReason, ProviderReference, UnknownCause};

    use super::*;

    #[test]
    fn states_are_the_names_of_outcomes() {
        let reference = ProviderReference::default;
        let not_connected = DialOutcome::NotConnected {
            reference: reference(),
            reason: NotConnectedReason::Busy,
            code: None,
        };
        for (outcome, state) in [
            (DialOutcome::Placed(reference()), PLACED),
            (not_connected, NOT_CONNECTED),
            (DialOutcome::NotDialled(NotDialledReason::Unavailable), NOT_DIALLED),
            (DialOutcome::Unknown(UnknownCause::TimedOut), UNKNOWN),
        ] {
            assert_eq!(outcome.as_str(), state);
        }
    }
}
