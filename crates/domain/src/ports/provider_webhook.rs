use super::CallLookup;
use crate::{Audio, CallUpdate, Timestamp};

/// The provider's way of telling us about calls: how its events are known to be its own, and what
/// they say.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait ProviderWebhook: Send + Sync {
    /// Whether the provider sent this body. Looks at the raw bytes and reads none of them.
    fn verify<'a>(
        &self,
        credentials: &WebhookCredentials<'a>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Unverified>;

    /// What a body says. An event of a type that we do not know is read as far as its key goes.
    fn read(&self, body: &[u8], received_at: Timestamp) -> Result<ProviderEvent, UnreadableEvent>;
}

/// What a delivery shows for itself.
#[derive(Clone, Copy)]
pub struct WebhookCredentials<'a> {
    /// The signature header, as it stands.
    pub signature: Option<&'a str>,
    /// The bearer token.
    pub bearer: Option<&'a str>,
}

/// The delivery is not the provider's, or too old. Which of these it is, whoever sent it does not
/// learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event is not signed by the provider")]
pub struct Unverified;

/// The body is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not an event of the provider")]
pub struct UnreadableEvent;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderEvent {
    /// What makes two deliveries the same event.
    pub key: String,
    /// The provider's name of its type.
    pub kind: String,
    /// Which call it speaks of.
    pub lookup: CallLookup,
    /// What it tells; nothing for a type that the books have no use for.
    pub update: Option<CallUpdate>,
    /// The recording that it brings.
    pub recording: Option<Audio>,
}
