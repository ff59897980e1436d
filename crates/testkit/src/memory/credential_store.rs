use async_trait::async_trait;
use domain::ports::{CredentialStore, CredentialsChange, PortUnavailable, PutCredentialsResult};
use domain::{AuditAction, AuditRecord, OrganizationId, StoredCredentials};

use super::Memory;

#[async_trait]
impl CredentialStore for Memory {
    async fn credentials(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<StoredCredentials>, PortUnavailable> {
        Ok(self.open()?.credentials.get(organization_id).cloned())
    }

    async fn put_credentials(
        &self,
        change: &CredentialsChange,
    ) -> Result<PutCredentialsResult, PortUnavailable> {
        let mut tables = self.open()?;
        let stored = tables.credentials.get(&change.organization_id);
        if stored.map_or(0, |stored| stored.revision) != change.expected_revision {
            return Ok(PutCredentialsResult::OtherRevision);
        }
        let revision = change.expected_revision + 1;
        let stored = StoredCredentials {
            organization_id: change.organization_id.clone(),
            credentials: Some(change.credentials.clone()),
            revision,
        };
        tables.credentials.insert(change.organization_id.clone(), stored);
        let detail = serde_json::json!({ "revision": revision, "changed": change.changed });
        tables.audit(AuditRecord {
            sequence: 0,
            organization_id: change.organization_id.clone(),
            at: change.at,
            user_id: change.user_id.clone(),
            action: AuditAction::VendorCredentialsChanged.as_str().into(),
            object_id: None,
            detail: Some(detail.to_string().into()),
        });
        Ok(PutCredentialsResult::Stored)
    }

    async fn list_credentials(
        &self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<StoredCredentials>, PortUnavailable> {
        let tables = self.open()?;
        let listed = tables.credentials.values();
        let listed =
            listed.filter(|stored| after.as_ref().is_none_or(|after| stored.organization_id > *after));
        Ok(listed.take(limit as usize).cloned().collect())
    }
}
