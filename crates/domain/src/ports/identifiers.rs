use crate::{
    CallId, ConsentId, ContactId, OwnerToken, SuppressionId, VendorSecret, WebhookEndpointId, WebhookSecret,
};

/// Makes new identifiers: the domain's only source of randomness.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Identifiers: Send + Sync {
    /// An id for a call that is about to be booked.
    fn call_id(&self) -> CallId;

    /// An id for a contact that may have to be created.
    fn contact_id(&self) -> ContactId;

    /// 128 bits from the operating system's generator, which prove the ownership of one lock and
    /// one reservation.
    fn owner_token(&self) -> OwnerToken;

    /// An id for an endpoint that is about to be registered.
    fn webhook_endpoint_id(&self) -> WebhookEndpointId;

    /// An id for an opt-out that is about to be stored.
    fn suppression_id(&self) -> SuppressionId;

    /// An id for a consent that is about to be stored.
    fn consent_id(&self) -> ConsentId;

    /// 256 bits from the operating system's generator.
    fn webhook_secret(&self) -> WebhookSecret;

    /// 256 bits from the operating system's generator.
    fn tool_secret(&self) -> VendorSecret;
}
