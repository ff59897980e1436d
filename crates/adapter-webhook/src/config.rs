use std::error::Error;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookSenderSettings {
    /// Permits addresses that are not public, and http. For a developer's machine, or if every
    /// organization is trusted with everything that this machine can reach.
    pub allow_private: bool,
    /// The time limit of an attempt, from the name lookup to the response header: more than zero
    /// and at most [`WebhookSenderSettings::MAX_ATTEMPT`].
    pub attempt_within: Duration,
    /// The part of that time for connecting, with name lookup and TLS; more than zero. Also the
    /// time limit of checking a URL.
    pub connect_within: Duration,
}

impl WebhookSenderSettings {
    /// The lease of a delivery must outlast an attempt. Otherwise another worker sends it again.
    pub const MAX_ATTEMPT: Duration = Duration::from_secs(30);

    pub(crate) fn checked(self) -> Result<Self, InvalidSettings> {
        let valid = !self.attempt_within.is_zero() && self.attempt_within <= Self::MAX_ATTEMPT;
        (valid && !self.connect_within.is_zero()).then_some(self).ok_or(InvalidSettings::Time)
    }
}

impl Default for WebhookSenderSettings {
    /// Only public addresses; 15 s for an attempt, including at most 5 s to connect.
    fn default() -> Self {
        Self {
            allow_private: false,
            attempt_within: Duration::from_secs(15),
            connect_within: Duration::from_secs(5),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    #[error("attempt_within must be more than 0 and at most 30 s, and connect_within must be more than 0")]
    Time,
    /// The HTTP client cannot be built. HTTPS needs CA certificates on the machine.
    #[error(
        "no HTTPS client: install CA certificates (ca-certificates), or set SSL_CERT_FILE to a file with them"
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
