use domain::{CallStatus, EndReason, NotConnectedReason, ProviderCause, ProviderCode, VendorWord};

/// The status of a call in this state, with this cause of its end.
pub(crate) fn status(state: &str, cause: Option<&str>) -> CallStatus {
    match (VendorWord::read(state).as_str(), cause) {
        ("ringing", _) => CallStatus::Ringing,
        ("talking", _) => CallStatus::InProgress,
        ("over", Some(cause)) => end_reason(cause).status(),
        _ => CallStatus::Unknown,
    }
}

/// Why a call ended.
pub(crate) fn end_reason(cause: &str) -> EndReason {
    match VendorWord::read(cause).as_str() {
        "hung-up" => EndReason::Completed,
        // A machine has answered the call, so it was connected.
        "voicemail" => EndReason::Voicemail,
        _ => EndReason::of_failure(not_connected(cause)),
    }
}

/// Why the callee was not connected: *failed* also for causes that Parrot adds later.
pub(crate) fn not_connected(cause: &str) -> NotConnectedReason {
    VendorWord::read(cause).not_connected().unwrap_or(NotConnectedReason::Failed)
}

/// The cause as Parrot spells it, for the client. A text that is no code may quote a number.
pub(crate) fn cause(cause: Option<&str>) -> ProviderCause {
    ProviderCause { code: cause.map(ProviderCode::from_untrusted), carrier_status: None }
}
