//! What an operator sets.

use std::error::Error;
use std::time::Duration;

/// How events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookSenderSettings {
    /// Whether they may go to addresses that are not public, and unencrypted: on a developer's machine, or where every
    /// organization is trusted with what this machine can reach. Without it, neither.
    pub allow_private: bool,
    /// How long an attempt may take, from looking the name up to the head of the answer: more than 0 and at most
    /// [`WebhookSenderSettings::MAX_ATTEMPT`].
    pub attempt_within: Duration,
    /// How much of that a connection may take to be made, name and TLS included; more than 0. The check of a URL may take
    /// as long.
    pub connect_within: Duration,
}

impl WebhookSenderSettings {
    /// The longest attempt: one that is still under way when its lease is over is made twice.
    pub const MAX_ATTEMPT: Duration = Duration::from_secs(30);

    pub(crate) fn checked(self) -> Result<Self, InvalidSettings> {
        let within = !self.attempt_within.is_zero() && self.attempt_within <= Self::MAX_ATTEMPT;
        (within && !self.connect_within.is_zero()).then_some(self).ok_or(InvalidSettings::Time)
    }
}

impl Default for WebhookSenderSettings {
    /// To public addresses alone, within 15 s, of which 5 s to connect.
    fn default() -> Self {
        Self {
            allow_private: false,
            attempt_within: Duration::from_secs(15),
            connect_within: Duration::from_secs(5),
        }
    }
}

/// Why the adapter does not start.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// A time is out of its bounds.
    #[error(
        "an attempt to deliver an event takes more than 0 and at most 30 s, and its connection more than 0"
    )]
    Time,
    /// The HTTP client cannot be made. On a machine without CA certificates there is no `https`.
    #[error(
        "no HTTPS client: are CA certificates installed (ca-certificates, or a file named by SSL_CERT_FILE)?"
    )]
    HttpClient(#[source] Box<dyn Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_bounds() {
        let secs = Duration::from_secs;
        for (attempt_within, connect_within, accepted) in [
            (secs(15), secs(5), true),
            (secs(30), secs(60), true),
            (secs(0), secs(5), false),
            (secs(31), secs(5), false),
            (secs(15), secs(0), false),
        ] {
            let settings =
                WebhookSenderSettings { attempt_within, connect_within, ..WebhookSenderSettings::default() };
            assert_eq!(settings.checked().is_ok(), accepted, "{settings:?}");
        }
        assert!(!WebhookSenderSettings::default().allow_private);
    }
}
