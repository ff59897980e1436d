//! The accounts of organizations, for tests without a vendor.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{
    CredentialCipher, NoCredentialsKey, NotOpened, PortUnavailable, ProviderWebhook, VendorAccounts,
    WebhookCredentials,
};
use domain::{OrganizationId, SealedSecret, SecretKind, VendorSecret};

/// Organizations with webhooks of their own. The bearer token of each is its id.
#[derive(Clone, Default)]
pub struct OwnWebhooks(pub BTreeMap<OrganizationId, Arc<dyn ProviderWebhook>>);

#[async_trait]
impl VendorAccounts for OwnWebhooks {
    async fn check(&self, _: &OrganizationId) -> Result<(), PortUnavailable> {
        Ok(())
    }

    async fn webhook(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<Arc<dyn ProviderWebhook>>, PortUnavailable> {
        Ok(self.0.get(organization_id).cloned())
    }

    async fn organization_of(
        &self,
        credentials: &WebhookCredentials,
    ) -> Result<Option<OrganizationId>, PortUnavailable> {
        let named = credentials.bearer().and_then(|token| OrganizationId::parse(token).ok());
        Ok(named.filter(|organization_id| self.0.contains_key(organization_id)))
    }

    async fn reload(&self) -> Result<(), PortUnavailable> {
        Ok(())
    }
}

/// Seals by writing the place before the secret.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainCipher;

fn place(organization_id: &OrganizationId, kind: SecretKind) -> String {
    format!("{organization_id}/{}/", kind.as_str())
}

impl CredentialCipher for PlainCipher {
    fn seal(
        &self,
        organization_id: &OrganizationId,
        kind: SecretKind,
        secret: &VendorSecret,
    ) -> Result<SealedSecret, NoCredentialsKey> {
        Ok(SealedSecret::new(&format!("{}{}", place(organization_id, kind), secret.expose())))
    }

    fn open(
        &self,
        organization_id: &OrganizationId,
        kind: SecretKind,
        sealed: &SealedSecret,
    ) -> Result<VendorSecret, NotOpened> {
        let text = sealed.as_str().strip_prefix(&place(organization_id, kind)).ok_or(NotOpened::Changed)?;
        VendorSecret::parse(text).map_err(|_| NotOpened::Changed)
    }

    fn is_current(&self, _: &SealedSecret) -> bool {
        true
    }
}
