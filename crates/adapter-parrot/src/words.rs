use domain::{CallStatus, NotConnectedReason, VendorWord};

/// The status of a call in this state, with this cause of its end.
pub(crate) fn status(state: &str, cause: Option<&str>) -> CallStatus {
    match (VendorWord::read(state).as_str(), cause) {
        ("ringing", _) => CallStatus::Ringing,
        ("talking", _) => CallStatus::InProgress,
        ("over", Some(cause)) => match VendorWord::read(cause).as_str() {
            // A machine has answered the call, so it was connected.
            "hung-up" | "voicemail" => CallStatus::Completed,
            _ => CallStatus::of_failure(not_connected(cause)),
        },
        _ => CallStatus::Unknown,
    }
}

/// Why the callee was not connected: *failed* also for causes that Parrot adds later.
pub(crate) fn not_connected(cause: &str) -> NotConnectedReason {
    VendorWord::read(cause).not_connected().unwrap_or(NotConnectedReason::Failed)
}
