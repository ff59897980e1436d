use std::time::Duration;

use domain::TrunkId;
use provider_client::MAX_CONNECT_TIMEOUT;
use secrecy::SecretString;
use url::Url;

/// How to reach a trunk of a Sinch account. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub struct SinchSettings {
    pub project_id: String,
    /// The id of an access key of the project.
    pub key_id: String,
    /// Its secret.
    pub key_secret: SecretString,
    pub trunk_id: TrunkId,
    /// The root of the service that issues tokens.
    pub auth_url: Url,
    /// The root of the API of trunks.
    pub trunk_url: Url,
    /// More than 0 and at most [`MAX_CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
    /// The pause after the service for tokens has refused for its limit. Each later pause is four
    /// times as long.
    pub first_pause: Duration,
}

impl SinchSettings {
    pub const DEFAULT_AUTH_URL: &str = "https://auth.sinch.com";
    pub const DEFAULT_TRUNK_URL: &str = "https://elastic-trunking.api.sinch.com";

    /// The settings of an account, with the carrier's hosts.
    #[must_use]
    pub fn new(project_id: String, key_id: String, key_secret: SecretString, trunk_id: TrunkId) -> Self {
        Self {
            project_id,
            key_id,
            key_secret,
            trunk_id,
            auth_url: Url::parse(Self::DEFAULT_AUTH_URL).expect("the constant is a URL"),
            trunk_url: Url::parse(Self::DEFAULT_TRUNK_URL).expect("the constant is a URL"),
            connect_timeout: MAX_CONNECT_TIMEOUT,
            first_pause: Duration::from_secs(1),
        }
    }
}
