//! The provider's words for a status, a reason and a speaker, with the spellings and synonyms that
//! its API, its events and its carriers use. No other file compares them.

use domain::{NotConnectedReason, Speaker, VendorWord};

/// What the status of a conversation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Rings,
    Talks,
    Ended,
    /// The reason may be *failed*, which says no more.
    NotConnected(NotConnectedReason),
    /// A new word. It may belong to a call that still rings.
    New,
}

pub(crate) fn stage(status: &str) -> Stage {
    let word = VendorWord::read(status);
    match word.as_str() {
        "initiated" | "queued" | "scheduled" | "dialing" | "dialling" | "ringing" => Stage::Rings,
        // The analysis runs after the callee has hung up. The record is complete only after it.
        "in-progress" | "processing" | "active" | "answered" => Stage::Talks,
        "done" | "completed" | "complete" | "ended" | "finished" | "success" | "successful" | "succeeded" => {
            Stage::Ended
        }
        "failed" | "failure" | "error" | "canceled" | "cancelled" | "aborted" => {
            Stage::NotConnected(NotConnectedReason::Failed)
        }
        _ => word.not_connected().map_or(Stage::New, Stage::NotConnected),
    }
}

/// Why the callee was not connected: `failure_reason`, `error_type` and Twilio's `CallStatus`. Every
/// other word is *failed*.
pub(crate) fn not_connected(word: &str) -> NotConnectedReason {
    VendorWord::read(word).not_connected().unwrap_or(NotConnectedReason::Failed)
}

/// Who speaks in a turn of the transcript.
pub(crate) fn speaker(role: &str) -> Option<Speaker> {
    match VendorWord::read(role).as_str() {
        "agent" | "assistant" | "ai" | "bot" => Some(Speaker::Agent),
        "user" | "customer" | "callee" | "human" | "client" => Some(Speaker::Callee),
        _ => None,
    }
}

pub(crate) fn is_inbound(direction: &str) -> bool {
    VendorWord::read(direction).as_str() == "inbound"
}
