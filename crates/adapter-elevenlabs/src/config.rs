//! What an operator sets.

use std::error::Error;
use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// How ElevenLabs is reached. `Debug` does not show the key.
#[derive(Debug, Clone)]
pub struct ElevenLabsSettings {
    /// The workspace's API key, sent as `xi-api-key`.
    pub api_key: SecretString,
    /// The API's root, `http` or `https`; a path is kept as a prefix. A workspace with data residency has a root of its own
    /// (`https://api.eu.residency.elevenlabs.io`), and its agents and numbers are not visible from another.
    ///
    /// Over `https` the proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`) is used, as a tunnel that sees neither key
    /// nor request. Over `http`, which is for a simulator, no proxy is used, since it could read and repeat both.
    pub base_url: Url,
    /// How long a connection, TLS included, may take to be made: more than 0 and at most
    /// [`ElevenLabsSettings::MAX_CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
}

impl ElevenLabsSettings {
    /// The API's root where no data residency was chosen.
    pub const DEFAULT_BASE_URL: &str = "https://api.elevenlabs.io";

    /// The longest time to wait for a connection. Without one nobody is rung, so the client may as well know soon.
    pub const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

    /// The settings of a workspace without data residency.
    #[must_use]
    pub fn new(api_key: SecretString) -> Self {
        Self {
            api_key,
            base_url: Url::parse(Self::DEFAULT_BASE_URL).expect("the constant is a URL"),
            connect_timeout: Self::MAX_CONNECT_TIMEOUT,
        }
    }

    /// The URL of one operation, below the base.
    pub(crate) fn endpoint(&self, segments: &[&str]) -> Result<Url, InvalidSettings> {
        let base = &self.base_url;
        let plain = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        if !matches!(base.scheme(), "http" | "https") || !plain {
            return Err(InvalidSettings::BaseUrl);
        }
        let mut url = base.clone();
        url.path_segments_mut().map_err(|()| InvalidSettings::BaseUrl)?.pop_if_empty().extend(segments);
        Ok(url)
    }

    /// The key as a header's value, which `Debug` shows as `Sensitive`.
    pub(crate) fn api_key_header(&self) -> Result<HeaderValue, InvalidSettings> {
        let key = self.api_key.expose_secret();
        // A key that was pasted with a line break or a space would be refused at every dial: better at start.
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidSettings::ApiKey);
        }
        let mut value = HeaderValue::from_str(key).map_err(|_| InvalidSettings::ApiKey)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The connect timeout, if it is within its bounds.
    pub(crate) fn checked_connect_timeout(&self) -> Result<Duration, InvalidSettings> {
        let within = !self.connect_timeout.is_zero() && self.connect_timeout <= Self::MAX_CONNECT_TIMEOUT;
        within.then_some(self.connect_timeout).ok_or(InvalidSettings::ConnectTimeout)
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
    /// A webhook secret would verify what anybody signs, or nothing.
    #[error("a webhook secret is empty, or has spaces or characters outside ASCII")]
    WebhookSecret,
    /// The tool secret would verify what anybody sends, or nothing.
    #[error("the tool secret is empty, or has spaces or characters outside ASCII")]
    ToolSecret,
    /// The HTTP client cannot be made. On a machine without CA certificates there is no `https`.
    #[error(
        "no HTTPS client: are CA certificates installed (ca-certificates, or a file named by SSL_CERT_FILE)?"
    )]
    HttpClient(#[source] Box<dyn Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_base(base_url: &str) -> ElevenLabsSettings {
        let settings = ElevenLabsSettings::new("sk_test".into());
        ElevenLabsSettings { base_url: Url::parse(base_url).expect("a URL"), ..settings }
    }

    #[test]
    fn an_endpoint_stands_below_the_bases_path() {
        for (base, expected) in [
            ("https://api.elevenlabs.io", "https://api.elevenlabs.io/v1/x"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1/x"),
            ("https://gateway.example/voice/", "https://gateway.example/voice/v1/x"),
        ] {
            let url = with_base(base).endpoint(&["v1", "x"]).expect("a base");
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn a_base_that_is_no_api_root_is_refused() {
        for base in [
            "ftp://host/",
            "data:text",
            "https://u:p@host/",
            "https://u@host/",
            "https://h/?a=1",
            "https://h/#f",
        ] {
            let refused = with_base(base).endpoint(&["v1"]);
            assert!(matches!(refused, Err(InvalidSettings::BaseUrl)), "{base}");
        }
    }

    #[test]
    fn a_key_that_no_header_carries_is_refused_and_never_shown() {
        for key in ["", "sk_1\n", " sk_1", "sk 1", "schlüssel"] {
            let refused = ElevenLabsSettings::new(key.into()).api_key_header();
            assert!(matches!(refused, Err(InvalidSettings::ApiKey)), "{key:?}");
        }
        let settings = ElevenLabsSettings::new("sk_secret".into());
        let header = settings.api_key_header().expect("a key");
        assert_eq!(header, "sk_secret");
        assert!(!format!("{settings:?} {header:?}").contains("sk_secret"));
    }

    #[test]
    fn the_connect_timeout_has_bounds() {
        for (millis, accepted) in [(0, false), (1, true), (3000, true), (3001, false)] {
            let settings = ElevenLabsSettings {
                connect_timeout: Duration::from_millis(millis),
                ..ElevenLabsSettings::new("sk_test".into())
            };
            assert_eq!(settings.checked_connect_timeout().is_ok(), accepted, "{millis} ms");
        }
    }
}
