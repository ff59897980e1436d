//! The outcomes of a call in the provider's words.

use crate::behaviours::{Behaviour, CallOutcome};
use crate::timeline::{End, Failure};

/// The outcome that a response in the provider's format reports.
pub(crate) enum ReportedOutcome {
    /// `success:true`.
    Placed { with_ids: bool },
    /// `success:false`.
    NotPlaced { message: String, failure: Failure, with_ids: bool },
}

impl ReportedOutcome {
    /// `None` if the response to this behaviour does not report what happened to the call.
    pub(crate) fn of(behaviour: &Behaviour) -> Option<ReportedOutcome> {
        match behaviour {
            Behaviour::Answer { .. } => Some(ReportedOutcome::Placed { with_ids: true }),
            Behaviour::SuccessWithoutIds => Some(ReportedOutcome::Placed { with_ids: false }),
            other => {
                let (code, message, with_ids) = other.sip_failure()?;
                let message = message.map_or_else(|| sip_message(code), str::to_owned);
                let failure = initialization_error(code, message.clone());
                Some(ReportedOutcome::NotPlaced { message, failure, with_ids })
            }
        }
    }

    /// The callee did not answer before the request's ringing timeout.
    pub(crate) fn ringing_timeout() -> ReportedOutcome {
        let failure = no_answer();
        ReportedOutcome::NotPlaced { message: failure.reason.clone(), failure, with_ids: true }
    }

    pub(crate) fn end(&self) -> End {
        match self {
            ReportedOutcome::Placed { .. } => End::Answered,
            ReportedOutcome::NotPlaced { failure, .. } => End::Failed(failure.clone()),
        }
    }
}

/// The end of a call that the response does not report; `None` if nothing was dialled.
pub(crate) fn unreported_end(outcome: CallOutcome) -> Option<End> {
    End::from_outcome(outcome, no_answer(), initialization_error(486, sip_message(486)))
}

fn no_answer() -> Failure {
    Failure { code: 1011, reason: "request timed out".to_owned(), error_type: "no_answer" }
}

fn initialization_error(code: u16, reason: String) -> Failure {
    Failure { code, reason, error_type: "call_initialization_error" }
}

fn sip_message(code: u16) -> String {
    let phrase = match code {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        480 => "Temporarily Unavailable",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        500 => "Server Internal Error",
        503 => "Service Unavailable",
        600 => "Busy Everywhere",
        603 => "Decline",
        _ => "Failure",
    };
    format!("INVITE failed: sip status: {code}: {phrase} (SIP {code})")
}
