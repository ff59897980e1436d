use async_trait::async_trait;

use super::PortUnavailable;
use crate::{OrganizationId, StoredCredentials, Timestamp, UserId, VendorCredentials};

/// What organizations stored of their own accounts at the vendors. The store gets every secret sealed,
/// and cannot open it.
///
/// - MUST return stored credentials with every field and their revision
///   (`stored_credentials_are_returned_whole`), and `None` for an organization that stored none,
///   whatever others stored (`another_tenants_credentials_are_absent`).
/// - MUST store credentials if the stored revision is the expected one, and otherwise nothing
///   (`credentials_of_another_revision_are_left_alone`), also when many are stored at the same time
///   (`one_of_many_changes_of_credentials_is_stored`).
/// - MUST count revisions up by one with each change
///   (`each_change_of_credentials_has_the_next_revision`).
/// - MUST write an audit record with each change, in the same step, and none without one. Its action is
///   [`VendorCredentialsChanged`](crate::AuditAction::VendorCredentialsChanged); its detail is an object
///   with the `revision` and the names of what `changed`, and no value
///   (`each_change_of_credentials_is_audited_without_values`).
/// - MUST list the credentials of all organizations in the byte order of the organizations' ids, at most
///   `limit`, those after `after` (`credentials_of_every_tenant_are_listed_in_pages`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`lost_credentials_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// Finds what an organization stored.
    async fn credentials(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<StoredCredentials>, PortUnavailable>;

    /// Stores the whole credentials of an organization.
    async fn put_credentials(
        &self,
        change: &CredentialsChange,
    ) -> Result<PutCredentialsResult, PortUnavailable>;

    /// Lists what all organizations stored. It is for the process itself, never for a client.
    async fn list_credentials(
        &self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<StoredCredentials>, PortUnavailable>;
}

/// New credentials, and what they replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsChange {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The new credentials.
    pub credentials: VendorCredentials,
    /// The revision that they replace; 0 if none is stored.
    pub expected_revision: u64,
    /// The names of what changes, for the audit.
    pub changed: Vec<&'static str>,
    /// Who changes them; `None` for the operator.
    pub user_id: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

/// The result of storing credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutCredentialsResult {
    /// They are stored, with the next revision.
    Stored,
    /// The stored credentials have another revision than the expected one. Nothing was changed.
    OtherRevision,
}
