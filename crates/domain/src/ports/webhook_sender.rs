use std::time::Duration;

use async_trait::async_trait;

use crate::{DeliveryFailure, DueDelivery, Timestamp, WebhookUrl};

/// Sends events to the receivers of organizations: signed, within a bounded time, to addresses that
/// are allowed alone, following no redirect and reading no answer but its status.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Whether something could be sent there, by what its name leads to now. Nothing is sent.
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefusal>;

    /// Makes one attempt, signed as of `now`.
    async fn send(&self, delivery: &DueDelivery, now: Timestamp) -> SendOutcome;
}

/// Why nothing may be sent to a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// It is no URL that can be sent to: its host is missing, or it holds a user name or password.
    #[error("is not a URL that events can be sent to")]
    Unusable,
    /// It is not encrypted.
    #[error("must be https")]
    NotEncrypted,
    /// Its name is not known.
    #[error("has a host name that cannot be resolved")]
    Unresolved,
    /// It leads to an address that is not a public one.
    #[error("leads to an address that is not public")]
    ForbiddenAddress,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// The receiver took it: it answered 2xx.
    Accepted,
    /// It did not.
    Failed {
        /// Why.
        failure: DeliveryFailure,
        /// How long the receiver asks to be left alone, from now.
        retry_after: Option<Duration>,
    },
}
