//! What an answer means for the callee.
//!
//! Everything starts as *unknown*. Only an explicit success, or an explicit refusal in the provider's own format, leaves it:
//! a retry after a refusal rings nobody twice, and a retry after anything else may.

use domain::{DialOutcome, NotConnectedReason, NotDialledReason, ProviderCode, UnknownCause};

use crate::wire::{self, CallAnswer};

/// The longest answer that is read, in bytes. The provider's have some hundred.
pub(crate) const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Reads an HTTP answer that came in full; one that is longer than [`MAX_ANSWER_BYTES`] was not read to its end.
pub(crate) fn classify(status: u16, body: &[u8]) -> DialOutcome {
    if body.len() > MAX_ANSWER_BYTES {
        return DialOutcome::Unknown(UnknownCause::UnclearAnswer);
    }
    let known = match status {
        200 => CallAnswer::parse(body).map(of_answer),
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

fn of_answer(answer: CallAnswer) -> DialOutcome {
    if answer.success { DialOutcome::Placed(answer.reference) } else { of_failure(answer) }
}

/// The provider has tried: its message is all that tells how far it came.
fn of_failure(answer: CallAnswer) -> DialOutcome {
    let message = answer.message.to_ascii_lowercase();
    let reason = match sip_statuses(&message).as_slice() {
        // The trunk or the carrier stops these before anybody's phone: credentials, caller number, no such number, codec.
        [status @ (401 | 403 | 404 | 407 | 484 | 488)] => {
            return rejected(ProviderCode::from_untrusted(&format!("sip_{status}")));
        }
        // The provider counts an agent's calls before it makes one.
        [] if message.starts_with("agent ") && message.contains("exceeded its daily call limit") => {
            return rejected(ProviderCode::from_untrusted("daily_call_limit_exceeded"));
        }
        statuses => not_connected(statuses, &message),
    };
    DialOutcome::NotConnected { reference: answer.reference, reason }
}

/// Why nobody was connected, by an error code (a SIP status, or one of the provider's own above them) and the provider's
/// words.
pub(crate) fn failure_reason(code: Option<i64>, message: &str) -> NotConnectedReason {
    let message = message.to_ascii_lowercase();
    let mut statuses = sip_statuses(&message);
    if let Some(status @ 400..=699) = code.and_then(|code| u16::try_from(code).ok()) {
        statuses.push(status);
        statuses.sort_unstable();
        statuses.dedup();
    }
    not_connected(&statuses, &message)
}

/// A reason that is not listed here is *failed*, which does not say that nobody was rung.
fn not_connected(statuses: &[u16], message: &str) -> NotConnectedReason {
    match statuses {
        [486 | 600] => NotConnectedReason::Busy,
        [408 | 480 | 487] => NotConnectedReason::NoAnswer,
        [603] => NotConnectedReason::Declined,
        // It rang out. "sip request timed out", where the trunk did not answer, is not among these; nor is it a proof that
        // nobody was rung, since carriers have billed such calls.
        [] if message.contains("request timed out") && !message.contains("sip ") => {
            NotConnectedReason::NoAnswer
        }
        _ => NotConnectedReason::Failed,
    }
}

fn rejected(code: ProviderCode) -> DialOutcome {
    DialOutcome::NotDialled(NotDialledReason::Rejected(code))
}

/// The SIP statuses that a lower-case message names, each once, as in
/// `invite failed: sip status: 486: busy here (sip 486)`. Where they differ, it is not clear what happened.
fn sip_statuses(message: &str) -> Vec<u16> {
    let named = |marker| message.match_indices(marker).map(|(at, marker)| &message[at + marker.len()..]);
    let mut statuses: Vec<u16> = ["sip status: ", "(sip "]
        .into_iter()
        .flat_map(named)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

#[cfg(test)]
mod tests;
