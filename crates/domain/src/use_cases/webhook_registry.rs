//! Registering URLs for call events.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use crate::ports::{
    ChangeResult, Clock, DeliveryListQuery, DeliveryQueue, Identifiers, PortUnavailable, RegistrationResult,
    ReplayQuery, SendOutcome, UrlRefusal, UserRepo, WebhookEndpoints, WebhookSender,
};
use crate::{
    CallEventKind, DeliveryFilter, DeliveryRecord, EndpointChange, EndpointSuspension, OrganizationId,
    Sending, SuspensionReason, TestEvent, UserId, WebhookEndpoint, WebhookEndpointId, WebhookSecret,
    WebhookUrl,
};

/// Registers, lists, changes, tests and removes the webhook endpoints of a user's organization.
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
    /// The organization has an endpoint with this URL. Each event would be sent to it twice.
    #[error("the organization already has a webhook endpoint with this URL")]
    UrlTaken,
    /// The organization has the maximum number of endpoints.
    #[error("the organization already has {} webhook endpoints, the maximum", WebhookRegistry::MAX_ENDPOINTS)]
    TooMany,
    /// A store is unavailable.
    #[error("the service is temporarily unavailable")]
    ServiceUnavailable(#[from] PortUnavailable),
}

/// What a client changes at an endpoint. Whatever is `None` stays the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeEndpoint {
    /// The new URL.
    pub url: Option<WebhookUrl>,
    /// The new kinds of events; every kind if none is named.
    pub kinds: Option<Vec<CallEventKind>>,
    /// Whether events are sent from now on.
    pub active: Option<bool>,
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
        let url = self.checked(&url).await?;
        let endpoint = WebhookEndpoint {
            id: self.ports.identifiers.webhook_endpoint_id(),
            organization_id,
            url,
            kinds: wanted(kinds),
            secret: self.ports.identifiers.webhook_secret(),
            previous_secret: None,
            suspension: None,
            created_at: self.ports.clock.now(),
        };
        match self.ports.endpoints.register(&endpoint, Self::MAX_ENDPOINTS).await? {
            RegistrationResult::Registered => Ok(endpoint),
            RegistrationResult::UrlTaken => Err(WebhookRegistryError::UrlTaken),
            RegistrationResult::TooMany => Err(WebhookRegistryError::TooMany),
        }
    }

    /// Changes an endpoint. Events that are queued for it are sent to a new URL too.
    ///
    /// An endpoint that becomes active gets its dead letters again. They are queued whatever its
    /// state was before, so that a request that is repeated after a failure completes the first one.
    pub async fn change(
        &self,
        user: &UserId,
        id: &WebhookEndpointId,
        request: ChangeEndpoint,
    ) -> Result<WebhookEndpoint, WebhookRegistryError> {
        let organization_id = self.organization_of(user).await?;
        let ChangeEndpoint { url, kinds, active } = request;
        let url = match url {
            Some(url) => Some(self.checked(&url).await?),
            None => None,
        };
        let paused =
            || EndpointSuspension { reason: SuspensionReason::Paused, since: self.ports.clock.now() };
        let sending =
            active.map(|active| if active { Sending::Active } else { Sending::Suspended(paused()) });
        let change = EndpointChange { url, kinds: kinds.map(|kinds| wanted(&kinds)), sending };
        let endpoint = match self.ports.endpoints.change(&organization_id, id, &change).await? {
            ChangeResult::Changed(endpoint) => endpoint,
            ChangeResult::NotFound => return Err(WebhookRegistryError::EndpointNotFound),
            ChangeResult::UrlTaken => return Err(WebhookRegistryError::UrlTaken),
        };
        if sending == Some(Sending::Active) {
            let dead = ReplayQuery {
                organization_id: Some(organization_id),
                endpoint_id: Some(id.clone()),
                ..ReplayQuery::default()
            };
            self.ports.queue.replay(&dead).await?;
        }
        Ok(endpoint)
    }

    /// Sends a test event to an endpoint, also while it is suspended, and returns what came of it.
    /// It is attempted once, and changes nothing at the endpoint.
    pub async fn test(
        &self,
        user: &UserId,
        id: &WebhookEndpointId,
    ) -> Result<SendOutcome, WebhookRegistryError> {
        let organization_id = self.organization_of(user).await?;
        let endpoint = self.endpoint(&organization_id, id).await?;
        let now = self.ports.clock.now();
        let previous = endpoint.previous_secret.filter(|(_, until)| *until > now);
        let event = TestEvent {
            id: format!("evt_test_{id}_{}", now.unix_millis()),
            endpoint_id: endpoint.id,
            organization_id,
            url: endpoint.url,
            secrets: iter::once(endpoint.secret).chain(previous.map(|(secret, _)| secret)).collect(),
        };
        Ok(self.ports.sender.send_test(&event, now).await)
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
        self.endpoint(&organization_id, endpoint_id).await?;
        let filter = DeliveryFilter {
            endpoint_id: Some(endpoint_id.clone()),
            limit: filter.limit.clamp(1, DeliveryFilter::MAX_LIMIT),
            ..filter
        };
        Ok(self.ports.queue.list(&DeliveryListQuery { organization_id, filter }).await?)
    }

    async fn endpoint(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<WebhookEndpoint, WebhookRegistryError> {
        let endpoints = self.ports.endpoints.list(organization_id).await?;
        let endpoint = endpoints.into_iter().find(|endpoint| endpoint.id == *id);
        endpoint.ok_or(WebhookRegistryError::EndpointNotFound)
    }

    /// The URL in its one spelling, if events may be sent to it.
    async fn checked(&self, url: &WebhookUrl) -> Result<WebhookUrl, WebhookRegistryError> {
        let url = url.canonical();
        self.ports.sender.check(&url).await.map_err(WebhookRegistryError::UrlRefused)?;
        Ok(url)
    }

    async fn organization_of(&self, user: &UserId) -> Result<OrganizationId, WebhookRegistryError> {
        let user = self.ports.users.find(user).await?.ok_or(WebhookRegistryError::UserNotFound)?;
        Ok(user.organization.id)
    }
}

/// These kinds, or every kind if none is named, each once and in their order.
fn wanted(kinds: &[CallEventKind]) -> Vec<CallEventKind> {
    let is_wanted = |kind: &CallEventKind| kinds.is_empty() || kinds.contains(kind);
    CallEventKind::ALL.into_iter().filter(is_wanted).collect()
}
