//! Webhooks: where they go, how a test spoils them, and what became of each.

mod delivery;
mod post;

pub(crate) use delivery::{Event, deliver, follow};

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// How many deliveries are kept in the log; the oldest go first.
const MOST_DELIVERIES: usize = 10_000;

/// Where webhooks go, and how they are signed. `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// `http://ADDRESS:PORT/PATH`, on this machine's loopback.
    pub url: String,
    /// The secret of the signature's HMAC.
    pub secret: String,
}

impl std::fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSettings").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What is done to the events of a call; they combine. In JSON, what is missing is `false`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookScript {
    /// Every event is delivered twice.
    pub duplicate: bool,
    /// Of an answered call: the audio comes before the transcription, and after it a failure that is not true.
    pub out_of_order: bool,
    /// Events are delivered before the dial's own answer is sent; a dial that is never answered has none.
    pub before_answer: bool,
    /// Nothing is delivered; the log has what was not.
    pub dropped: bool,
    /// The signature is of another secret.
    pub bad_signature: bool,
    /// The signature is 40 minutes old.
    pub stale: bool,
    /// An event of a type that nobody has heard of comes first.
    pub unknown_type: bool,
    /// The transcription has more than 5 MB.
    pub large: bool,
    /// The transcription of an answered call is followed by the audio, in chunks; so it is where nothing is scripted.
    pub audio: bool,
}

/// One delivery of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WebhookDelivery {
    /// The event's type.
    pub kind: String,
    /// Its conversation.
    pub conversation_id: String,
    /// 1 for the first, more for those that follow a failed one.
    pub attempt: usize,
    /// Whether it was sent: a dropped one was not.
    pub sent: bool,
    /// The receiver's status; nothing where it did not answer.
    pub status: Option<u16>,
    /// When it was over, in milliseconds since the simulator started.
    pub at_ms: u64,
}

/// Settings that were checked.
pub(crate) struct Target {
    url: String,
    address: SocketAddr,
    path: String,
    key: hmac::Key,
    /// The key of a bad signature.
    wrong_key: hmac::Key,
}

impl Target {
    /// Checks settings; says why not, if they cannot be used.
    pub(crate) fn parse(settings: &WebhookSettings) -> Result<Target, &'static str> {
        const EXPECTED: &str = "a webhook's URL is http://ADDRESS:PORT/PATH on the loopback";
        let rest = settings.url.strip_prefix("http://").ok_or(EXPECTED)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let address = match authority.strip_prefix("localhost:") {
            Some(port) => port.parse().ok().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            None => authority.parse().ok(),
        };
        let address = address.filter(|address: &SocketAddr| address.ip().is_loopback()).ok_or(EXPECTED)?;
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EXPECTED);
        }
        let key = |secret: &str| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        Ok(Target {
            url: settings.url.clone(),
            address,
            path: format!("/{path}"),
            key: key(&settings.secret),
            wrong_key: key(&format!("not {}", settings.secret)),
        })
    }
}

/// Where webhooks go now, and the log.
#[derive(Default)]
pub(crate) struct Webhooks {
    pub(crate) target: Option<Arc<Target>>,
    deliveries: VecDeque<WebhookDelivery>,
}

impl Webhooks {
    pub(crate) fn url(&self) -> Option<&str> {
        self.target.as_ref().map(|target| target.url.as_str())
    }

    pub(crate) fn deliveries(&self) -> impl Iterator<Item = &WebhookDelivery> {
        self.deliveries.iter()
    }

    fn log(&mut self, delivery: WebhookDelivery) {
        if self.deliveries.len() >= MOST_DELIVERIES {
            self.deliveries.pop_front();
        }
        self.deliveries.push_back(delivery);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_go_to_the_loopback_alone() {
        let parse = |url: &str| {
            let settings = WebhookSettings { url: url.to_owned(), secret: "s".to_owned() };
            Target::parse(&settings).map(|target| (target.address.to_string(), target.path))
        };
        let expected = |address: &str, path: &str| Ok((address.to_owned(), path.to_owned()));
        assert_eq!(parse("http://127.0.0.1:80/a/b?c"), expected("127.0.0.1:80", "/a/b?c"));
        assert_eq!(parse("http://localhost:8080"), expected("127.0.0.1:8080", "/"));
        assert_eq!(parse("http://[::1]:80/"), expected("[::1]:80", "/"));
        for url in [
            "",
            "https://127.0.0.1:80/",
            "http://127.0.0.1/",
            "http://192.0.2.1:80/",
            "http://example.org:80/",
            "http://127.0.0.1:80/a b",
            "http://127.0.0.1:80/a\r\nb:c",
        ] {
            assert!(parse(url).is_err(), "{url:?}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let settings = WebhookSettings { url: "http://127.0.0.1:1/".to_owned(), secret: "wsec_1".to_owned() };
        assert!(!format!("{settings:?}").contains("wsec_1"));
    }
}
