use async_trait::async_trait;
use domain::ports::{ChangeResult, PortUnavailable, RegistrationResult, WebhookEndpoints};
use domain::{
    EndpointChange, OrganizationId, Sending, Timestamp, WebhookEndpoint, WebhookEndpointId, WebhookSecret,
};

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
        if tables.endpoints.iter().filter(of_organization).any(|stored| stored.url == endpoint.url) {
            return Ok(RegistrationResult::UrlTaken);
        }
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

    async fn change(
        &self,
        organization_id: &OrganizationId,
        id: &WebhookEndpointId,
        change: &EndpointChange,
    ) -> Result<ChangeResult, PortUnavailable> {
        let mut tables = self.open()?;
        let has_the_url = |stored: &WebhookEndpoint| {
            stored.organization_id == *organization_id
                && stored.id != *id
                && change.url.as_ref() == Some(&stored.url)
        };
        let is_taken = tables.endpoints.iter().any(has_the_url);
        let is_it =
            |stored: &&mut WebhookEndpoint| stored.id == *id && stored.organization_id == *organization_id;
        let Some(endpoint) = tables.endpoints.iter_mut().find(is_it) else {
            return Ok(ChangeResult::NotFound);
        };
        if is_taken {
            return Ok(ChangeResult::UrlTaken);
        }
        let EndpointChange { url, kinds, sending } = change.clone();
        endpoint.url = url.unwrap_or_else(|| endpoint.url.clone());
        endpoint.kinds = kinds.unwrap_or_else(|| endpoint.kinds.clone());
        endpoint.suspension = match sending {
            None => endpoint.suspension,
            Some(Sending::Active) => None,
            Some(Sending::Suspended(suspension)) => Some(suspension),
        };
        Ok(ChangeResult::Changed(endpoint.clone()))
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
