//! Webhooks: where they are sent, how a script makes them faulty, and the log of deliveries.

mod delivery;
mod post;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

pub(crate) use self::delivery::{Event, send_events, send_events_after_call};

/// The most deliveries in the log; the oldest are removed first.
const MAX_DELIVERIES: usize = 10_000;

/// Where webhooks are sent, and how they are signed. `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// `http://ADDRESS:PORT/PATH`, on the loopback interface.
    pub url: String,
    /// The HMAC key of the signature.
    pub secret: String,
}

impl std::fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSettings").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The faults of a call's events; they can be combined. In JSON, a missing field is `false`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookScript {
    /// Every event is delivered twice.
    pub duplicate: bool,
    /// For an answered call: audio before the transcription, and a false failure after it.
    pub out_of_order: bool,
    /// Events are delivered before the response to the dial; without a response, never.
    pub before_answer: bool,
    /// Nothing is delivered; the log contains the events all the same.
    pub dropped: bool,
    /// The events are signed with a wrong secret.
    pub bad_signature: bool,
    /// The signature is 40 minutes old.
    pub stale: bool,
    /// An event of an undocumented type comes first.
    pub unknown_type: bool,
    /// The transcription has more than 5 MB.
    pub large: bool,
    /// For an answered call: the audio follows in chunks. This is the default without a script.
    pub audio: bool,
    /// The recording has more than 16 MiB, in the event and when it is fetched.
    pub large_audio: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WebhookDelivery {
    /// The event's type.
    pub kind: String,
    pub conversation_id: String,
    /// Starts at 1; a retry has a higher number.
    pub attempt: usize,
    /// False if a script dropped it.
    pub sent: bool,
    /// The receiver's status; `None` if it did not respond.
    pub status: Option<u16>,
    /// When the delivery ended, in milliseconds since the simulator started.
    pub at_ms: u64,
}

pub(crate) struct Target {
    url: String,
    address: SocketAddr,
    path: String,
    key: hmac::Key,
    wrong_key: hmac::Key,
}

impl Target {
    pub(crate) fn parse(settings: &WebhookSettings) -> Result<Target, &'static str> {
        const EXPECTED: &str = "the webhook URL must be http://ADDRESS:PORT/PATH on the loopback interface";
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

    fn record(&mut self, delivery: WebhookDelivery) {
        if self.deliveries.len() >= MAX_DELIVERIES {
            self.deliveries.pop_front();
        }
        self.deliveries.push_back(delivery);
    }
}

#[cfg(test)]
mod tests;
