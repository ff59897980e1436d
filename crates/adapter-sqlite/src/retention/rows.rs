use domain::ports::{PortUnavailable, RetentionBatch};

use crate::SqliteStore;
use crate::failure::STORAGE_LIMIT;

impl SqliteStore {
    pub(super) async fn remove_provider_events(
        &self,
        batch: &RetentionBatch,
    ) -> Result<u64, PortUnavailable> {
        self.write_unsynced(STORAGE_LIMIT, |_| {
            sqlx::query!(
                "delete from provider_events where rowid in
                     (select rowid from provider_events where closed_at < ?1 order by closed_at limit ?2)",
                batch.before.unix_millis(),
                batch.limit
            )
        })
        .await
    }

    pub(super) async fn remove_old_deliveries(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.write_unsynced(STORAGE_LIMIT, |_| {
            sqlx::query!(
                "delete from webhook_deliveries where (endpoint_id, position) in
                     (select endpoint_id, position from webhook_deliveries
                      where concluded_at < ?1 order by concluded_at limit ?2)",
                batch.before.unix_millis(),
                batch.limit
            )
        })
        .await
    }

    /// The events of a call that has an idempotency key are kept: the key is removed by the time of its end.
    pub(super) async fn remove_call_events(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.write_unsynced(STORAGE_LIMIT, |_| {
            sqlx::query!(
                "delete from call_events where written_order in
                     (select written_order from call_events as event
                      where position is not null and happened_at < ?1
                          and not exists (select 1 from webhook_deliveries as delivery
                                          where delivery.position = event.written_order)
                          and not exists (select 1 from idempotency_keys as used where used.call_id = event.call_id)
                          and not exists (select 1 from calls
                                          where calls.id = event.call_id and status_rank < 4 and given_up_at is null)
                      order by happened_at limit ?2)",
                batch.before.unix_millis(),
                batch.limit
            )
        })
        .await
    }

    pub(super) async fn remove_refusal_counts(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.write_unsynced(STORAGE_LIMIT, |_| {
            sqlx::query!(
                "delete from refusal_counts where rowid in
                     (select rowid from refusal_counts where hour < ?1 order by hour limit ?2)",
                batch.before.unix_millis(),
                batch.limit
            )
        })
        .await
    }
}
