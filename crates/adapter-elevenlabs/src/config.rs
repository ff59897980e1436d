use std::time::Duration;

use provider_client::{ApiKey, InvalidSettings, MAX_CONNECT_TIMEOUT, ProviderClient};
use secrecy::SecretString;
use url::Url;

/// How to reach ElevenLabs. `Debug` does not show the API key.
#[derive(Debug, Clone)]
pub struct ElevenLabsSettings {
    /// The workspace's API key, sent as `xi-api-key`.
    pub api_key: SecretString,
    /// The root of the API ([`ProviderClient::new`]). A workspace with data residency has a
    /// root of its own (`https://api.eu.residency.elevenlabs.io`); its agents and numbers do not
    /// exist at any other root.
    pub base_url: Url,
    /// More than 0 and at most [`MAX_CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
    /// What the trunk asks for in calls from imported numbers. Without it, the trunk must accept the
    /// addresses of ElevenLabs, which change.
    pub trunk_login: Option<TrunkLogin>,
}

/// The credentials of a trunk. `Debug` does not show the password.
#[derive(Debug, Clone)]
pub struct TrunkLogin {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

impl ElevenLabsSettings {
    /// The root of the API for a workspace without data residency.
    pub const DEFAULT_BASE_URL: &str = "https://api.elevenlabs.io";

    #[must_use]
    pub fn new(api_key: SecretString) -> Self {
        Self {
            api_key,
            base_url: Url::parse(Self::DEFAULT_BASE_URL).expect("the constant is a URL"),
            connect_timeout: MAX_CONNECT_TIMEOUT,
            trunk_login: None,
        }
    }

    pub(crate) fn client(&self) -> Result<ProviderClient, InvalidSettings> {
        ProviderClient::new(&self.base_url, ApiKey::Header("xi-api-key", &self.api_key), self.connect_timeout)
    }
}
