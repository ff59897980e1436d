//! Whose secret verifies a request of the voice provider, and so whose calls the request may be about.

use std::sync::Arc;

use crate::ports::{PortUnavailable, ProviderWebhook, Unverified, VendorAccounts, WebhookCredentials};
use crate::{OrganizationId, Timestamp};

/// Finds what verifies a request: the secrets of the gateway, or those of one organization.
///
/// The organization never comes from the body, which is not verified yet. It is in the path, or the
/// bearer token of the request is its tool secret.
#[derive(Clone)]
pub(super) struct RequestSources {
    pub(super) gateway: Arc<dyn ProviderWebhook>,
    pub(super) accounts: Option<Arc<dyn VendorAccounts>>,
}

/// What verifies a request, and whose calls it may be about.
#[derive(Clone)]
pub struct RequestSource {
    pub(super) webhook: Arc<dyn ProviderWebhook>,
    /// `None` for the secrets of the gateway: then it may be about every call.
    pub(super) organization_id: Option<OrganizationId>,
}

/// Why no source was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSource {
    /// No secret verifies the request.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// The secrets of organizations could not be read.
    #[error(transparent)]
    Unavailable(#[from] PortUnavailable),
}

impl RequestSources {
    /// The source of a request to the path of this organization, or to the path for all.
    pub(super) async fn of(
        &self,
        organization_id: Option<&OrganizationId>,
        credentials: &WebhookCredentials,
    ) -> Result<RequestSource, NoSource> {
        let accounts = self.accounts.as_deref();
        let gateway = || RequestSource { webhook: Arc::clone(&self.gateway), organization_id: None };
        let organization_id = match (organization_id, accounts) {
            (None, None) => return Ok(gateway()),
            // The gateway's own token needs no look at those of organizations.
            (None, Some(_)) if self.gateway.verify_question(credentials).is_ok() => return Ok(gateway()),
            (None, Some(accounts)) => match accounts.organization_of(credentials).await? {
                Some(organization_id) => organization_id,
                None => return Ok(gateway()),
            },
            (Some(organization_id), _) => organization_id.clone(),
        };
        let webhook = match accounts {
            Some(accounts) => accounts.webhook(&organization_id).await?,
            None => None,
        };
        let webhook = webhook.ok_or(Unverified)?;
        Ok(RequestSource { webhook, organization_id: Some(organization_id) })
    }
}

impl RequestSource {
    pub(super) fn check_headers(
        &self,
        credentials: &WebhookCredentials,
        now: Timestamp,
    ) -> Result<(), Unverified> {
        self.webhook.check_headers(credentials, now)
    }
}
