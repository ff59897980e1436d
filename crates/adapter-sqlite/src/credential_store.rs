use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{CredentialStore, CredentialsChange, PortUnavailable, PutCredentialsResult};
use domain::{AuditAction, OrganizationId, StoredCredentials, UserId};
use sql_common::{CredentialsColumns, changed_names, write_credentials};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::audit_log::{self, Change};
use crate::failure::{STORAGE_LIMIT, failed, within};
use crate::statement::execute;

#[async_trait]
impl CredentialStore for SqliteStore {
    async fn credentials(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<StoredCredentials>, PortUnavailable> {
        self.read_row(sqlx::query_as!(
            CredentialsColumns,
            "select organization_id, document, revision from vendor_credentials where organization_id = ?",
            organization_id.as_str()
        ))
        .await
    }

    /// One transaction, so that no other change comes between its parts.
    async fn put_credentials(
        &self,
        change: &CredentialsChange,
    ) -> Result<PutCredentialsResult, PortUnavailable> {
        let change = Arc::new(change.clone());
        let put = self.connections.write_synced(move |writer| {
            let change = Arc::clone(&change);
            Box::pin(async move { put(writer, &change).await })
        });
        within(STORAGE_LIMIT, put).await
    }

    async fn list_credentials(
        &self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<StoredCredentials>, PortUnavailable> {
        self.read_rows(sqlx::query_as!(
            CredentialsColumns,
            "select organization_id, document, revision from vendor_credentials
             where ?1 is null or organization_id > ?1
             order by organization_id limit ?2",
            after.as_ref().map(OrganizationId::as_str),
            limit
        ))
        .await
    }
}

async fn put(
    connection: &mut SqliteConnection,
    change: &CredentialsChange,
) -> Result<PutCredentialsResult, PortUnavailable> {
    let organization_id = change.organization_id.as_str();
    let user_id = change.user_id.as_ref().map(UserId::as_str);
    let (document, at) = (write_credentials(&change.credentials), change.at.unix_millis());
    let expected =
        i64::try_from(change.expected_revision).map_err(|_| failed("a revision was out of range"))?;
    let written = if expected == 0 {
        let inserted = sqlx::query!(
            "insert into vendor_credentials (organization_id, document, revision, changed_at, changed_by)
             values (?, ?, 1, ?, ?)
             on conflict (organization_id) do nothing",
            organization_id,
            document,
            at,
            user_id
        );
        execute(connection, inserted).await?
    } else {
        let updated = sqlx::query!(
            "update vendor_credentials
             set document = ?1, revision = revision + 1, changed_at = ?2, changed_by = ?3
             where organization_id = ?4 and revision = ?5",
            document,
            at,
            user_id,
            organization_id,
            expected
        );
        execute(connection, updated).await?
    };
    if written == 0 {
        return Ok(PutCredentialsResult::OtherRevision);
    }
    let detail = format!("{{\"revision\":{},\"changed\":{}}}", expected + 1, changed_names(change));
    let audited = Change {
        organization_id: &change.organization_id,
        at: change.at,
        user_id: change.user_id.as_ref(),
        action: AuditAction::VendorCredentialsChanged,
        object_id: None,
        detail: Some(&detail),
    };
    execute(connection, audit_log::write(&audited)).await?;
    Ok(PutCredentialsResult::Stored)
}
