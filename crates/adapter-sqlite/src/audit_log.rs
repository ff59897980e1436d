use async_trait::async_trait;
use domain::ports::{AuditLog, AuditQuery, PortUnavailable};
use domain::{AuditAction, AuditRecord, OrganizationId, Timestamp, UserId};
use sql_common::AuditColumns;

use crate::SqliteStore;
use crate::statement::Write;

#[async_trait]
impl AuditLog for SqliteStore {
    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, PortUnavailable> {
        let before = query.before.and_then(|sequence| i64::try_from(sequence).ok()).unwrap_or(i64::MAX);
        self.read_rows(sqlx::query_as!(
            AuditColumns::<i64>,
            "select seq, organization_id, at, user_id, action, object_id, detail from audit_records
             where organization_id = ?1 and seq < ?2 and (?3 is null or action = ?3)
             order by seq desc limit ?4",
            query.organization_id.as_str(),
            before,
            query.action.as_deref(),
            query.limit
        ))
        .await
    }
}

/// What is audited.
pub(crate) struct Change<'a> {
    pub(crate) organization_id: &'a OrganizationId,
    pub(crate) at: Timestamp,
    /// `None` for an import.
    pub(crate) user_id: Option<&'a UserId>,
    pub(crate) action: AuditAction,
    pub(crate) object_id: Option<&'a str>,
    /// A JSON object.
    pub(crate) detail: Option<&'a str>,
}

/// Writes an audit record. It belongs into the transaction of the change.
pub(crate) fn write<'a>(change: &Change<'a>) -> Write<'a> {
    sqlx::query!(
        "insert into audit_records (organization_id, at, user_id, action, object_id, detail)
         values (?, ?, ?, ?, ?, ?)",
        change.organization_id.as_str(),
        change.at.unix_millis(),
        change.user_id.map(UserId::as_str),
        change.action.as_str(),
        change.object_id,
        change.detail
    )
}
