//! Webhook endpoints, and the deliveries of call events to them.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{
    CallEvent, CallEventKind, CallId, EventId, EventSequence, InvalidValue, OrganizationId, Timestamp,
    WebhookEndpointId,
};

/// A URL that an organization registered for its call events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Our id.
    pub id: WebhookEndpointId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// Where events are sent.
    pub url: WebhookUrl,
    /// The kinds of events to send: at least one, each once, in the order of
    /// [`CallEventKind::ALL`].
    pub kinds: Vec<CallEventKind>,
    /// Signs every delivery.
    pub secret: WebhookSecret,
    /// Signs too until this time, after the secret was replaced.
    pub previous_secret: Option<(WebhookSecret, Timestamp)>,
    /// Why nothing is sent to it; `None` while events are sent.
    pub suspension: Option<EndpointSuspension>,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// Nothing is sent to an endpoint. Its events are queued and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointSuspension {
    /// Why.
    pub reason: SuspensionReason,
    /// Since when.
    pub since: Timestamp,
}

/// Why nothing is sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuspensionReason {
    /// Its organization paused it.
    Paused,
    /// Its receiver responded that it does not exist any more (410).
    Gone,
}

impl SuspensionReason {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::Paused, Self::Gone];

    /// The name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Gone => "gone",
        }
    }

    /// Reads the name that [`SuspensionReason::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// What changes at an endpoint. Whatever is `None` stays the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointChange {
    /// The new URL.
    pub url: Option<WebhookUrl>,
    /// The new kinds of events, as in [`WebhookEndpoint::kinds`].
    pub kinds: Option<Vec<CallEventKind>>,
    /// Whether events are sent from now on.
    pub sending: Option<Sending>,
}

/// Whether events are sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// They are sent.
    Active,
    /// They wait.
    Suspended(EndpointSuspension),
}

const INVALID_URL: InvalidValue = InvalidValue("an http or https URL of at most 2048 characters");

/// A URL for events. `Debug` hides it: it may contain a token.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Box<str>);

impl WebhookUrl {
    /// The maximum length in bytes.
    pub const MAX_LEN: usize = 2048;

    /// Accepts text that looks like a URL: visible ASCII after `http://` or `https://`. The sender parses it in full.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let schemed = ["https://", "http://"].iter().any(|scheme| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                && text.len() > scheme.len()
        });
        if schemed && text.len() <= Self::MAX_LEN && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(INVALID_URL)
        }
    }

    /// The same target in one spelling, by which two registrations of it are recognized: scheme and
    /// host in lower case, without the scheme's own port and without a fragment, and with a path.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let (scheme, rest) = self.0.split_once("://").expect("a URL has a scheme");
        let scheme = scheme.to_ascii_lowercase();
        let rest = rest.split_once('#').map_or(rest, |(rest, _fragment)| rest);
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let authority = authority.to_ascii_lowercase();
        let own_port = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(own_port).unwrap_or(&authority);
        let slash = if target.starts_with('/') { "" } else { "/" };
        let canonical = format!("{scheme}://{authority}{slash}{target}");
        // A slash that is added can make the longest URL too long.
        Self::parse(&canonical).unwrap_or_else(|_| self.clone())
    }

    /// The URL. It may contain a token: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookUrl(..)")
    }
}

const INVALID_SECRET: InvalidValue = InvalidValue("a signing secret of 24 to 64 bytes");

/// A secret that signs deliveries: 24 to 64 bytes, as Standard Webhooks requires. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Box<[u8]>);

impl WebhookSecret {
    /// Accepts a secret of the right length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidValue> {
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes.into())) } else { Err(INVALID_SECRET) }
    }

    /// A secret of 32 random bytes.
    #[must_use]
    pub fn mint(random: [u8; 32]) -> Self {
        Self(Box::new(random))
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// A call event for an endpoint, leased for one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// Where it is sent.
    pub url: WebhookUrl,
    /// Every secret that signs it.
    pub secrets: Vec<WebhookSecret>,
    /// The event.
    pub event: CallEvent,
    /// The number of this attempt, from 1. It identifies the attempt when it is concluded.
    pub attempt: u32,
    /// When it was queued, first or by a replay.
    pub queued_at: Timestamp,
}

/// A made-up event for one endpoint, which shows its owner whether it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestEvent {
    /// The id, another one for each test.
    pub id: String,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// Where it is sent.
    pub url: WebhookUrl,
    /// Every secret that signs it.
    pub secrets: Vec<WebhookSecret>,
}

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It will be attempted.
    Pending,
    /// The receiver accepted it.
    Delivered,
    /// It is not attempted any more: a dead letter, which a replay queues again.
    Dead,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// The name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// Reads the name that [`DeliveryState::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A delivery, as operators and clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The event's sequence number.
    pub sequence: EventSequence,
    /// The event.
    pub event_id: EventId,
    /// The kind of event.
    pub kind: CallEventKind,
    /// The call.
    pub call_id: CallId,
    /// Its state.
    pub state: DeliveryState,
    /// The number of attempts since it was queued.
    pub attempts: u32,
    /// When it was queued, first or by a replay.
    pub queued_at: Timestamp,
    /// When the next attempt is due, while it is pending.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was accepted or became a dead letter.
    pub concluded_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_failure: Option<DeliveryFailure>,
}

/// A client's filter of an organization's deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only deliveries to this endpoint.
    pub endpoint_id: Option<WebhookEndpointId>,
    /// Only deliveries in this state.
    pub state: Option<DeliveryState>,
    /// Only deliveries of earlier events, and of the same event those to endpoints with smaller
    /// ids: the last delivery of the previous page.
    pub before: Option<(EventSequence, WebhookEndpointId)>,
    /// The maximum number of deliveries; at most [`DeliveryFilter::MAX_LIMIT`].
    pub limit: u32,
}

impl DeliveryFilter {
    /// The largest page.
    pub const MAX_LIMIT: u32 = 200;
    /// The page size if the client does not set a limit.
    pub const DEFAULT_LIMIT: u32 = 50;
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryFailure {
    /// The receiver responded with this HTTP status.
    Status(u16),
    /// The receiver took too long.
    TimedOut,
    /// No connection could be made, or it broke.
    Unreachable,
    /// The URL resolves to an address that is not allowed.
    ForbiddenAddress,
}

impl DeliveryFailure {
    /// Whether the receiver says that it does not exist any more, and never will.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Status(410))
    }

    /// Reads what `Display` writes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "timed-out" => Some(Self::TimedOut),
            "unreachable" => Some(Self::Unreachable),
            "forbidden-address" => Some(Self::ForbiddenAddress),
            status => status.strip_prefix("status-")?.parse().ok().map(Self::Status),
        }
    }
}

impl fmt::Display for DeliveryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status-{status}"),
            Self::TimedOut => f.write_str("timed-out"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::ForbiddenAddress => f.write_str("forbidden-address"),
        }
    }
}

/// The retry schedule of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// The pause after the first failure; each later one is three times as long.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long after it was queued a delivery expires.
    pub given_up_after: Duration,
    /// The maximum duration of an attempt. A worker that has not concluded it soon after that is
    /// considered dead.
    pub attempt_within: Duration,
}

impl DeliveryPolicy {
    /// The pause after a failed attempt; `None` if the delivery expires.
    ///
    /// The receiver may ask for a longer pause. Deliveries that failed together are spread over a
    /// fifth of the pause, by a hash and not by chance.
    #[must_use]
    pub fn pause_after(
        &self,
        delivery: &DueDelivery,
        asked_for: Option<Duration>,
        now: Timestamp,
    ) -> Option<Duration> {
        let tripled = 3_u32.checked_pow(delivery.attempt.saturating_sub(1));
        let pause = tripled.and_then(|factor| self.first_pause.checked_mul(factor));
        let pause =
            pause.unwrap_or(self.longest_pause).max(asked_for.unwrap_or_default()).min(self.longest_pause);
        let pause = pause + pause.mul_f64(0.2 * spread(delivery));
        let give_up_at = delivery.queued_at.after(self.given_up_after);
        (now.after(pause) < give_up_at).then_some(pause)
    }
}

/// A number from 0 to 1 that depends only on the delivery and its attempt.
fn spread(delivery: &DueDelivery) -> f64 {
    let mut hash = Sha256::new();
    hash.update(delivery.endpoint_id.as_str());
    hash.update([0]);
    hash.update(delivery.event.id.as_str());
    hash.update(delivery.attempt.to_be_bytes());
    let digest = hash.finalize();
    f64::from(u16::from_be_bytes([digest[0], digest[1]])) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests;
