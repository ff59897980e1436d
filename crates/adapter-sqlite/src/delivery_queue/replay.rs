use domain::ports::{PortUnavailable, ReplayQuery};
use domain::{EventSequence, OrganizationId, WebhookEndpointId};

use crate::SqliteStore;
use crate::clock::now;
use crate::failure::{STORAGE_LIMIT, within};
use crate::statement::rows;

/// The number of deliveries that one transaction queues again: this limits how long a replay holds
/// the writer.
const REPLAY_BATCH: u32 = 500;

impl SqliteStore {
    /// In batches. Each is on disk when the next one begins, so that bookings have their turn
    /// between them.
    pub(super) async fn replay_in_batches(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        let mut replayed = 0;
        let mut last = (String::new(), EventSequence::START.number());
        loop {
            let keys = within(STORAGE_LIMIT, self.replay_batch(query, &last)).await?;
            replayed += keys.len() as u64;
            match keys.into_iter().max() {
                Some(key) => last = key,
                None => return Ok(replayed),
            }
        }
    }

    /// Queues the next deliveries again, in the order of their keys, and returns the keys.
    async fn replay_batch(
        &self,
        query: &ReplayQuery,
        (last_endpoint_id, last_position): &(String, i64),
    ) -> Result<Vec<(String, i64)>, PortUnavailable> {
        let mut transaction = self.connections.begin_synced().await?;
        let replayed = sqlx::query!(
            r#"update webhook_deliveries
               set state = 'pending', attempts = 0, queued_at = ?1, due_at = ?1, concluded_at = null
               where (endpoint_id, position) in
                   (select endpoint_id, position from webhook_deliveries
                    where (endpoint_id, position) > (?2, ?3)
                        and (state = 'dead' or ?4 and state = 'delivered')
                        and (?5 is null or endpoint_id = ?5)
                        and (?6 is null or position > ?6)
                        and (?7 is null
                            or endpoint_id in (select id from webhook_endpoints where organization_id = ?7))
                        and endpoint_id not in (select id from webhook_endpoints where suspended_at is not null)
                    order by endpoint_id, position limit ?8)
               returning endpoint_id as "endpoint_id!", position as "position!""#,
            now().unix_millis(),
            last_endpoint_id,
            last_position,
            query.delivered_too,
            query.endpoint_id.as_ref().map(WebhookEndpointId::as_str),
            query.after.map(EventSequence::number),
            query.organization_id.as_ref().map(OrganizationId::as_str),
            REPLAY_BATCH
        );
        let keys = rows(&mut transaction, replayed).await?;
        transaction.commit().await?;
        Ok(keys.into_iter().map(|key| (key.endpoint_id, key.position)).collect())
    }
}
