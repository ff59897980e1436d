use domain::{DialOutcome, NotConnectedReason, NotDialledReason, UnknownCause};
use provider_client::Response;

use crate::wire::{self, DialResponse};

/// Classifies a complete response.
pub(crate) fn classify(response: &Response) -> DialOutcome {
    let Response { status, retry_after, body } = response;
    let known = match *status {
        200 => DialResponse::parse(body).map(outcome_of),
        400 | 401 | 402 | 403 | 404 | 422 | 429 => wire::refusal_code(body)
            .map(|code| DialOutcome::NotDialled(NotDialledReason::rejected(code, *retry_after))),
        _ => None,
    };
    known.unwrap_or(DialOutcome::Unknown(UnknownCause::UnclearAnswer))
}

fn outcome_of(response: DialResponse) -> DialOutcome {
    let reason = match response.cause.as_str() {
        _ if response.accepted => return DialOutcome::Placed(response.reference),
        "busy" => NotConnectedReason::Busy,
        "no-answer" => NotConnectedReason::NoAnswer,
        "declined" => NotConnectedReason::Declined,
        // Also for causes that Parrot adds later.
        _ => NotConnectedReason::Failed,
    };
    DialOutcome::NotConnected { reference: response.reference, reason }
}

#[cfg(test)]
mod tests;
