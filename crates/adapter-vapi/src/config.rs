//! What an operator sets.

use std::error::Error;
use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// How Vapi is reached. `Debug` does not show the key.
#[derive(Debug, Clone)]
pub struct VapiSettings {
    /// The organization's private key, sent as a bearer token.
    pub api_key: SecretString,
    /// The API's root, `http` or `https`; a path is kept as a prefix.
    ///
    /// Over `https` the proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`) is used, as a tunnel. Over `http`, which is for
    /// a simulator, no proxy is used, since it could read and repeat key and request.
    pub base_url: Url,
    /// How long a connection, TLS included, may take to be made: more than 0 and at most [`VapiSettings::MAX_CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
}

impl VapiSettings {
    /// The API's root.
    pub const DEFAULT_BASE_URL: &str = "https://api.vapi.ai";

    /// The longest time to wait for a connection. Without one nobody is rung, so the client may as well know soon.
    pub const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

    /// The settings for this key at the API's own root.
    #[must_use]
    pub fn new(api_key: SecretString) -> Self {
        Self {
            api_key,
            base_url: Url::parse(Self::DEFAULT_BASE_URL).expect("the constant is a URL"),
            connect_timeout: Self::MAX_CONNECT_TIMEOUT,
        }
    }

    /// The URL of one operation, below the base.
    pub(crate) fn endpoint(&self, operation: &str) -> Result<Url, InvalidSettings> {
        let mut url = self.base_url.clone();
        let has_more = url.query().is_some() || url.fragment().is_some();
        let has_login = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || has_more || has_login {
            return Err(InvalidSettings::BaseUrl);
        }
        url.path_segments_mut().map_err(|()| InvalidSettings::BaseUrl)?.pop_if_empty().push(operation);
        Ok(url)
    }

    /// The key as the value of `Authorization`, which `Debug` shows as `Sensitive`.
    pub(crate) fn authorization(&self) -> Result<HeaderValue, InvalidSettings> {
        let key = self.api_key.expose_secret();
        // A key that was pasted with a line break or a space would be refused at every dial: better at start.
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidSettings::ApiKey);
        }
        let mut value =
            HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| InvalidSettings::ApiKey)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The connect timeout, if it is within its bounds.
    pub(crate) fn checked_connect_timeout(&self) -> Result<Duration, InvalidSettings> {
        if self.connect_timeout.is_zero() || self.connect_timeout > Self::MAX_CONNECT_TIMEOUT {
            return Err(InvalidSettings::ConnectTimeout);
        }
        Ok(self.connect_timeout)
    }
}

/// Why the adapter does not start.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// The key cannot be a header's value.
    #[error("the API key is empty, or has spaces or characters outside ASCII")]
    ApiKey,
    /// The base URL is not the root of an API.
    #[error("the base URL is not http or https with a host and nothing but a path")]
    BaseUrl,
    /// The connect timeout is out of its bounds.
    #[error("the connect timeout is not more than 0 and at most 3 s")]
    ConnectTimeout,
    /// The HTTP client cannot be made. On a machine without CA certificates there is no `https`.
    #[error(
        "no HTTPS client: are CA certificates installed (ca-certificates, or a file named by SSL_CERT_FILE)?"
    )]
    HttpClient(#[source] Box<dyn Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_base(base_url: &str) -> VapiSettings {
        VapiSettings { base_url: Url::parse(base_url).expect("a URL"), ..VapiSettings::new("key".into()) }
    }

    #[test]
    fn an_endpoint_stands_below_the_bases_path() {
        for (base, expected) in [
            (VapiSettings::DEFAULT_BASE_URL, "https://api.vapi.ai/call"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/call"),
            ("https://gateway.example/voice/", "https://gateway.example/voice/call"),
        ] {
            assert_eq!(with_base(base).endpoint("call").expect("a base").as_str(), expected);
        }
    }

    #[test]
    fn settings_that_could_only_fail_later_are_refused() {
        for base in ["ftp://host/", "data:text", "https://u:p@host/", "https://h/?a=1", "https://h/#f"] {
            assert!(matches!(with_base(base).endpoint("call"), Err(InvalidSettings::BaseUrl)), "{base}");
        }
        for key in ["", "key\n", " key", "k ey", "schlüssel"] {
            let refused = VapiSettings::new(key.into()).authorization();
            assert!(matches!(refused, Err(InvalidSettings::ApiKey)), "{key:?}");
        }
        for (millis, accepted) in [(0, false), (1, true), (3000, true), (3001, false)] {
            let settings = VapiSettings {
                connect_timeout: Duration::from_millis(millis),
                ..VapiSettings::new("key".into())
            };
            assert_eq!(settings.checked_connect_timeout().is_ok(), accepted, "{millis} ms");
        }
    }

    #[test]
    fn the_key_is_a_bearer_token_and_never_shown() {
        let settings = VapiSettings::new("a-private-key".into());
        let header = settings.authorization().expect("a key");
        assert_eq!(header, "Bearer a-private-key");
        assert!(!format!("{settings:?} {header:?}").contains("a-private-key"));
    }
}
