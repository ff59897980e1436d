use provider_client::{ApiKey, InvalidSettings, MAX_CONNECT_TIMEOUT, ProviderClient};
use secrecy::SecretString;
use url::Url;

/// How to reach Parrot. `Debug` does not show the API key.
#[derive(Debug, Clone)]
pub struct ParrotSettings {
    pub api_key: SecretString,
    /// The root of the API.
    pub base_url: Url,
}

impl ParrotSettings {
    /// Refuses a key that no header can carry, and a URL with anything but a host and a path.
    pub(crate) fn client(&self) -> Result<ProviderClient, InvalidSettings> {
        let api_key = ApiKey::Header("parrot-key", &self.api_key);
        ProviderClient::new(&self.base_url, api_key, MAX_CONNECT_TIMEOUT)
    }
}
