use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CalleeFilter, ChangeOfRecord, ConsentId, ConsentRecord, OrganizationId};

/// The permissions that organizations have on record.
///
/// - MUST list an added consent with every field (`an_added_consent_is_listed_whole`), the newest
///   first, by number or contact and by page (`consents_are_filtered_and_paged`), for one
///   organization only (`another_tenants_consents_are_absent`).
/// - MUST keep one consent of the same number, contact, kind and time at which it was given, however
///   often and concurrently it is added, and return that one unchanged
///   (`a_consent_added_again_is_one`).
/// - MUST return a consent for its number and its contact in the next
///   [`resolve`](super::OutboundDirectory::resolve) of the same store, also after its revocation
///   (`an_added_consent_counts_for_the_next_call`).
/// - MUST revoke a consent once: a second revocation changes nothing
///   (`a_consent_is_revoked_once`). MUST NOT revoke one of another organization
///   (`another_tenants_consent_is_not_revoked`).
/// - MUST write what it changed into the audit with the same commit, without personal data, and
///   nothing else: [`ConsentAdded`](crate::AuditAction::ConsentAdded) and
///   [`ConsentRevoked`](crate::AuditAction::ConsentRevoked) (`changes_of_consents_are_audited`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`lost_consents_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Consents: Send + Sync {
    /// Stores a consent, and returns it as it is stored: the earlier one if there is one.
    async fn add_consent(&self, consent: &ConsentRecord) -> Result<ConsentRecord, PortUnavailable>;

    /// Lists the consents of an organization, newest first, also those that were revoked or have
    /// ended.
    async fn list_consents(
        &self,
        organization_id: &OrganizationId,
        filter: &CalleeFilter<ConsentId>,
    ) -> Result<Vec<ConsentRecord>, PortUnavailable>;

    /// Revokes a consent, and returns it as it is now. `None`: the organization has none with this
    /// id.
    async fn revoke_consent(
        &self,
        organization_id: &OrganizationId,
        id: &ConsentId,
        change: &ChangeOfRecord,
    ) -> Result<Option<ConsentRecord>, PortUnavailable>;
}
