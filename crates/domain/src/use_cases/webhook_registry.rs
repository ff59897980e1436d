//! Registering URLs for call events.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{
    Clock, DeliveryListQuery, DeliveryQueue, Identifiers, PortUnavailable, RegistrationResult, UrlRefusal,
    UserRepo, WebhookEndpoints, WebhookSender,
};
use crate::{
    CallEventKind, DeliveryFilter, DeliveryRecord, OrganizationId, UserId, WebhookEndpoint,
    WebhookEndpointId, WebhookSecret, WebhookUrl,
};

/// Registers, lists and removes the webhook endpoints of a user's organization.
pub struct WebhookRegistry {
    ports: WebhookRegistryPorts,
}

/// The ports that the registry needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct WebhookRegistryPorts {
    pub users: Arc<dyn UserRepo>,
    pub endpoints: Arc<dyn WebhookEndpoints>,
    pub queue: Arc<dyn DeliveryQueue>,
    pub sender: Arc<dyn WebhookSender>,
    pub identifiers: Arc<dyn Identifiers>,
    pub clock: Arc<dyn Clock>,
}

/// Why the registry refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRegistryError {
    /// The token names a user who does not exist.
    #[error("user not found")]
    UserNotFound,
    /// The organization has no such endpoint.
    #[error("Webhook endpoint not found")]
    EndpointNotFound,
    /// Events may not be sent to the URL.
    #[error("the URL {0}")]
    UrlRefused(UrlRefusal),
    /// The organization has as many endpoints as it may have.
    #[error("the organization already has {} webhook endpoints, the maximum", WebhookRegistry::MAX_ENDPOINTS)]
    /// The organization has the maximum number of endpoints.
    TooMany,
    /// A store is unavailable.
    #[error("the service is temporarily unavailable")]
    ServiceUnavailable(#[from] PortUnavailable),
}

impl WebhookRegistry {
    /// The maximum number of endpoints of an organization.
    pub const MAX_ENDPOINTS: u32 = 10;
    /// How long a replaced secret continues to sign: the time that receivers have to change theirs.
    pub const OLD_SECRET_FOR: Duration = Duration::from_hours(24);

    /// The use case on these ports.
    #[must_use]
    pub const fn new(ports: WebhookRegistryPorts) -> Self {
        Self { ports }
    }

    /// Registers a URL, with a new secret, for these kinds of events, or for every kind if none is
    /// named.
    pub async fn register(
        &self,
        user: &UserId,
        url: WebhookUrl,
        kinds: &[CallEventKind],
    ) -> Result<WebhookEndpoint, WebhookRegistryError> {
        let organization_id = self.organization_of(user).await?;
        self.ports.sender.check(&url).await.map_err(WebhookRegistryError::UrlRefused)?;
        let wanted = |kind: &CallEventKind| kinds.is_empty() || kinds.contains(kind);
        let endpoint = WebhookEndpoint {
            id: self.ports.identifiers.webhook_endpoint_id(),
            organization_id,
            url,
            kinds: CallEventKind::ALL.into_iter().filter(wanted).collect(),
            secret: self.ports.identifiers.webhook_secret(),
            previous_secret: None,
            created_at: self.ports.clock.now(),
        };
        match self.ports.endpoints.register(&endpoint, Self::MAX_ENDPOINTS).await? {
            RegistrationResult::Registered => Ok(endpoint),
            RegistrationResult::TooMany => Err(WebhookRegistryError::TooMany),
        }
    }

    /// Lists the organization's endpoints, oldest first.
    pub async fn list(&self, user: &UserId) -> Result<Vec<WebhookEndpoint>, WebhookRegistryError> {
        let organization_id = self.organization_of(user).await?;
        Ok(self.ports.endpoints.list(&organization_id).await?)
    }

    /// Removes an endpoint and its queued deliveries.
    pub async fn remove(&self, user: &UserId, id: &WebhookEndpointId) -> Result<(), WebhookRegistryError> {
        let organization_id = self.organization_of(user).await?;
        let removed = self.ports.endpoints.remove(&organization_id, id).await?;
        if removed { Ok(()) } else { Err(WebhookRegistryError::EndpointNotFound) }
    }

    /// Replaces an endpoint's secret and returns the new one. The old one continues to sign for
    /// [`WebhookRegistry::OLD_SECRET_FOR`].
    pub async fn replace_secret(
        &self,
        user: &UserId,
        id: &WebhookEndpointId,
    ) -> Result<WebhookSecret, WebhookRegistryError> {
        let organization_id = self.organization_of(user).await?;
        let secret = self.ports.identifiers.webhook_secret();
        let until = self.ports.clock.now().after(Self::OLD_SECRET_FOR);
        let replaced = self.ports.endpoints.replace_secret(&organization_id, id, &secret, until).await?;
        if replaced { Ok(secret) } else { Err(WebhookRegistryError::EndpointNotFound) }
    }

    /// Lists the deliveries to one endpoint, newest event first.
    pub async fn deliveries(
        &self,
        user: &UserId,
        endpoint_id: &WebhookEndpointId,
        filter: DeliveryFilter,
    ) -> Result<Vec<DeliveryRecord>, WebhookRegistryError> {
        let organization_id = self.organization_of(user).await?;
        let endpoints = self.ports.endpoints.list(&organization_id).await?;
        if !endpoints.iter().any(|endpoint| endpoint.id == *endpoint_id) {
            return Err(WebhookRegistryError::EndpointNotFound);
        }
        let filter = DeliveryFilter {
            endpoint_id: Some(endpoint_id.clone()),
            limit: filter.limit.clamp(1, DeliveryFilter::MAX_LIMIT),
            ..filter
        };
        Ok(self.ports.queue.list(&DeliveryListQuery { organization_id, filter }).await?)
    }

    async fn organization_of(&self, user: &UserId) -> Result<OrganizationId, WebhookRegistryError> {
        let user = self.ports.users.find(user).await?.ok_or(WebhookRegistryError::UserNotFound)?;
        Ok(user.organization.id)
    }
}
