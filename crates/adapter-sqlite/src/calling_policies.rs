use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{CallingPolicies, PolicyChange, PortUnavailable, PutPolicyResult};
use domain::{AuditAction, OrganizationId, PolicyRecord, Timestamp, VersionedPolicy};
use sql_common::{PolicyColumns, write_policy};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::audit_log::{self, Change};
use crate::failure::{STORAGE_LIMIT, failed, within};
use crate::statement::execute;

#[async_trait]
impl CallingPolicies for SqliteStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
    ) -> Result<Option<VersionedPolicy>, PortUnavailable> {
        self.read_row(sqlx::query_as!(
            PolicyColumns::<i64>,
            "select policy, revision, changed_at, changed_by from calling_policies where organization_id = ?",
            organization_id.as_str()
        ))
        .await
    }

    /// One transaction, so that no other change comes between its parts.
    async fn put(&self, change: &PolicyChange) -> Result<PutPolicyResult, PortUnavailable> {
        let change = Arc::new(change.clone());
        let put = self.connections.write_synced(move |writer| {
            let change = Arc::clone(&change);
            Box::pin(async move { put(writer, &change).await })
        });
        within(STORAGE_LIMIT, put).await
    }
}

async fn put(
    connection: &mut SqliteConnection,
    change: &PolicyChange,
) -> Result<PutPolicyResult, PortUnavailable> {
    let (organization_id, user_id) = (change.organization_id.as_str(), change.user_id.as_str());
    let (policy, at) = (write_policy(&change.policy), change.at.unix_millis());
    let expected =
        i64::try_from(change.expected_revision).map_err(|_| failed("a revision was out of range"))?;
    let policy_text = policy.as_str();
    let written = if expected == 0 {
        let inserted = sqlx::query!(
            "insert into calling_policies (organization_id, policy, revision, changed_at, changed_by)
             values (?, ?, 1, ?, ?)
             on conflict (organization_id) do nothing",
            organization_id,
            policy_text,
            at,
            user_id
        );
        execute(connection, inserted).await?
    } else {
        let updated = sqlx::query!(
            "update calling_policies
             set policy = ?1, revision = revision + 1, changed_at = ?2, changed_by = ?3
             where organization_id = ?4 and revision = ?5",
            policy_text,
            at,
            user_id,
            organization_id,
            expected
        );
        execute(connection, updated).await?
    };
    if written == 0 {
        return Ok(PutPolicyResult::OtherRevision);
    }
    let detail = audit_detail(expected + 1, &policy);
    let change = Change {
        organization_id: &change.organization_id,
        at: change.at,
        user_id: Some(&change.user_id),
        action: AuditAction::CallingPolicyChanged,
        object_id: None,
        detail: Some(&detail),
    };
    execute(connection, audit_log::write(&change)).await?;
    Ok(PutPolicyResult::Stored)
}

/// Replaces a policy for an import, unless it stays the same.
pub(crate) async fn replace(
    connection: &mut SqliteConnection,
    record: &PolicyRecord,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let policy = write_policy(&record.policy);
    let (organization_id, policy_text, at) =
        (record.organization_id.as_str(), policy.as_str(), now.unix_millis());
    let stored = sqlx::query_scalar!(
        r#"insert into calling_policies (organization_id, policy, revision, changed_at) values (?, ?, 1, ?)
           on conflict (organization_id) do update
               set policy = excluded.policy, revision = calling_policies.revision + 1,
                   changed_at = excluded.changed_at, changed_by = null
               where calling_policies.policy <> excluded.policy
           returning revision as "revision!: i64""#,
        organization_id,
        policy_text,
        at
    );
    if let Some(revision) = stored.fetch_optional(&mut *connection).await? {
        let detail = audit_detail(revision, &policy);
        let change = Change {
            organization_id: &record.organization_id,
            at: now,
            user_id: None,
            action: AuditAction::CallingPolicyChanged,
            object_id: None,
            detail: Some(&detail),
        };
        audit_log::write(&change).execute(connection).await?;
    }
    Ok(())
}

fn audit_detail(revision: i64, policy: &str) -> String {
    format!("{{\"revision\":{revision},\"policy\":{policy}}}")
}
