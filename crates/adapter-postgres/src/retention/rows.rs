use domain::ports::{PortUnavailable, RetentionBatch};

use super::Count;
use crate::PostgresStore;
use crate::timestamp::PgTime;

impl PostgresStore {
    pub(super) async fn remove_provider_events(
        &self,
        batch: &RetentionBatch,
    ) -> Result<u64, PortUnavailable> {
        self.remove_rows(|| {
            sqlx::query_as!(
                Count,
                r#"with old as (
                       select key from provider_events where closed_at < $1
                        order by closed_at limit $2 for update skip locked
                   ), removed as (
                       delete from provider_events as event using old where event.key = old.key returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                PgTime::bound(batch.before),
                i64::from(batch.limit)
            )
        })
        .await
    }

    pub(super) async fn remove_old_deliveries(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.remove_rows(|| {
            sqlx::query_as!(
                Count,
                r#"with old as (
                       select position, endpoint_id from webhook_deliveries where concluded_at < $1
                        order by concluded_at limit $2 for update skip locked
                   ), removed as (
                       delete from webhook_deliveries as delivery using old
                        where delivery.position = old.position and delivery.endpoint_id = old.endpoint_id
                       returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                PgTime::bound(batch.before),
                i64::from(batch.limit)
            )
        })
        .await
    }

    /// The events of a call that has an idempotency key are kept: the key is removed by the time of its end.
    pub(super) async fn remove_call_events(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.remove_rows(|| {
            sqlx::query_file_as!(
                Count,
                "src/retention/remove_call_events.sql",
                PgTime::bound(batch.before),
                i64::from(batch.limit)
            )
        })
        .await
    }

    pub(super) async fn remove_refusal_counts(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.remove_rows(|| {
            sqlx::query_as!(
                Count,
                r#"with old as (
                       select organization_id, hour, code from refusal_counts where hour < $1
                        order by hour limit $2 for update skip locked
                   ), removed as (
                       delete from refusal_counts as counted using old
                        where counted.organization_id = old.organization_id and counted.hour = old.hour
                          and counted.code = old.code
                       returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                PgTime::bound(batch.before),
                i64::from(batch.limit)
            )
        })
        .await
    }
}
