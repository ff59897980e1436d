use async_trait::async_trait;
use domain::ports::{CallingPolicies, PolicyChange, PortUnavailable, PutPolicyResult};
use domain::{AuditAction, OrganizationId, VersionedPolicy};
use sql_common::{PolicyColumns, write_policy};

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::Access;
use crate::timestamp::PgTime;

#[async_trait]
impl CallingPolicies for PostgresStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<VersionedPolicy>, PortUnavailable> {
        self.read_row(|| {
            sqlx::query_as!(
                PolicyColumns::<PgTime>,
                "select policy, revision, changed_at, changed_by from calling_policies where organization_id = $1",
                organization_id.as_str()
            )
        })
        .await
    }

    /// A change of the same revision by another request waits for the row, and then finds another
    /// revision. A statement that is repeated because its response was lost finds its own change.
    async fn put(&self, change: &PolicyChange) -> Result<PutPolicyResult, PortUnavailable> {
        let policy = write_policy(&change.policy);
        let at = PgTime::stored(change.at)?;
        let expected =
            i64::try_from(change.expected_revision).map_err(|_| because("a revision was out of range"))?;
        let put = self.only_row(Access::Write, || {
            sqlx::query!(
                r#"with inserted as (
                       insert into calling_policies (organization_id, policy, revision, changed_at, changed_by)
                       select $1, $2, 1, $4, $5 where $3 = 0::bigint
                       on conflict on constraint calling_policies_pkey do nothing
                       returning revision
                   ), updated as (
                       update calling_policies
                          set policy = $2, revision = revision + 1, changed_at = $4, changed_by = $5
                        where organization_id = $1 and revision = $3
                       returning revision
                   ), written as (select revision from inserted union all select revision from updated),
                   audited as (
                       insert into audit_records (organization_id, at, user_id, action, detail)
                       select $1, $4, $5, $6, '{"revision":' || revision || ',"policy":' || $2 || '}' from written
                   )
                   select exists (select from written)
                          or exists (select from calling_policies
                                      where organization_id = $1 and revision = $3 + 1
                                        and policy = $2 and changed_at = $4 and changed_by = $5) as "stored!""#,
                change.organization_id.as_str(),
                policy.as_str(),
                expected,
                at,
                change.user_id.as_str(),
                AuditAction::CallingPolicyChanged.as_str()
            )
        });
        Ok(if put.await?.stored { PutPolicyResult::Stored } else { PutPolicyResult::OtherRevision })
    }
}
