use async_trait::async_trait;
use domain::ports::{CredentialStore, CredentialsChange, PortUnavailable, PutCredentialsResult};
use domain::{AuditAction, OrganizationId, StoredCredentials, UserId};
use sql_common::{CredentialsColumns, changed_names, write_credentials};

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::Access;
use crate::timestamp::PgTime;

#[async_trait]
impl CredentialStore for PostgresStore {
    async fn credentials(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<StoredCredentials>, PortUnavailable> {
        self.read_row(|| {
            sqlx::query_as!(
                CredentialsColumns,
                "select organization_id, document, revision from vendor_credentials where organization_id = $1",
                organization_id.as_str()
            )
        })
        .await
    }

    /// As for a calling policy: a change of the same revision by another request waits for the row, and
    /// then finds another revision. A statement that is repeated because its response was lost finds its
    /// own change.
    async fn put_credentials(
        &self,
        change: &CredentialsChange,
    ) -> Result<PutCredentialsResult, PortUnavailable> {
        let (document, names) = (write_credentials(&change.credentials), changed_names(change));
        let at = PgTime::stored(change.at)?;
        let expected =
            i64::try_from(change.expected_revision).map_err(|_| because("a revision was out of range"))?;
        let put = self.only_row(Access::Write, || {
            sqlx::query!(
                r#"with inserted as (
                       insert into vendor_credentials (organization_id, document, revision, changed_at, changed_by)
                       select $1, $2, 1, $4, $5 where $3 = 0::bigint
                       on conflict on constraint vendor_credentials_pkey do nothing
                       returning revision
                   ), updated as (
                       update vendor_credentials
                          set document = $2, revision = revision + 1, changed_at = $4, changed_by = $5
                        where organization_id = $1 and revision = $3
                       returning revision
                   ), written as (select revision from inserted union all select revision from updated),
                   audited as (
                       insert into audit_records (organization_id, at, user_id, action, detail)
                       select $1, $4, $5, $6, '{"revision":' || revision || ',"changed":' || $7::text || '}' from written
                   )
                   select exists (select from written)
                          or exists (select from vendor_credentials
                                      where organization_id = $1 and revision = $3 + 1 and document = $2
                                        and changed_at = $4 and changed_by is not distinct from $5) as "stored!""#,
                change.organization_id.as_str(),
                document.as_str(),
                expected,
                at,
                change.user_id.as_ref().map(UserId::as_str),
                AuditAction::VendorCredentialsChanged.as_str(),
                names
            )
        });
        let stored = put.await?.stored;
        Ok(if stored { PutCredentialsResult::Stored } else { PutCredentialsResult::OtherRevision })
    }

    async fn list_credentials(
        &self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<StoredCredentials>, PortUnavailable> {
        // Without an organization in the predicate: the process reads those of all.
        self.read_rows(|| {
            sqlx::query_as!(
                CredentialsColumns,
                "select organization_id, document, revision from vendor_credentials \
                  where $1::text is null or organization_id > $1 \
                  order by organization_id limit $2",
                after.as_ref().map(OrganizationId::as_str),
                i64::from(limit)
            )
        })
        .await
    }
}
