use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CalleeFilter, ChangeOfRecord, OrganizationId, Suppression, SuppressionId};

/// The opt-outs of organizations. Nothing of them is cached: a call is refused from the moment at
/// which `add_suppression` returns, in every process.
///
/// - MUST list an added suppression with every field (`an_added_suppression_is_listed_whole`), the
///   newest first, by number or contact and by page (`suppressions_are_filtered_and_paged`), for one
///   organization, or those without one (`another_tenants_suppressions_are_absent`).
/// - MUST keep one suppression of the same number, contact and conversation of an organization,
///   however often and concurrently it is added, and return that one. Its end is the later one
///   (`a_suppression_added_again_is_one`). MUST keep each one that names none of these
///   (`suppressions_of_no_one_are_all_kept`).
/// - MUST suppress its number and its contact for the next
///   [`resolve`](super::OutboundDirectory::resolve) of the same store: of its organization, or of
///   every organization if it has none (`an_added_suppression_counts_for_the_next_call`), until it
///   ends or is removed (`a_suppression_counts_until_its_end`).
/// - MUST remove a suppression of the organization that is named, and no other one
///   (`another_tenants_suppression_is_not_removed`).
/// - MUST write what it changed into the audit with the same commit, without personal data, and
///   nothing else: [`SuppressionAdded`](crate::AuditAction::SuppressionAdded) for a new one and for a
///   later end, and [`SuppressionRemoved`](crate::AuditAction::SuppressionRemoved). A suppression
///   without an organization has no audit (`changes_of_suppressions_are_audited`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`lost_suppressions_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Suppressions: Send + Sync {
    /// Stores a suppression, and returns it as it is stored: under the id of an earlier one if there
    /// is one.
    async fn add_suppression(&self, suppression: &Suppression) -> Result<Suppression, PortUnavailable>;

    /// Lists the suppressions of an organization, or those without one, newest first. Also those
    /// that have ended.
    async fn list_suppressions<'a>(
        &self,
        organization_id: Option<&'a OrganizationId>,
        filter: &CalleeFilter<SuppressionId>,
    ) -> Result<Vec<Suppression>, PortUnavailable>;

    /// Removes a suppression of an organization, or one without an organization. Returns whether it
    /// existed.
    async fn remove_suppression<'a>(
        &self,
        organization_id: Option<&'a OrganizationId>,
        id: &SuppressionId,
        change: &ChangeOfRecord,
    ) -> Result<bool, PortUnavailable>;
}
