use async_trait::async_trait;

use super::PortUnavailable;
use crate::{OrganizationId, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret};

/// The URLs that organizations registered for their events.
///
/// - MUST list what was registered, every field, oldest first (`a_registered_endpoint_is_listed_whole`), of the organization
///   alone (`another_tenants_endpoints_are_absent`).
/// - MUST refuse one more than the bound, also when many are registered at once (`an_organization_has_so_many_endpoints`).
/// - MUST forget a removed endpoint, and deliver nothing to it any more (`a_removed_endpoint_gets_nothing`).
/// - MUST replace a secret and keep the one before it, until its time (`a_replaced_secret_is_kept_for_a_while`).
/// - MUST NOT remove or change another tenant's endpoint (`another_tenants_endpoint_is_left_alone`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`lost_endpoints_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait WebhookEndpoints: Send + Sync {
    /// Stores an endpoint, unless its organization has `most` of them.
    async fn register(
        &self,
        endpoint: &WebhookEndpoint,
        most: u32,
    ) -> Result<RegistrationResult, PortUnavailable>;

    /// The organization's endpoints, oldest first.
    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable>;

    /// Removes the organization's endpoint with this id, and what is queued for it; says whether there was one.
    async fn remove(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable>;

    /// Gives the organization's endpoint a new secret; the old one signs as well until then. Says whether there is one.
    async fn replace_secret(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        secret: &WebhookSecret,
        previous_until: Timestamp,
    ) -> Result<bool, PortUnavailable>;
}

/// What registering came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationResult {
    /// It is stored.
    Registered,
    /// The organization has as many as it may have.
    TooMany,
}
