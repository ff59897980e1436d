use async_trait::async_trait;
use domain::ports::{ChangeResult, PortUnavailable, RegistrationResult, WebhookEndpoints};
use domain::{
    CallEventKind, EndpointChange, OrganizationId, Timestamp, WebhookEndpoint, WebhookEndpointId,
    WebhookSecret, WebhookUrl,
};
use testkit::fixtures;

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    fn stored_endpoint(&self, id: &WebhookEndpointId) -> Option<WebhookEndpoint> {
        self.memory.tables().endpoints.iter().find(|stored| stored.id == *id).cloned()
    }

    pub(super) fn change_endpoint(&self, id: &WebhookEndpointId, change: impl FnMut(&mut WebhookEndpoint)) {
        let mut tables = self.memory.tables();
        tables.endpoints.iter_mut().filter(|stored| stored.id == *id).for_each(change);
    }

    /// The organization of a request, or the endpoint's own where the tenant is forgotten.
    fn tenant(&self, organization_id: &OrganizationId, id: &WebhookEndpointId) -> OrganizationId {
        match self.stored_endpoint(id) {
            Some(stored) if self.has(Flaw::ForgetsTheTenant) => stored.organization_id,
            _ => organization_id.clone(),
        }
    }
}

#[async_trait]
impl WebhookEndpoints for BrokenStore {
    async fn register(
        &self,
        endpoint: &WebhookEndpoint,
        most: u32,
    ) -> Result<RegistrationResult, PortUnavailable> {
        self.reach(endpoint.url.as_str()).await?;
        let mut endpoint = endpoint.clone();
        match self.flaw {
            Flaw::RegistersForEveryKind => endpoint.kinds = CallEventKind::ALL.to_vec(),
            Flaw::CountsBeforeItRegisters => {
                let stored = WebhookEndpoints::list(&self.memory, &endpoint.organization_id).await?.len();
                tokio::task::yield_now().await;
                let most = if stored < most as usize { u32::MAX } else { most };
                return self.memory.register(&endpoint, most).await;
            }
            Flaw::RegistersAUrlTwice => {
                let url = endpoint.url.clone();
                endpoint.url = fixtures::webhook_endpoint(&endpoint.organization_id).url;
                let registered = self.memory.register(&endpoint, most).await;
                self.change_endpoint(&endpoint.id, |stored| stored.url = url.clone());
                return registered;
            }
            _ => {}
        }
        self.memory.register(&endpoint, most).await
    }

    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable> {
        self.reach(organization_id.as_str()).await?;
        let mut listed = match self.flaw {
            Flaw::ForgetsTheTenant => self.memory.tables().endpoints.clone(),
            _ => WebhookEndpoints::list(&self.memory, organization_id).await?,
        };
        if self.has(Flaw::ListsEndpointsById) {
            listed.sort_by(|one, other| one.id.cmp(&other.id));
        }
        Ok(listed)
    }

    async fn change(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        change: &EndpointChange,
    ) -> Result<ChangeResult, PortUnavailable> {
        self.reach(change.url.as_ref().map(WebhookUrl::as_str).unwrap_or_default()).await?;
        let tenant = self.tenant(organization_id, id);
        match (self.flaw, &change.url) {
            (Flaw::ChangesTheUrlAlone, Some(url)) => {
                let change = EndpointChange { url: Some(url.clone()), ..EndpointChange::default() };
                self.memory.change(&tenant, id, &change).await
            }
            (Flaw::ForgetsTheUrlsOfOthers, Some(url)) => {
                self.change_endpoint(id, |stored| stored.url = url.clone());
                let change = EndpointChange { url: None, ..change.clone() };
                self.memory.change(&tenant, id, &change).await
            }
            _ => self.memory.change(&tenant, id, change).await,
        }
    }

    async fn remove(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        self.reach(id.as_str()).await?;
        let deliveries = self.memory.tables().deliveries.clone();
        let removed = self.memory.remove(&self.tenant(organization_id, id), id).await?;
        if self.has(Flaw::LeavesQueuedDeliveries) {
            self.memory.tables().deliveries = deliveries;
        }
        Ok(removed)
    }

    async fn replace_secret(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        secret: &WebhookSecret,
        previous_until: Timestamp,
    ) -> Result<bool, PortUnavailable> {
        self.reach(&String::from_utf8_lossy(secret.expose())).await?;
        let before = self.stored_endpoint(id).and_then(|stored| stored.previous_secret);
        let tenant = self.tenant(organization_id, id);
        let replaced = self.memory.replace_secret(&tenant, id, secret, previous_until).await?;
        if self.has(Flaw::KeepsTheFirstSecret) && before.is_some() {
            let mut tables = self.memory.tables();
            let stored = tables.endpoints.iter_mut().find(|stored| stored.id == *id);
            stored.into_iter().for_each(|stored| stored.previous_secret = before.clone());
        }
        Ok(replaced)
    }
}
