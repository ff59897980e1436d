//! The provider's words for a status and for the reason of an end, with their spellings and synonyms.
//! No other file compares them.

use domain::{CarrierStatus, EndReason, VendorWord};

/// What the status of a call says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Queued,
    Rings,
    Talks,
    /// Its reason says how.
    Ended,
    /// It was not connected.
    Failed,
    /// There is no call.
    Gone,
    /// A new word. It may belong to a call that still rings.
    New,
}

pub(crate) fn stage(status: &str) -> Stage {
    match VendorWord::read(status).as_str() {
        "scheduled" | "queued" | "initiated" => Stage::Queued,
        "ringing" | "dialing" | "dialling" => Stage::Rings,
        "in-progress" | "forwarding" | "answered" => Stage::Talks,
        "ended" | "completed" | "complete" | "done" | "finished" => Stage::Ended,
        "failed" | "failure" | "error" | "canceled" | "cancelled" => Stage::Failed,
        "not-found" | "deletion-failed" => Stage::Gone,
        _ => Stage::New,
    }
}

/// Why a call ended. Of the provider's several hundred reasons, only the ones below prove that the
/// callee or a machine answered; the times of a record do not prove it.
///
/// With any other reason the call has *failed*; another report with a more specific status wins.
pub(crate) fn end_reason(reason: &str) -> Option<EndReason> {
    let word = VendorWord::read(reason);
    match word.as_str() {
        "voicemail" => Some(EndReason::Voicemail),
        "silence-timed-out"
        | "exceeded-max-duration"
        | "assistant-said-end-call-phrase"
        | "assistant-forwarded-call" => Some(EndReason::Completed),
        // The provider appends how the call ended, for example
        // `assistant-ended-call-with-hangup-task`.
        name if name.starts_with("customer-ended-call") || name.starts_with("assistant-ended-call") => {
            Some(EndReason::Completed)
        }
        _ => word.not_connected().map(EndReason::of_failure),
    }
}

/// The SIP status in a reason such as `…-outbound-sip-503-service-unavailable`.
pub(crate) fn carrier_status(reason: &str) -> Option<CarrierStatus> {
    let (_, rest) = reason.split_once("sip-")?;
    let digits = rest.split('-').next()?;
    digits.parse().ok().and_then(CarrierStatus::from_number)
}
