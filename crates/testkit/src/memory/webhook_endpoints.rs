use async_trait::async_trait;
use domain::ports::{PortUnavailable, RegistrationResult, WebhookEndpoints};
use domain::{OrganizationId, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret};

use super::Memory;

#[async_trait]
impl WebhookEndpoints for Memory {
    async fn register(
        &self,
        endpoint: &WebhookEndpoint,
        most: u32,
    ) -> Result<RegistrationResult, PortUnavailable> {
        let mut tables = self.open()?;
        let of_organization = |stored: &&WebhookEndpoint| stored.organization_id == endpoint.organization_id;
        if tables.endpoints.iter().filter(of_organization).count() >= most as usize {
            return Ok(RegistrationResult::TooMany);
        }
        tables.endpoints.push(endpoint.clone());
        Ok(RegistrationResult::Registered)
    }

    async fn list(&self, organization_id: &OrganizationId) -> Result<Vec<WebhookEndpoint>, PortUnavailable> {
        let mut endpoints = self.open()?.endpoints.clone();
        endpoints.retain(|stored| stored.organization_id == *organization_id);
        Ok(endpoints)
    }

    async fn remove(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
    ) -> Result<bool, PortUnavailable> {
        let mut tables = self.open()?;
        let is_it = |stored: &WebhookEndpoint| stored.id == *id && stored.organization_id == *organization_id;
        let Some(index) = tables.endpoints.iter().position(is_it) else { return Ok(false) };
        tables.endpoints.remove(index);
        tables.deliveries.retain(|delivery| delivery.endpoint_id != *id);
        Ok(true)
    }

    async fn replace_secret(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        secret: &WebhookSecret,
        previous_until: Timestamp,
    ) -> Result<bool, PortUnavailable> {
        let mut tables = self.open()?;
        let is_it =
            |stored: &&mut WebhookEndpoint| stored.id == *id && stored.organization_id == *organization_id;
        let Some(endpoint) = tables.endpoints.iter_mut().find(is_it) else { return Ok(false) };
        let previous = std::mem::replace(&mut endpoint.secret, secret.clone());
        endpoint.previous_secret = Some((previous, previous_until));
        Ok(true)
    }
}
