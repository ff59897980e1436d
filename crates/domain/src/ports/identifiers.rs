use crate::{CallId, ContactId, OwnerToken, WebhookEndpointId, WebhookSecret};

/// Fresh identifiers: the only source of chance that the domain has.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Identifiers: Send + Sync {
    /// An id for a call that is about to be booked.
    fn call_id(&self) -> CallId;

    /// An id for a contact, should one have to be made.
    fn contact_id(&self) -> ContactId;

    /// 128 bits from the operating system's generator: the proof of owning one lock and one guard.
    fn owner_token(&self) -> OwnerToken;

    /// An id for an endpoint that is about to be registered.
    fn webhook_endpoint_id(&self) -> WebhookEndpointId;

    /// A secret of 256 bits from the operating system's generator.
    fn webhook_secret(&self) -> WebhookSecret;
}
