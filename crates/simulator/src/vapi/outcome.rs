//! How calls end, in the words of the provider's record.

use crate::behaviours::{Behaviour, CallOutcome};
use crate::timeline::{End, Failure};

/// How a call ended that was accepted and never started.
pub(crate) const CONCURRENCY_LIMIT_REACHED: &str = "call.start.error-subscription-concurrency-limit-reached";

/// `None` if the response to this behaviour does not report what happened to the call.
pub(crate) fn reported_end(behaviour: &Behaviour) -> Option<End> {
    match behaviour {
        Behaviour::Answer { .. } | Behaviour::SuccessWithoutIds => Some(End::Answered),
        Behaviour::ConcurrencyBlockedLater => {
            let reason = CONCURRENCY_LIMIT_REACHED.to_owned();
            Some(End::Failed(Failure { code: 0, reason, error_type: "ended" }))
        }
        other => other.sip_failure().map(|(code, ..)| End::Failed(failure(code))),
    }
}

/// The end of a call that the response does not report; `None` if nothing was dialled.
pub(crate) fn unreported_end(outcome: CallOutcome) -> Option<End> {
    End::from_outcome(outcome, failure(480), failure(486))
}

/// The callee did not answer before the carrier's ringing timeout.
pub(crate) fn ringing_timeout() -> End {
    End::Failed(failure(480))
}

fn failure(code: u16) -> Failure {
    let ended_reason = match code {
        // The carrier reports a callee who declines as busy.
        486 | 600 | 603 => "customer-busy",
        408 | 480 | 487 => "customer-did-not-answer",
        484 => "twilio-reported-customer-misdialed",
        _ => "call.in-progress.error-sip-outbound-call-failed-to-connect",
    };
    Failure { code, reason: ended_reason.to_owned(), error_type: "ended" }
}
