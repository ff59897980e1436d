use domain::{DialOutcome, NotDialledReason, UnknownCause};
use provider_client::Response;

use crate::wire::{self, DialResponse};
use crate::words;

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
    let DialResponse { accepted, cause, reference } = response;
    if accepted {
        DialOutcome::Placed(reference)
    } else {
        let code = words::cause(Some(&cause)).code;
        DialOutcome::NotConnected { reference, reason: words::not_connected(&cause), code }
    }
}

#[cfg(test)]
mod tests;
