//! Webhook endpoints that are kept in memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::ports::{
    AttemptConclusion, DeliveryLease, DeliveryListQuery, DeliveryQueue, MockIdentifiers, PortUnavailable,
    RegistrationResult, ReplayQuery, SendOutcome, UrlRefusal, WebhookEndpoints, WebhookSender,
};
use domain::{
    DeliveryRecord, DueDelivery, OrganizationId, Timestamp, WebhookEndpoint, WebhookEndpointId,
    WebhookRegistry, WebhookRegistryPorts, WebhookSecret, WebhookUrl,
};

use crate::books::Books;
use crate::world::StillClock;

/// What is registered and queued, and what was asked.
#[derive(Clone, Default)]
pub(crate) struct Endpoints {
    pub(crate) registered: Arc<Mutex<Vec<WebhookEndpoint>>>,
    pub(crate) deliveries: Vec<DeliveryRecord>,
    pub(crate) listed: Arc<Mutex<Vec<DeliveryListQuery>>>,
    pub(crate) refusal: Option<UrlRefusal>,
    pub(crate) away: bool,
    /// Whether they break the process's own rules, as a bug would.
    pub(crate) broken: bool,
}

impl Endpoints {
    pub(crate) fn registry(&self, users: Arc<Books>) -> WebhookRegistry {
        let (mut identifiers, mut minted) = (MockIdentifiers::new(), 0);
        identifiers.expect_webhook_endpoint_id().returning(move || {
            minted += 1;
            WebhookEndpointId::parse(&format!("endpoint-{minted}")).expect("an id")
        });
        let mut secrets = 0;
        identifiers.expect_webhook_secret().returning(move || {
            secrets += 1;
            WebhookSecret::mint([secrets; 32])
        });
        WebhookRegistry::new(WebhookRegistryPorts {
            users,
            endpoints: Arc::new(self.clone()),
            queue: Arc::new(self.clone()),
            sender: Arc::new(self.clone()),
            identifiers: Arc::new(identifiers),
            clock: Arc::new(StillClock),
        })
    }

    pub(crate) fn registered(&self) -> Vec<WebhookEndpoint> {
        self.registered.lock().expect("no writer panics").clone()
    }

    fn there(&self) -> Result<(), PortUnavailable> {
        assert!(!self.broken, "a bug");
        if self.away { Err(PortUnavailable::new("postgres", "secret detail")) } else { Ok(()) }
    }
}

#[async_trait]
impl WebhookEndpoints for Endpoints {
    async fn register(
        &self,
        endpoint: &WebhookEndpoint,
        most: u32,
    ) -> Result<RegistrationResult, PortUnavailable> {
        self.there()?;
        let mut registered = self.registered.lock().expect("no writer panics");
        if registered.len() >= usize::try_from(most).expect("fits") {
            return Ok(RegistrationResult::TooMany);
        }
        registered.push(endpoint.clone());
        Ok(RegistrationResult::Registered)
    }

    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable> {
        self.there()?;
        let mut registered = self.registered();
        registered.retain(|endpoint| endpoint.organization_id == *organization_id);
        Ok(registered)
    }

    async fn remove(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        self.there()?;
        let mut registered = self.registered.lock().expect("no writer panics");
        let before = registered.len();
        registered.retain(|it| it.id != *id || it.organization_id != *organization_id);
        Ok(registered.len() < before)
    }

    async fn replace_secret(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        secret: &WebhookSecret,
        previous_until: Timestamp,
    ) -> Result<bool, PortUnavailable> {
        self.there()?;
        let mut registered = self.registered.lock().expect("no writer panics");
        let own = |it: &&mut WebhookEndpoint| it.id == *id && it.organization_id == *organization_id;
        let Some(endpoint) = registered.iter_mut().find(own) else { return Ok(false) };
        let previous = std::mem::replace(&mut endpoint.secret, secret.clone());
        endpoint.previous_secret = Some((previous, previous_until));
        Ok(true)
    }
}

#[async_trait]
impl DeliveryQueue for Endpoints {
    async fn lease(&self, _: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        unreachable!("a handler sends nothing")
    }

    async fn conclude(&self, _: &DueDelivery, _: AttemptConclusion) -> Result<(), PortUnavailable> {
        unreachable!("a handler sends nothing")
    }

    async fn expire(&self, _: std::time::Duration, _: u32) -> Result<u64, PortUnavailable> {
        unreachable!("a handler gives nothing up")
    }

    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable> {
        self.there()?;
        self.listed.lock().expect("no reader panics").push(query.clone());
        Ok(self.deliveries.iter().take(query.filter.limit.try_into().expect("fits")).cloned().collect())
    }

    async fn replay(&self, _: &ReplayQuery) -> Result<u64, PortUnavailable> {
        unreachable!("a handler replays nothing")
    }
}

#[async_trait]
impl WebhookSender for Endpoints {
    async fn check(&self, _: &WebhookUrl) -> Result<(), UrlRefusal> {
        self.refusal.map_or(Ok(()), Err)
    }

    async fn send(&self, _: &DueDelivery, _: Timestamp) -> SendOutcome {
        unreachable!("a handler sends nothing")
    }
}
