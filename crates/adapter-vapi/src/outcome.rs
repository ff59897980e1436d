//! What the response to a dial means.
//!
//! The outcome is *unknown* unless the response is an explicit success, or an explicit refusal in
//! the provider's own format. A retry after a refusal cannot ring the callee twice; a retry after
//! anything else can.

use domain::{DialOutcome, NotDialledReason, ProviderCode, UnknownCause};
use provider_client::Response;

use crate::wire::{self, CONCURRENCY_BLOCKED, Call};
use crate::words::{self, Stage};

/// Classifies a complete response.
pub(crate) fn classify(response: &Response) -> DialOutcome {
    let Response { status, retry_after, body } = response;
    let known = match *status {
        201 => Call::parse(body).and_then(from_call),
        // The vendor documents 201 only. With these, the record of a live call is as explicit, and
        // a limit is not.
        200 | 202 => {
            Call::parse(body).and_then(from_call).filter(|outcome| matches!(outcome, DialOutcome::Placed(_)))
        }
        400 | 401 | 402 | 403 | 404 | 422 | 429 => wire::refusal_code(*status, body)
            .map(|code| DialOutcome::NotDialled(NotDialledReason::rejected(code, *retry_after))),
        // The call may be placed already when the provider, or a proxy in front of it, sends a
        // redirect, 408, 409 or 5xx.
        _ => None,
    };
    known.unwrap_or(DialOutcome::Unknown(UnknownCause::UnclearAnswer))
}

/// A record proves that the provider accepted the call, unless it says that the call did not start
/// or that it is over.
fn from_call(call: Call) -> Option<DialOutcome> {
    if call.concurrency_blocked {
        return Some(rejected(ProviderCode::from_untrusted(CONCURRENCY_BLOCKED)));
    }
    match call.status.as_deref().map(words::stage) {
        Some(Stage::Ended | Stage::Failed | Stage::Gone) => None,
        Some(Stage::Queued | Stage::Rings | Stage::Talks | Stage::New) | None => {
            Some(DialOutcome::Placed(call.reference))
        }
    }
}

fn rejected(code: ProviderCode) -> DialOutcome {
    DialOutcome::NotDialled(NotDialledReason::Rejected(code))
}

#[cfg(test)]
mod tests;
