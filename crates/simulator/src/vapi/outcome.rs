//! How calls end that the provider took: in its record, in its words.

use crate::behaviours::{Behaviour, CallFate};
use crate::timeline::{End, Failure};

/// How a call ends that a behaviour tells of, if it tells anything.
pub(crate) fn end_by(behaviour: &Behaviour) -> Option<End> {
    match behaviour {
        Behaviour::Answer { .. } | Behaviour::SuccessWithoutIds => Some(End::Answered),
        Behaviour::Busy { .. } => Some(failed(486)),
        Behaviour::NoAnswer { .. } => Some(failed(480)),
        Behaviour::Decline { .. } => Some(failed(603)),
        Behaviour::SipTimeout { .. } => Some(failed(1011)),
        Behaviour::SipFailure { code, .. } => Some(failed(*code)),
        _ => None,
    }
}

/// How a call ends of which the answer tells nothing; `None` where there is no call.
pub(crate) fn end_of(fate: CallFate) -> Option<End> {
    match fate {
        CallFate::NotDialled => None,
        CallFate::Answered => Some(End::Answered),
        CallFate::Ringing => Some(End::RingsOn),
        CallFate::NoAnswer => Some(rung_out()),
        CallFate::Busy => Some(failed(486)),
    }
}

/// Nobody picked up for as long as the carrier rings.
pub(crate) fn rung_out() -> End {
    failed(480)
}

fn failed(code: u16) -> End {
    let ended_reason = match code {
        // A callee who declines is busy to the carrier.
        486 | 600 | 603 => "customer-busy",
        408 | 480 | 487 => "customer-did-not-answer",
        484 => "twilio-reported-customer-misdialed",
        _ => "call.in-progress.error-sip-outbound-call-failed-to-connect",
    };
    End::Failed(Failure { code, reason: ended_reason.to_owned(), error_type: "ended" })
}
