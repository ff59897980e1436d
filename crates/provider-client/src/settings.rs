use std::error::Error;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Short, because no phone rings before the connection is made: the caller can learn of the failure
/// early.
pub const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// An API key, and how a request carries it. The key may have visible ASCII characters only;
/// `Debug` does not show it.
#[derive(Debug, Clone, Copy)]
pub enum ApiKey<'a> {
    /// No key: the document is public.
    Absent,
    /// `Authorization: Bearer KEY`
    Bearer(&'a SecretString),
    /// The key alone, in the header with this lower-case name.
    Header(&'static str, &'a SecretString),
    /// `Authorization: Basic`: a name, and the key as the password.
    Basic { user: &'a str, secret: &'a SecretString },
}

/// A setting that is refused at start, because every request would fail with it.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    #[error("the {0} is empty, or has spaces or characters outside ASCII")]
    Secret(&'static str),
    #[error("the base URL must be http or https, with a host and a path only")]
    BaseUrl,
    #[error("the connect timeout must be more than 0 and at most 3 s")]
    ConnectTimeout,
    #[error(
        "cannot set up HTTPS: install CA certificates (package ca-certificates), or set SSL_CERT_FILE to a file with them"
    )]
    Https(#[source] Box<dyn Error + Send + Sync>),
}

impl ApiKey<'_> {
    pub(crate) fn header(self) -> Result<Option<(HeaderName, HeaderValue)>, InvalidSettings> {
        // The provider would refuse every dial with a key that was pasted with a line break.
        let key = |key| visible_ascii("API key", key);
        let (name, value) = match self {
            Self::Absent => return Ok(None),
            Self::Bearer(secret) => (AUTHORIZATION, format!("Bearer {}", key(secret)?)),
            Self::Header(name, secret) => (HeaderName::from_static(name), key(secret)?.to_owned()),
            Self::Basic { user, secret } => {
                let login = STANDARD.encode(format!("{user}:{}", key(secret)?));
                (AUTHORIZATION, format!("Basic {login}"))
            }
        };
        let mut value = HeaderValue::try_from(value).expect("visible ASCII is a valid header value");
        value.set_sensitive(true);
        Ok(Some((name, value)))
    }
}

/// The base URL in the type that the connector needs.
pub(crate) fn check_base_url(url: &Url) -> Result<Uri, InvalidSettings> {
    let has_login = !url.username().is_empty() || url.password().is_some();
    let has_more = url.query().is_some() || url.fragment().is_some();
    if !matches!(url.scheme(), "http" | "https") || has_login || has_more {
        return Err(InvalidSettings::BaseUrl);
    }
    url.as_str().parse().map_err(|_| InvalidSettings::BaseUrl)
}

pub(crate) fn check_connect_timeout(timeout: Duration) -> Result<Duration, InvalidSettings> {
    let is_valid = !timeout.is_zero() && timeout <= MAX_CONNECT_TIMEOUT;
    is_valid.then_some(timeout).ok_or(InvalidSettings::ConnectTimeout)
}

/// The text of a secret; an error with this `name` if it is empty or has anything but visible ASCII
/// characters.
pub fn visible_ascii<'a>(name: &'static str, secret: &'a SecretString) -> Result<&'a str, InvalidSettings> {
    let text = secret.expose_secret();
    let is_valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_valid.then_some(text).ok_or(InvalidSettings::Secret(name))
}

#[cfg(test)]
mod tests;
