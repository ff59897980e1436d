use std::sync::Arc;

use async_trait::async_trait;

use super::{PortUnavailable, ProviderWebhook, TrunkDirectory, VoiceWorkspace, WebhookCredentials};
use crate::{AccountText, OrganizationId, VendorSecret};

/// The accounts that organizations have of their own at the vendors, as this process uses them. What it
/// returns may be as old as its documentation says: none of it decides which calls are duplicates, whose
/// a record is, or who may be called.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait VendorAccounts: Send + Sync {
    /// Refuses if the stored credentials of the organization cannot be used: its calls must not be placed
    /// with the account of another.
    async fn check(&self, organization_id: &OrganizationId) -> Result<(), PortUnavailable>;

    /// What verifies the requests of this organization's voice provider. `None` without secrets of its
    /// own.
    async fn webhook(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<Arc<dyn ProviderWebhook>>, PortUnavailable>;

    /// The organization whose tool secret is the bearer token of a request.
    async fn organization_of(
        &self,
        credentials: &WebhookCredentials,
    ) -> Result<Option<OrganizationId>, PortUnavailable>;

    /// Reads what is stored, so that this process uses it from now on.
    async fn reload(&self) -> Result<(), PortUnavailable>;
}

/// Opens the accounts of given keys, to find out whether the vendors accept these.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait VendorAccess: Send + Sync {
    /// The voice provider's workspace of this API key.
    fn workspace(&self, api_key: &VendorSecret) -> Result<Arc<dyn VoiceWorkspace>, UnusableAccount>;

    /// The carrier's trunk of this account.
    fn trunk(&self, account: &CarrierAccount) -> Result<Arc<dyn TrunkDirectory>, UnusableAccount>;
}

/// A key or an id that no vendor can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no vendor can have such an account")]
pub struct UnusableAccount;

/// A carrier's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierAccount {
    /// The project.
    pub project_id: AccountText,
    /// The id of an access key.
    pub key_id: VendorSecret,
    /// Its secret.
    pub key_secret: VendorSecret,
    /// The trunk.
    pub trunk_id: AccountText,
}
