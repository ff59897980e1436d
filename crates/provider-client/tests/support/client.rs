//! A client of a raw socket.

use std::time::Duration;

use provider_client::{ApiKey, MAX_CONNECT_TIMEOUT, ProviderClient};
use url::Url;

/// Longer than any complete response takes here.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// The time limit of a request that is meant to time out.
pub(crate) const SHORT: Duration = Duration::from_millis(400);
pub(crate) const MAX_BODY: usize = 1000;

pub(crate) fn client(base_url: &str, connect_timeout: Duration) -> ProviderClient {
    let base_url = Url::parse(base_url).expect("a URL");
    let key = "sk_0123456789abcdef".into();
    ProviderClient::new(&base_url, ApiKey::Header("x-api-key", &key), connect_timeout)
        .expect("valid settings")
}

pub(crate) fn default_client(base_url: &str) -> ProviderClient {
    client(base_url, MAX_CONNECT_TIMEOUT)
}
