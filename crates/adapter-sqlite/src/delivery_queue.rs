mod lease;
mod replay;

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AttemptConclusion, DeliveryLease, DeliveryListQuery, DeliveryQueue, PortUnavailable, ReplayQuery,
};
use domain::{DeliveryRecord, DueDelivery, SuspensionReason, Timestamp};
use sql_common::{ConclusionColumns, DeliveryColumns, DeliveryFilterColumns};

use crate::SqliteStore;
use crate::clock::now;
use crate::failure::{STORAGE_LIMIT, unavailable, within};
use crate::statement::execute;

type DeliveryRow = DeliveryColumns<i64>;

/// Deliveries with their events: the rest of the statement, its arguments.
macro_rules! select_deliveries {
    ($rest:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            DeliveryRow,
            "select deliveries.endpoint_id, deliveries.position, events.call_id, events.kind, events.status_rank,
                    deliveries.state, deliveries.attempts, deliveries.queued_at, deliveries.due_at,
                    deliveries.concluded_at, deliveries.last_failure
             from webhook_deliveries deliveries
             join call_events events on events.written_order = deliveries.position
             " + $rest,
            $($argument),+
        )
    };
}

#[async_trait]
impl DeliveryQueue for SqliteStore {
    async fn lease(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        self.lease_deliveries(lease).await
    }

    /// A replay counts attempts from the beginning, so that the number alone does not identify an
    /// attempt: the time of queueing is compared too. Not synced: a delivery that is open again
    /// after a power failure is delivered once more.
    async fn conclude(
        &self,
        delivery: &DueDelivery,
        conclusion: AttemptConclusion,
    ) -> Result<(), PortUnavailable> {
        if let AttemptConclusion::ReceiverGone { at, .. } = conclusion {
            return self.conclude_gone(delivery, conclusion.into(), at).await;
        }
        let ConclusionColumns { state, last_failure, pause } = conclusion.into();
        let concluded = self.write_unsynced(STORAGE_LIMIT, |now| {
            let due_at = pause.map(|pause| now.after(pause).unix_millis());
            let concluded_at = if pause.is_none() { Some(now.unix_millis()) } else { None };
            sqlx::query!(
                "update webhook_deliveries
                 set state = ?, last_failure = ?, due_at = coalesce(?, due_at), concluded_at = ?, claimed_until = null
                 where endpoint_id = ? and position = ? and state = 'pending' and attempts = ? and queued_at = ?",
                state,
                last_failure,
                due_at,
                concluded_at,
                delivery.endpoint_id.as_str(),
                delivery.event.sequence.number(),
                delivery.attempt,
                delivery.queued_at.unix_millis()
            )
        });
        concluded.await.map(drop)
    }

    /// The deliveries of one endpoint in the order of the table's key. Those of all endpoints from
    /// the newest event to the end of the page: the `+` keeps SQLite from sorting everything that
    /// the endpoints ever got.
    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable> {
        let filter = DeliveryFilterColumns::from(query);
        if filter.endpoint_id.is_some() {
            self.read_rows(select_deliveries!(
                "where deliveries.endpoint_id = ?1
                     and exists (select 1 from webhook_endpoints where id = ?1 and organization_id = ?2)
                     and (?3 is null or deliveries.state = ?3)
                     and (?4 is null or (deliveries.position, deliveries.endpoint_id) < (?4, ?5))
                 order by deliveries.position desc
                 limit ?6",
                filter.endpoint_id,
                filter.organization_id,
                filter.state,
                filter.before_position,
                filter.before_endpoint_id,
                filter.limit
            ))
            .await
        } else {
            self.read_rows(select_deliveries!(
                "where +deliveries.endpoint_id in (select id from webhook_endpoints where organization_id = ?1)
                     and (?2 is null or deliveries.state = ?2)
                     and (?3 is null or (deliveries.position, deliveries.endpoint_id) < (?3, ?4))
                 order by deliveries.position desc, deliveries.endpoint_id desc
                 limit ?5",
                filter.organization_id,
                filter.state,
                filter.before_position,
                filter.before_endpoint_id,
                filter.limit
            ))
            .await
        }
    }

    /// Looks on a reader first, and waits for the writer only if there is a delivery to expire.
    async fn expire(&self, queued_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        let now = now();
        let queued_until = now.before(queued_for).unix_millis();
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let oldest = sqlx::query_scalar!(
                "select queued_at from webhook_deliveries where state = 'pending' order by queued_at limit 1"
            );
            let oldest = oldest.fetch_optional(&mut *reader).await.map_err(unavailable)?;
            drop(reader);
            if oldest.is_none_or(|oldest| oldest > queued_until) {
                return Ok(0);
            }
            let mut transaction = self.connections.begin_synced().await?;
            let expired = sqlx::query!(
                "update webhook_deliveries set state = 'dead', claimed_until = null, concluded_at = ?1
                 where (endpoint_id, position) in
                     (select endpoint_id, position from webhook_deliveries
                      where state = 'pending' and queued_at <= ?2
                          and (claimed_until is null or claimed_until <= ?1)
                      limit ?3)",
                now.unix_millis(),
                queued_until,
                limit
            );
            let expired = execute(&mut transaction, expired).await?;
            transaction.commit().await?;
            Ok(expired)
        })
        .await
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        self.replay_in_batches(query).await
    }
}

impl SqliteStore {
    /// Concludes an attempt whose receiver does not exist any more, and suspends the endpoint if its
    /// URL is still that of the attempt.
    async fn conclude_gone(
        &self,
        delivery: &DueDelivery,
        conclusion: ConclusionColumns,
        since: Timestamp,
    ) -> Result<(), PortUnavailable> {
        let ConclusionColumns { state, last_failure, .. } = conclusion;
        let concluded = self.write_synced(sqlx::query!(
            "update webhook_deliveries
             set state = ?, last_failure = ?, concluded_at = ?, claimed_until = null
             where endpoint_id = ? and position = ? and state = 'pending' and attempts = ? and queued_at = ?;
             update webhook_endpoints set suspension = ?, suspended_at = ?
             where changes() = 1 and id = ? and url = ? and suspended_at is null",
            state,
            last_failure,
            now().unix_millis(),
            delivery.endpoint_id.as_str(),
            delivery.event.sequence.number(),
            delivery.attempt,
            delivery.queued_at.unix_millis(),
            SuspensionReason::Gone.as_str(),
            since.unix_millis(),
            delivery.endpoint_id.as_str(),
            delivery.url.as_str()
        ));
        concluded.await.map(drop)
    }
}
