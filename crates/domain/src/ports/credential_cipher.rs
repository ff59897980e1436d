use crate::{OrganizationId, SealedSecret, SecretKind, VendorSecret};

/// Seals secrets for the store, and opens them. A sealed secret belongs to its organization and its
/// kind: moved to another row or field, it does not open.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait CredentialCipher: Send + Sync {
    /// Seals with the first key.
    fn seal(
        &self,
        organization_id: &OrganizationId,
        kind: SecretKind,
        secret: &VendorSecret,
    ) -> Result<SealedSecret, NoCredentialsKey>;

    /// Opens with the key that the sealed secret names.
    fn open(
        &self,
        organization_id: &OrganizationId,
        kind: SecretKind,
        sealed: &SealedSecret,
    ) -> Result<VendorSecret, NotOpened>;

    /// Whether it was sealed with the first key.
    fn is_current(&self, sealed: &SealedSecret) -> bool;
}

/// No key is configured with which secrets could be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no key is configured for stored credentials")]
pub struct NoCredentialsKey;

/// Why a sealed secret does not open, by what the operator does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// The key that sealed it is not configured.
    #[error("the key that sealed it is not configured")]
    KeyMissing,
    /// It was changed, or belongs to another organization or field.
    #[error("it was changed, or belongs to another organization or field")]
    Changed,
}
