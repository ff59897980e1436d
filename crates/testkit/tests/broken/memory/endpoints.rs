use async_trait::async_trait;
use domain::ports::{PortUnavailable, RegistrationResult, WebhookEndpoints};
use domain::{CallEventKind, OrganizationId, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret};

use super::{Memory, lock};
use crate::flaw::Flaw;

impl Memory {
    fn is_it(
        &self,
        stored: &WebhookEndpoint,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> bool {
        stored.id == *id && self.is_of(&stored.organization_id, organization_id)
    }
}

#[async_trait]
impl WebhookEndpoints for Memory {
    async fn register(
        &self,
        endpoint: &WebhookEndpoint,
        most: u32,
    ) -> Result<RegistrationResult, PortUnavailable> {
        self.reach(endpoint.url.as_str()).await?;
        let has_room = |endpoints: &[WebhookEndpoint]| {
            let own = endpoints.iter().filter(|stored| stored.organization_id == endpoint.organization_id);
            own.count() < most as usize
        };
        let mut had_room = false;
        if self.has(Flaw::CountsBeforeItRegisters) {
            had_room = has_room(&lock(&self.store.announcements).endpoints);
            tokio::task::yield_now().await;
        }
        // Counted and stored under one lock.
        let mut announcements = lock(&self.store.announcements);
        if !had_room && !has_room(&announcements.endpoints) {
            return Ok(RegistrationResult::TooMany);
        }
        let mut endpoint = endpoint.clone();
        if self.has(Flaw::RegistersForEveryKind) {
            endpoint.kinds = CallEventKind::ALL.to_vec();
        }
        announcements.endpoints.push(endpoint);
        Ok(RegistrationResult::Registered)
    }

    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable> {
        self.reach(organization_id.as_str()).await?;
        let mut endpoints = lock(&self.store.announcements).endpoints.clone();
        endpoints.retain(|stored| self.is_of(&stored.organization_id, organization_id));
        if self.has(Flaw::ListsEndpointsById) {
            endpoints.sort_by(|one, other| one.id.cmp(&other.id));
        }
        Ok(endpoints)
    }

    async fn remove(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        self.reach(id.as_str()).await?;
        let mut announcements = lock(&self.store.announcements);
        let before = announcements.endpoints.len();
        announcements.endpoints.retain(|stored| !self.is_it(stored, organization_id, id));
        let removed = announcements.endpoints.len() < before;
        if removed && !self.has(Flaw::LeavesWhatIsQueued) {
            announcements.deliveries.retain(|delivery| delivery.endpoint_id != *id);
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
        let mut announcements = lock(&self.store.announcements);
        let mut stored = announcements.endpoints.iter_mut();
        let Some(endpoint) = stored.find(|stored| self.is_it(stored, organization_id, id)) else {
            return Ok(false);
        };
        let before = std::mem::replace(&mut endpoint.secret, secret.clone());
        let keeps_the_first = self.has(Flaw::KeepsTheFirstSecret) && endpoint.previous_secret.is_some();
        if !keeps_the_first {
            endpoint.previous_secret = Some((before, previous_until));
        }
        Ok(true)
    }
}
