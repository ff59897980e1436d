//! What the response to a dial means.
//!
//! The outcome is *unknown* unless the response is an explicit success, or an explicit refusal in
//! the provider's own format. A retry after a refusal cannot ring the callee twice; a retry after
//! anything else can.

use domain::{CarrierStatus, DialOutcome, NotConnectedReason, NotDialledReason, ProviderCode, UnknownCause};
use provider_client::Response;

use crate::wire::{self, CallResponse};
use crate::words;

/// Classifies a complete response.
pub(crate) fn classify(response: &Response) -> DialOutcome {
    let Response { status, retry_after, body } = response;
    let known = match *status {
        200 => CallResponse::parse(body).map(from_response),
        // The vendor documents 200 only. With these, its success is as explicit, and a failure is
        // not.
        201 | 202 => CallResponse::parse(body).filter(|response| response.success).map(from_response),
        400 | 401 | 402 | 403 | 404 | 422 | 429 => wire::refusal_code(*status, body)
            .map(|code| DialOutcome::NotDialled(NotDialledReason::rejected(code, *retry_after))),
        // The call may be placed already when the provider, or a proxy in front of it, sends a
        // redirect, 408, 409 or 5xx.
        _ => None,
    };
    known.unwrap_or(DialOutcome::Unknown(UnknownCause::UnclearAnswer))
}

fn from_response(response: CallResponse) -> DialOutcome {
    if response.success { DialOutcome::Placed(response.reference) } else { from_failure(response) }
}

/// The provider tried to place the call. Only its message says how far the attempt got.
fn from_failure(response: CallResponse) -> DialOutcome {
    let message = response.message.to_ascii_lowercase();
    let statuses = sip_statuses(&message);
    let reason = match statuses.as_slice() {
        // The trunk or the carrier refuses these before the callee's phone rings: credentials,
        // caller number, unknown number, codec.
        [status @ (401 | 403 | 404 | 407 | 484 | 488)] => {
            return rejected(ProviderCode::from_untrusted(&format!("sip_{status}")));
        }
        // The provider checks this limit before it places a call.
        [] if message.starts_with("agent ") && message.contains("exceeded its daily call limit") => {
            return rejected(ProviderCode::from_untrusted("daily_call_limit_exceeded"));
        }
        statuses => not_connected(statuses, &message),
    };
    let code = match single(&statuses) {
        Some(status) => Some(ProviderCode::from_untrusted(&format!("sip_{}", status.number()))),
        None => words::code_of_text(&message),
    };
    DialOutcome::NotConnected { reference: response.reference, reason, code }
}

/// Why the call did not connect, by an error code (a SIP status, or a larger code of the provider's
/// own) and the provider's message. With the SIP status, if there is exactly one.
pub(crate) fn failure_reason(
    code: Option<i64>,
    message: &str,
) -> (NotConnectedReason, Option<CarrierStatus>) {
    let message = message.to_ascii_lowercase();
    let mut statuses = sip_statuses(&message);
    if let Some(status @ 400..=699) = code.and_then(|code| u16::try_from(code).ok()) {
        statuses.push(status);
        statuses.sort_unstable();
        statuses.dedup();
    }
    (not_connected(&statuses, &message), single(&statuses))
}

/// With more than one status it is not clear which one ended the call.
fn single(statuses: &[u16]) -> Option<CarrierStatus> {
    match *statuses {
        [status] => CarrierStatus::from_number(status.into()),
        _ => None,
    }
}

/// Any other reason is *failed*: the callee's phone may have rung.
fn not_connected(statuses: &[u16], message: &str) -> NotConnectedReason {
    match statuses {
        [486 | 600] => NotConnectedReason::Busy,
        [408 | 480 | 487] => NotConnectedReason::NoAnswer,
        [603] => NotConnectedReason::Declined,
        // The callee did not pick up. "sip request timed out" is different: the trunk did not
        // respond, yet carriers have billed such calls, so the phone may have rung.
        [] if message.contains("request timed out") && !message.contains("sip ") => {
            NotConnectedReason::NoAnswer
        }
        _ => NotConnectedReason::Failed,
    }
}

fn rejected(code: ProviderCode) -> DialOutcome {
    DialOutcome::NotDialled(NotDialledReason::Rejected(code))
}

/// The different SIP statuses in a lower-case message such as
/// `invite failed: sip status: 486: busy here (sip 486)`. More than one means that the reason is
/// not clear.
fn sip_statuses(message: &str) -> Vec<u16> {
    let after = |marker| message.match_indices(marker).map(|(at, marker)| &message[at + marker.len()..]);
    let mut statuses: Vec<u16> = ["sip status: ", "(sip "]
        .into_iter()
        .flat_map(after)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

#[cfg(test)]
mod tests;
