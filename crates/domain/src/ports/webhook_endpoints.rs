use async_trait::async_trait;

use super::PortUnavailable;
use crate::{EndpointChange, OrganizationId, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret};

/// The URLs that organizations registered for their call events.
///
/// - MUST list registered endpoints with every field, oldest first
///   (`a_registered_endpoint_is_listed_whole`), for one organization only
///   (`another_tenants_endpoints_are_absent`).
/// - MUST refuse an endpoint beyond the limit, also when many are registered at the same time
///   (`an_organization_has_so_many_endpoints`).
/// - MUST refuse a URL that another endpoint of the organization has, also when it is registered
///   several times at the same time (`a_url_is_registered_once`).
/// - MUST change what a change names and nothing else, and return the whole endpoint
///   (`a_change_changes_what_it_names`). MUST NOT give an endpoint the URL of another one of its
///   organization (`a_url_of_another_endpoint_is_taken`).
/// - MUST remove an endpoint and deliver nothing more to it (`a_removed_endpoint_gets_nothing`).
/// - MUST replace a secret and keep the previous one until its expiry
///   (`a_replaced_secret_is_kept_for_a_while`).
/// - MUST NOT remove or change another organization's endpoint
///   (`another_tenants_endpoint_is_left_alone`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`lost_endpoints_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait WebhookEndpoints: Send + Sync {
    /// Stores an endpoint, unless its organization has another one with this URL, or `max` of them.
    async fn register(
        &self,
        endpoint: &WebhookEndpoint,
        max: u32,
    ) -> Result<RegistrationResult, PortUnavailable>;

    /// Lists the organization's endpoints, oldest first.
    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable>;

    /// Changes the organization's endpoint with this id.
    async fn change(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        change: &EndpointChange,
    ) -> Result<ChangeResult, PortUnavailable>;

    /// Removes the organization's endpoint with this id and its queued deliveries. Returns whether
    /// it existed.
    async fn remove(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable>;

    /// Replaces the secret of the organization's endpoint. The previous one signs too, until
    /// `previous_until`. Returns whether the endpoint existed.
    async fn replace_secret(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        secret: &WebhookSecret,
        previous_until: Timestamp,
    ) -> Result<bool, PortUnavailable>;
}

/// The result of registering an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationResult {
    /// It is stored.
    Registered,
    /// The organization has an endpoint with this URL.
    UrlTaken,
    /// The organization has the maximum number of endpoints.
    TooMany,
}

/// The result of changing an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeResult {
    /// It is changed, and now this.
    Changed(WebhookEndpoint),
    /// The organization has no such endpoint.
    NotFound,
    /// Another endpoint of the organization has this URL.
    UrlTaken,
}
