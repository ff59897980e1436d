use async_trait::async_trait;
use domain::ports::{AuditLog, AuditQuery, CallingPolicies, PolicyChange, PortUnavailable, PutPolicyResult};
use domain::{AuditAction, AuditRecord, CallingPolicy, OrganizationId, Timestamp, UserId, VersionedPolicy};

use super::{Memory, Tables};

#[async_trait]
impl CallingPolicies for Memory {
    async fn find(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<VersionedPolicy>, PortUnavailable> {
        Ok(self.open()?.policies.get(organization_id).cloned())
    }

    async fn put(&self, change: &PolicyChange) -> Result<PutPolicyResult, PortUnavailable> {
        let mut tables = self.open()?;
        let stored = tables.policies.get(&change.organization_id);
        if stored.map_or(0, |stored| stored.revision) != change.expected_revision {
            return Ok(PutPolicyResult::OtherRevision);
        }
        tables.put_policy(&change.organization_id, &change.policy, Some(&change.user_id), change.at);
        Ok(PutPolicyResult::Stored)
    }
}

#[async_trait]
impl AuditLog for Memory {
    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, PortUnavailable> {
        let tables = self.open()?;
        let listed = tables.audit_records.iter().rev().filter(|record| {
            record.organization_id == query.organization_id
                && query.before.is_none_or(|before| record.sequence < before)
                && query.action.as_ref().is_none_or(|action| record.action == *action)
        });
        Ok(listed.take(query.limit as usize).cloned().collect())
    }
}

impl Tables {
    /// Replaces a policy for an import, unless it stays the same.
    pub(super) fn import_policy(
        &mut self,
        organization_id: &OrganizationId,
        policy: &CallingPolicy,
        at: Timestamp,
    ) {
        if self.policies.get(organization_id).is_none_or(|stored| stored.policy != *policy) {
            self.put_policy(organization_id, policy, None, at);
        }
    }

    fn put_policy(
        &mut self,
        organization_id: &OrganizationId,
        policy: &CallingPolicy,
        user_id: Option<&UserId>,
        at: Timestamp,
    ) {
        let revision = self.policies.get(organization_id).map_or(0, |stored| stored.revision) + 1;
        let changed = user_id.map(|user_id| (user_id.clone(), at));
        self.policies
            .insert(organization_id.clone(), VersionedPolicy { policy: policy.clone(), revision, changed });
        let detail = format!("{{\"revision\":{revision},\"policy\":{}}}", policy_json::to_json(policy));
        self.audit(AuditRecord {
            sequence: 0,
            organization_id: organization_id.clone(),
            at,
            user_id: user_id.cloned(),
            action: AuditAction::CallingPolicyChanged.as_str().into(),
            object_id: None,
            detail: Some(detail.into()),
        });
    }

    /// Adds an audit record, with the next sequence.
    pub(super) fn audit(&mut self, record: AuditRecord) {
        let sequence = self.audit_records.last().map_or(0, |last| last.sequence) + 1;
        self.audit_records.push(AuditRecord { sequence, ..record });
    }
}
