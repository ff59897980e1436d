//! The outcomes of a call that the provider's answer tells, in its words.

use crate::behaviours::{Behaviour, CallFate};
use crate::timeline::{End, Failure};

/// An answer in the provider's form.
pub(crate) enum Told {
    /// `success:true`.
    Placed { with_ids: bool },
    /// `success:false`.
    NotPlaced { message: String, failure: Failure, with_ids: bool },
}

impl Told {
    /// What a behaviour tells, if it tells anything.
    pub(crate) fn by(behaviour: &Behaviour) -> Option<Told> {
        let told = match behaviour {
            Behaviour::Answer { .. } => Told::Placed { with_ids: true },
            Behaviour::SuccessWithoutIds => Told::Placed { with_ids: false },
            Behaviour::Busy { .. } => Told::failed(486, None, true),
            Behaviour::NoAnswer { .. } => Told::failed(480, None, true),
            Behaviour::Decline { .. } => Told::failed(603, None, true),
            Behaviour::SipTimeout { .. } => Told::failed(1011, Some("sip request timed out"), true),
            Behaviour::SipFailure { code, message, with_ids } => {
                Told::failed(*code, message.as_deref(), *with_ids)
            }
            _ => return None,
        };
        Some(told)
    }

    /// Nobody picked up until the request's ringing time-out.
    pub(crate) fn rung_out() -> Told {
        Told::NotPlaced { message: "request timed out".to_owned(), failure: no_pickup(), with_ids: true }
    }

    /// How the call ends that this tells of.
    pub(crate) fn end(&self) -> End {
        match self {
            Told::Placed { .. } => End::Answered,
            Told::NotPlaced { failure, .. } => End::Failed(failure.clone()),
        }
    }

    fn failed(code: u16, message: Option<&str>, with_ids: bool) -> Told {
        let message = message.map_or_else(|| sentence(code), str::to_owned);
        Told::NotPlaced { failure: initialization_error(code, message.clone()), message, with_ids }
    }
}

/// How a call ends of which the answer tells nothing; `None` where there is no call.
pub(crate) fn end_of(fate: CallFate) -> Option<End> {
    match fate {
        CallFate::NotDialled => None,
        CallFate::Answered => Some(End::Answered),
        CallFate::Ringing => Some(End::RingsOn),
        CallFate::NoAnswer => Some(End::Failed(no_pickup())),
        CallFate::Busy => Some(End::Failed(initialization_error(486, sentence(486)))),
    }
}

fn no_pickup() -> Failure {
    Failure { code: 1011, reason: "request timed out".to_owned(), error_type: "no_answer" }
}

fn initialization_error(code: u16, reason: String) -> Failure {
    Failure { code, reason, error_type: "call_initialization_error" }
}

fn sentence(code: u16) -> String {
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
