use async_trait::async_trait;
use domain::ports::{CredentialStore, CredentialsChange, PortUnavailable, PutCredentialsResult};
use domain::{OrganizationId, SecretKind, StoredCredentials};

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    fn credentials_revision(&self, organization_id: &OrganizationId) -> u64 {
        self.memory.tables().credentials.get(organization_id).map_or(0, |stored| stored.revision)
    }
}

#[async_trait]
impl CredentialStore for BrokenStore {
    async fn credentials(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<StoredCredentials>, PortUnavailable> {
        self.reach(organization_id.as_str()).await?;
        if self.has(Flaw::ForgetsTheTenant) && !self.memory.is_lost() {
            return Ok(self.memory.tables().credentials.values().next().cloned());
        }
        self.memory.credentials(organization_id).await
    }

    async fn put_credentials(
        &self,
        change: &CredentialsChange,
    ) -> Result<PutCredentialsResult, PortUnavailable> {
        self.reach(change.organization_id.as_str()).await?;
        let mut change = change.clone();
        match self.flaw {
            Flaw::DropsASecret => {
                change.credentials.secrets.remove(&SecretKind::WebhookSecret);
            }
            Flaw::ReplacesAnyRevision => {
                change.expected_revision = self.credentials_revision(&change.organization_id);
            }
            Flaw::ChecksTheRevisionBeforeItStores => {
                let is_current =
                    self.credentials_revision(&change.organization_id) == change.expected_revision;
                tokio::task::yield_now().await;
                if is_current {
                    change.expected_revision = self.credentials_revision(&change.organization_id);
                }
            }
            _ => {}
        }
        let result = self.memory.put_credentials(&change).await?;
        let mut tables = self.memory.tables();
        match (self.flaw, result) {
            (Flaw::SkipsARevision, PutCredentialsResult::Stored) if change.expected_revision == 1 => {
                let stored = tables.credentials.get_mut(&change.organization_id);
                stored.into_iter().for_each(|stored| stored.revision += 1);
            }
            (Flaw::AuditsRefusedChanges, PutCredentialsResult::OtherRevision) => {
                let again = tables.audit_records.last().cloned();
                tables.audit_records.extend(again);
            }
            (Flaw::ForgetsTheUserOfAChange, PutCredentialsResult::Stored) => {
                tables.audit_records.iter_mut().for_each(|record| record.user_id = None);
            }
            (Flaw::AuditsTheValues, PutCredentialsResult::Stored) => {
                let values: Vec<_> = change.credentials.secrets.values().map(|it| it.as_str()).collect();
                let detail = format!(
                    "{{\"revision\":{},\"changed\":{:?},\"values\":{values:?}}}",
                    change.expected_revision + 1,
                    change.changed
                );
                tables.audit_records.last_mut().expect("the change is audited").detail = Some(detail.into());
            }
            _ => {}
        }
        Ok(result)
    }

    async fn list_credentials(
        &self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<StoredCredentials>, PortUnavailable> {
        self.reach(after.as_ref().map_or("nothing", OrganizationId::as_str)).await?;
        match self.flaw {
            Flaw::ListsFromTheCursorOn => {
                let of_all = self.memory.list_credentials(None, u32::MAX).await?;
                let from = |stored: &StoredCredentials| {
                    after.as_ref().is_none_or(|after| stored.organization_id >= *after)
                };
                let mut listed: Vec<_> = of_all.into_iter().filter(from).collect();
                // A list without an end would hang the suite.
                if after.is_some() && listed.len() > 1 {
                    listed.truncate(1);
                }
                Ok(listed.into_iter().take(limit as usize).collect())
            }
            Flaw::LeasesMoreThanTheLimit => self.memory.list_credentials(after, u32::MAX).await,
            _ => self.memory.list_credentials(after, limit).await,
        }
    }
}
