//! The provider's words for a status, a reason and a speaker, with the spellings and synonyms that
//! its API, its events and its carriers use. No other file compares them.

use domain::{GoalResult, NotConnectedReason, ProviderCode, Speaker, VendorWord};

/// What the status of a conversation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Rings,
    Talks,
    Ended,
    NotConnected,
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
        "failed" | "failure" | "error" | "canceled" | "cancelled" | "aborted" => Stage::NotConnected,
        _ if word.not_connected().is_some() => Stage::NotConnected,
        _ => Stage::New,
    }
}

/// Why the callee was not connected: `failure_reason`, `error_type` and Twilio's `CallStatus`. Every
/// other word is *failed*.
pub(crate) fn not_connected(word: &str) -> NotConnectedReason {
    VendorWord::read(word).not_connected().unwrap_or(NotConnectedReason::Failed)
}

/// Whether this is the name or the type of a tool's result that says that a voicemail answered.
pub(crate) fn is_voicemail_detection(name: &str) -> bool {
    matches!(VendorWord::read(name).as_str(), "voicemail-detection" | "voicemail-detection-success")
}

/// The code of a status or a reason that the provider names by a word: the word itself. `None` for
/// the words that say no more than our own codes.
pub(crate) fn code_of_word(raw: &str) -> Option<ProviderCode> {
    let word = VendorWord::read(raw);
    match word.as_str() {
        "" | "unknown" | "done" | "failed" | "initiated" | "in-progress" | "processing" => None,
        // A known word is no free text, also if it has spaces.
        _ if word.not_connected().is_some() => {
            Some(ProviderCode::from_untrusted(&raw.trim().replace(' ', "_")))
        }
        _ => Some(ProviderCode::from_untrusted(raw)),
    }
}

const VOICEMAIL_TOOL: &str = "voicemail_detection_tool";

/// Our codes for the provider's texts. The texts themselves may quote a phone number or a name.
const TEXTS: [(&str, &str); 11] = [
    ("missing required dynamic variables", "missing_dynamic_variables"),
    ("exceeded its daily call limit", "daily_call_limit_exceeded"),
    ("override for field", "override_not_allowed"),
    ("voicemail_detection tool", VOICEMAIL_TOOL),
    ("end_call tool", "end_call_tool"),
    ("client disconnected", "client_disconnected"),
    ("generation failed", "generation_failed"),
    ("transaction failed to complete", "transaction_failed"),
    ("sip request timed out", "sip_request_timed_out"),
    ("request timed out", "request_timed_out"),
    ("exceeded maximum duration", "max_duration_exceeded"),
];

/// The code of a text about the end of a call. `None` for a text that is not known.
pub(crate) fn code_of_text(text: &str) -> Option<ProviderCode> {
    let lower = text.to_ascii_lowercase();
    let known = TEXTS.into_iter().find(|(part, _)| lower.contains(part));
    known.map(|(_, code)| ProviderCode::from_untrusted(code))
}

/// Whether a conversation with this `termination_reason` ended at a voicemail.
pub(crate) fn ended_by_voicemail(termination_reason: &str) -> bool {
    code_of_text(termination_reason).is_some_and(|code| code.as_str() == VOICEMAIL_TOOL)
}

/// Whether a goal or a criterion was met.
pub(crate) fn goal(word: &str) -> Option<GoalResult> {
    match VendorWord::read(word).as_str() {
        "success" | "successful" | "true" => Some(GoalResult::Success),
        "failure" | "failed" | "unsuccessful" | "false" => Some(GoalResult::Failure),
        "" => None,
        _ => Some(GoalResult::Unknown),
    }
}

/// Who speaks in a turn of the transcript.
pub(crate) fn speaker(role: &str) -> Option<Speaker> {
    match VendorWord::read(role).as_str() {
        "agent" | "assistant" | "ai" | "bot" => Some(Speaker::Agent),
        "user" | "customer" | "callee" | "human" | "client" => Some(Speaker::Callee),
        _ => None,
    }
}

/// Whether a turn with this role was not spoken.
pub(crate) fn is_no_speaker(role: &str) -> bool {
    matches!(VendorWord::read(role).as_str(), "system" | "tool")
}

pub(crate) fn is_inbound(direction: &str) -> bool {
    VendorWord::read(direction).as_str() == "inbound"
}
