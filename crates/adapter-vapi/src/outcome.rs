//! What an answer means for the callee.
//!
//! Everything starts as *unknown*. Only an explicit success, or an explicit refusal in the provider's own format, leaves it:
//! a retry after a refusal rings nobody twice, and a retry after anything else may.

use domain::{DialOutcome, NotDialledReason, ProviderCode, UnknownCause};

use crate::wire::{self, Call};

/// The longest answer that is read, in bytes. The provider's have some thousand, the assistant's settings included.
pub(crate) const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Reads an HTTP answer that came in full; one that is longer than [`MAX_ANSWER_BYTES`] was not read to its end.
pub(crate) fn classify(status: u16, body: &[u8]) -> DialOutcome {
    if body.len() > MAX_ANSWER_BYTES {
        return DialOutcome::Unknown(UnknownCause::UnclearAnswer);
    }
    let known = match status {
        201 => Call::parse(body).and_then(of_call),
        400 | 401 | 402 | 403 | 404 | 422 | 429 => wire::refusal_code(status, body).map(rejected),
        // A redirect, 408, 409 and 5xx can come after the dial, from the provider or from anything in front of it.
        _ => None,
    };
    known.unwrap_or(DialOutcome::Unknown(UnknownCause::UnclearAnswer))
}

/// Reads an exchange that did not end in an answer.
pub(crate) fn classify_error(error: &reqwest::Error) -> DialOutcome {
    // A connect timeout is both: that no connection was made is the better news, and it comes first.
    if error.is_connect() {
        DialOutcome::NotDialled(NotDialledReason::Unavailable)
    } else if error.is_timeout() {
        DialOutcome::Unknown(UnknownCause::TimedOut)
    } else {
        DialOutcome::Unknown(UnknownCause::ConnectionLost)
    }
}

/// A record is the proof that the call was taken, unless it says that it did not start, or is of no call that could ring.
fn of_call(call: Call) -> Option<DialOutcome> {
    if call.concurrency_blocked {
        return Some(rejected(ProviderCode::from_untrusted("concurrency_blocked")));
    }
    match call.status.as_deref() {
        Some("ended" | "not-found" | "deletion-failed") => None,
        _ => Some(DialOutcome::Placed(call.reference)),
    }
}

fn rejected(code: ProviderCode) -> DialOutcome {
    DialOutcome::NotDialled(NotDialledReason::Rejected(code))
}

#[cfg(test)]
mod tests;
