use async_trait::async_trait;
use domain::ports::{AuditLog, AuditQuery, CallingPolicies, PolicyChange, PortUnavailable, PutPolicyResult};
use domain::{AuditRecord, OrganizationId, VersionedPolicy};

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    fn revision(&self, organization_id: &OrganizationId) -> u64 {
        self.memory.tables().policies.get(organization_id).map_or(0, |stored| stored.revision)
    }
}

#[async_trait]
impl CallingPolicies for BrokenStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<VersionedPolicy>, PortUnavailable> {
        self.reach(organization_id.as_str()).await?;
        if self.has(Flaw::ForgetsTheTenant) && !self.memory.is_lost() {
            return Ok(self.memory.tables().policies.values().next().cloned());
        }
        CallingPolicies::find(&self.memory, organization_id).await
    }

    async fn put(&self, change: &PolicyChange) -> Result<PutPolicyResult, PortUnavailable> {
        self.reach(change.policy.time_zone.as_str()).await?;
        let mut change = change.clone();
        match self.flaw {
            Flaw::DropsTheCaps => change.policy.caps.clear(),
            Flaw::ReplacesAnyRevision => change.expected_revision = self.revision(&change.organization_id),
            Flaw::ChecksTheRevisionBeforeItStores => {
                let is_current = self.revision(&change.organization_id) == change.expected_revision;
                tokio::task::yield_now().await;
                if is_current {
                    change.expected_revision = self.revision(&change.organization_id);
                }
            }
            _ => {}
        }
        let result = self.memory.put(&change).await?;
        let mut tables = self.memory.tables();
        match (self.flaw, result) {
            (Flaw::SkipsARevision, PutPolicyResult::Stored) if change.expected_revision == 1 => {
                let stored = tables.policies.get_mut(&change.organization_id);
                stored.into_iter().for_each(|stored| stored.revision += 1);
            }
            (Flaw::AuditsRefusedChanges, PutPolicyResult::OtherRevision) => {
                let again = tables.audit_records.last().cloned();
                tables.audit_records.extend(again);
            }
            (Flaw::ForgetsTheUserOfAChange, PutPolicyResult::Stored) => {
                tables.audit_records.iter_mut().for_each(|record| record.user_id = None);
            }
            _ => {}
        }
        Ok(result)
    }
}

#[async_trait]
impl AuditLog for BrokenStore {
    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, PortUnavailable> {
        self.reach(query.action.as_deref().unwrap_or_default()).await?;
        let mut query = query.clone();
        match self.flaw {
            Flaw::ForgetsTheTenant if !self.memory.is_lost() => {
                let records = self.memory.tables().audit_records.clone();
                return Ok(records.into_iter().rev().take(query.limit as usize).collect());
            }
            Flaw::ListsRecordsFromTheCursorOn => {
                query.before = query.before.map(|before| before.saturating_add(1))
            }
            Flaw::TakesActionsForPatterns => query.action = query.action.filter(|action| &**action != "%"),
            _ => {}
        }
        let mut listed = AuditLog::list(&self.memory, &query).await?;
        if self.has(Flaw::ListsOldRecordsFirst) {
            listed.reverse();
        }
        Ok(listed)
    }
}
