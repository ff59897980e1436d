use std::time::Duration;

use provider_client::{ApiKey, InvalidSettings, MAX_CONNECT_TIMEOUT, ProviderClient};
use secrecy::SecretString;
use url::Url;

/// How to reach Vapi. `Debug` does not show the API key.
#[derive(Debug, Clone)]
pub struct VapiSettings {
    /// The organization's private key, sent as a bearer token.
    pub api_key: SecretString,
    /// The root of the API ([`ProviderClient::new`]).
    pub base_url: Url,
    /// More than 0 and at most [`MAX_CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
}

impl VapiSettings {
    pub const DEFAULT_BASE_URL: &str = "https://api.vapi.ai";

    #[must_use]
    pub fn new(api_key: SecretString) -> Self {
        Self {
            api_key,
            base_url: Url::parse(Self::DEFAULT_BASE_URL).expect("the constant is a URL"),
            connect_timeout: MAX_CONNECT_TIMEOUT,
        }
    }

    pub(crate) fn client(&self) -> Result<ProviderClient, InvalidSettings> {
        ProviderClient::new(&self.base_url, ApiKey::Bearer(&self.api_key), self.connect_timeout)
    }
}
