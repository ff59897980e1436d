use std::time::Duration;

use async_trait::async_trait;

use crate::{DeliveryFailure, DueDelivery, TestEvent, Timestamp, WebhookUrl};

/// Sends call events to the webhook endpoints of organizations.
///
/// The client chooses the URL, so an implementation must not let it reach this machine or the
/// network behind it. An operator may allow private addresses and plain HTTP for development; the
/// rules about URLs and addresses below hold without that setting. A URL may contain a token: an
/// implementation logs neither the URL nor what it sends.
///
/// - MUST sign the request with every secret of the delivery and with no other
///   (`a_delivery_is_signed_with_every_secret`).
/// - MUST send a test event as it sends a delivery: one request, signed with every secret, and only to
///   a URL that is permitted (`a_test_event_is_sent_like_a_delivery`).
/// - MUST send exactly one request for each attempt (`an_attempt_is_one_request`), and follow no
///   redirect (`a_redirect_is_not_followed`).
/// - MUST return `Accepted` for a response with a 2xx status, and the status for every other
///   response (`only_a_success_status_is_accepted`). MUST return the pause that a response with
///   status 429 or 503 asks for in `Retry-After`, at most one day
///   (`a_requested_pause_is_returned`).
/// - MUST return `TimedOut` within the time limit of an attempt if the response does not arrive or
///   arrives too slowly (`a_slow_receiver_times_out`).
/// - MUST return `Unreachable` if there is no connection or no HTTP response
///   (`an_unreachable_receiver_has_failed`).
/// - MUST NOT read the body of a response (`a_response_body_is_not_read`).
/// - MUST refuse a URL that is not `https` (`an_unencrypted_url_is_refused`), and one without a
///   host or with a user name or password (`an_unusable_url_is_refused`), before it resolves the
///   host name.
/// - MUST refuse an address that is not public, however the URL writes it
///   (`a_private_address_is_refused_in_every_notation`), and a host name that resolves to at least
///   one such address (`a_name_with_a_private_address_is_refused`).
/// - MUST connect only to addresses that it has checked for this attempt: DNS may have changed
///   since the endpoint was registered (`a_name_that_changes_after_its_check_is_refused`,
///   `a_name_is_resolved_once_for_each_connection`).
/// - MUST return `Unresolved` from `check` for a host name without addresses, also if the resolver
///   does not respond (`a_name_without_addresses_is_unresolved`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Checks whether events can be sent to this URL, by its text and by what its host name
    /// resolves to now. Sends nothing.
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefusal>;

    /// Makes one attempt. The signature has the time `now`.
    async fn send(&self, delivery: &DueDelivery, now: Timestamp) -> SendOutcome;

    /// Sends a test event. The signature has the time `now`.
    async fn send_test(&self, event: &TestEvent, now: Timestamp) -> SendOutcome;
}

/// Why events cannot be sent to a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// It has no valid host, or it contains a user name or password.
    #[error("has no valid host, or has a user name or password")]
    Unusable,
    /// Its scheme is not `https`.
    #[error("must be https")]
    NotEncrypted,
    /// Its host name has no address, or the resolver does not respond.
    #[error("has a host name that cannot be resolved")]
    Unresolved,
    /// Its host is, or resolves to, an address that is not public.
    #[error("leads to an address that is not public")]
    ForbiddenAddress,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// The receiver responded with a 2xx status.
    Accepted,
    /// The attempt failed.
    Failed {
        /// Why it failed.
        failure: DeliveryFailure,
        /// The pause that the receiver asked for, from now.
        retry_after: Option<Duration>,
    },
}
