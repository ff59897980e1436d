use async_trait::async_trait;
use domain::AuditRecord;
use domain::ports::{AuditLog, AuditQuery, PortUnavailable};
use sql_common::AuditColumns;

use crate::PostgresStore;
use crate::timestamp::PgTime;

#[async_trait]
impl AuditLog for PostgresStore {
    async fn list(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, PortUnavailable> {
        let before = query.before.and_then(|sequence| i64::try_from(sequence).ok()).unwrap_or(i64::MAX);
        self.read_rows(|| {
            sqlx::query_as!(
                AuditColumns::<PgTime>,
                "select seq, organization_id, at, user_id, action, object_id, detail from audit_records \
                  where organization_id = $1 and seq < $2 and ($3::text is null or action = $3) \
                  order by seq desc limit $4",
                query.organization_id.as_str(),
                before,
                query.action.as_deref(),
                i64::from(query.limit)
            )
        })
        .await
    }
}
