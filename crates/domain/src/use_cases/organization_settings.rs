//! What an organization decides about its calls, and the record of who changed it.

mod policy_faults;

use std::sync::Arc;

use crate::ports::{
    AuditLog, AuditQuery, CallingPolicies, CallingRules, Clock, PolicyChange, PortUnavailable,
    PutPolicyResult, UserRepo,
};
use crate::{
    AuditRecord, AuditSequence, CallingPolicy, HistoryFilter, PolicyFault, User, UserId, VersionedPolicy,
};

pub use self::policy_faults::policy_faults;

/// Reads and changes the calling policy of a user's organization, and reads its audit records.
pub struct OrganizationSettings {
    ports: OrganizationSettingsPorts,
}

/// The ports that the settings need.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct OrganizationSettingsPorts {
    pub users: Arc<dyn UserRepo>,
    pub policies: Arc<dyn CallingPolicies>,
    pub audit: Arc<dyn AuditLog>,
    pub rules: Arc<dyn CallingRules>,
    pub clock: Arc<dyn Clock>,
}

/// Why a setting was not read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationSettingsError {
    /// The token names a user who does not exist.
    #[error("user not found")]
    UserNotFound,
    /// The user has no role that permits it.
    #[error("this needs the role ADMIN or SUPERADMIN")]
    NotPermitted,
    /// The policy has values that no call could be judged by.
    #[error("the calling policy is not valid")]
    Invalid(Vec<PolicyFault>),
    /// The stored policy is not the one that the client has seen.
    #[error("the calling policy was changed: read it again, and send its ETag in If-Match")]
    ChangedMeanwhile,
    /// A store is unavailable.
    #[error("the service is temporarily unavailable")]
    ServiceUnavailable(#[from] PortUnavailable),
}

impl OrganizationSettings {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(ports: OrganizationSettingsPorts) -> Self {
        Self { ports }
    }

    /// The policy of the user's organization: the default one, with revision 0, if none is stored.
    pub async fn policy(&self, user: &UserId) -> Result<VersionedPolicy, OrganizationSettingsError> {
        let user = self.user(user).await?;
        let stored = self.ports.policies.find(&user.organization.id).await?;
        Ok(stored.unwrap_or_else(|| VersionedPolicy {
            policy: CallingPolicy::default(),
            revision: 0,
            changed: None,
        }))
    }

    /// Replaces the policy with this revision.
    pub async fn replace_policy(
        &self,
        user: &UserId,
        expected_revision: u64,
        policy: CallingPolicy,
    ) -> Result<VersionedPolicy, OrganizationSettingsError> {
        let user = self.administrator(user).await?;
        let faults = policy_faults(&policy, self.ports.rules.as_ref());
        if !faults.is_empty() {
            return Err(OrganizationSettingsError::Invalid(faults));
        }
        let change = PolicyChange {
            organization_id: user.organization.id,
            policy,
            expected_revision,
            user_id: user.id,
            at: self.ports.clock.now(),
        };
        match self.ports.policies.put(&change).await? {
            PutPolicyResult::Stored => Ok(VersionedPolicy {
                policy: change.policy,
                revision: expected_revision + 1,
                changed: Some((change.user_id, change.at)),
            }),
            PutPolicyResult::OtherRevision => Err(OrganizationSettingsError::ChangedMeanwhile),
        }
    }

    /// Lists one page of audit records, newest first.
    pub async fn audit(
        &self,
        user: &UserId,
        before: Option<AuditSequence>,
        action: Option<Box<str>>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, OrganizationSettingsError> {
        let organization_id = self.administrator(user).await?.organization.id;
        let limit = limit.clamp(1, HistoryFilter::MAX_LIMIT);
        Ok(self.ports.audit.list(&AuditQuery { organization_id, before, action, limit }).await?)
    }

    async fn administrator(&self, user: &UserId) -> Result<User, OrganizationSettingsError> {
        let user = self.user(user).await?;
        if user.may_administer() { Ok(user) } else { Err(OrganizationSettingsError::NotPermitted) }
    }

    async fn user(&self, user: &UserId) -> Result<User, OrganizationSettingsError> {
        self.ports.users.find(user).await?.ok_or(OrganizationSettingsError::UserNotFound)
    }
}
