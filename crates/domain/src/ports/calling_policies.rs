use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallingPolicy, OrganizationId, Timestamp, UserId, VersionedPolicy};

/// The calling policies of organizations.
///
/// - MUST return a stored policy with every field, its revision, its user and its time
///   (`a_stored_policy_is_returned_whole`), and `None` for an organization that stored none, whatever
///   others stored (`another_tenants_policy_is_absent`).
/// - MUST store a policy if the stored revision is the expected one, and otherwise nothing
///   (`a_policy_of_another_revision_is_left_alone`), also when many are stored at the same time
///   (`one_of_many_changes_of_a_revision_is_stored`).
/// - MUST count revisions up by one with each change (`each_change_has_the_next_revision`).
/// - MUST write an audit record with each change, in the same step, and none without one
///   (`each_change_of_a_policy_is_audited`). Its action is
///   [`CallingPolicyChanged`](crate::AuditAction::CallingPolicyChanged); its detail is an object with
///   the `revision` and the `policy`.
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`lost_policies_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CallingPolicies: Send + Sync {
    /// Finds the policy of an organization.
    async fn find(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<VersionedPolicy>, PortUnavailable>;

    /// Stores the policy of an organization.
    async fn put(&self, change: &PolicyChange) -> Result<PutPolicyResult, PortUnavailable>;
}

/// A new policy, and what it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The new policy.
    pub policy: CallingPolicy,
    /// The revision that it replaces; 0 if none is stored.
    pub expected_revision: u64,
    /// Who changes it.
    pub user_id: UserId,
    /// When.
    pub at: Timestamp,
}

/// The result of storing a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutPolicyResult {
    /// It is stored, with the next revision.
    Stored,
    /// The stored policy has another revision than the expected one. Nothing was changed.
    OtherRevision,
}
