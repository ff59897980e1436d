//! Call events on their way to webhook endpoints. `EventFeed::publish` queues them.

mod gone;
mod lease;
mod replay;

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AttemptConclusion, DeliveryLease, DeliveryListQuery, DeliveryQueue, PortUnavailable, ReplayQuery,
};
use domain::{DeliveryRecord, DeliveryState, DueDelivery};
use sql_common::{ConclusionColumns, DeliveryColumns, DeliveryFilterColumns};

use self::gone::ConcludingGone;
use crate::PostgresStore;
use crate::failure::because;
use crate::statement::Access;
use crate::timestamp::PgTime;

type DeliveryRow = DeliveryColumns<PgTime>;

#[async_trait]
impl DeliveryQueue for PostgresStore {
    async fn lease(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        self.lease_deliveries(lease).await
    }

    async fn conclude(
        &self,
        delivery: &DueDelivery,
        conclusion: AttemptConclusion,
    ) -> Result<(), PortUnavailable> {
        if let AttemptConclusion::ReceiverGone { at, .. } = conclusion {
            let (conclusion, since) = (ConclusionColumns::from(conclusion), PgTime::stored(at)?);
            return self.run(&ConcludingGone { delivery, conclusion, since }).await;
        }
        let conclusion = ConclusionColumns::from(conclusion);
        // A replay counts attempts from the beginning, so that the number alone does not identify
        // an attempt. The time of queueing does, which the delivery has in milliseconds. No
        // organization is in the predicate, since `lease` returned the delivery. The row is found
        // by its key; with `state` in the predicate, the server might read all pending rows.
        let queued_at = PgTime::stored(delivery.queued_at)?;
        let concluded = self.row(Access::Write, || {
            sqlx::query!(
                "update webhook_deliveries \
                    set state = $4, last_failure = $5, claimed_until = null, \
                        due_at = coalesce(clock_timestamp() + make_interval(secs => $6), due_at), \
                        concluded_at = case when $6::float8 is null then clock_timestamp() end \
                  where position = $1 and endpoint_id = $2 and attempts = $3 and concluded_at is null \
                    and date_trunc('milliseconds', queued_at) = $7 \
                 returning position",
                delivery.event.sequence.number(),
                delivery.endpoint_id.as_str(),
                i32::try_from(delivery.attempt).unwrap_or(i32::MAX),
                conclusion.state,
                conclusion.last_failure.as_deref(),
                conclusion.pause.map(|pause| pause.as_secs_f64()),
                queued_at
            )
        });
        concluded.await.map(|_| ())
    }

    async fn expire(&self, queued_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        // Repeated because its response was lost, it does not count the deliveries of the first
        // attempt.
        let expired = self.only_row(Access::Write, || {
            sqlx::query!(
                r#"with old as (
                       select position, endpoint_id
                         from webhook_deliveries
                        where state = 'pending' and queued_at <= statement_timestamp() - make_interval(secs => $1)
                          and (claimed_until is null or claimed_until <= statement_timestamp())
                        limit $2
                          for no key update skip locked
                   ), expired as (
                       update webhook_deliveries as delivery
                          set state = 'dead', claimed_until = null, concluded_at = clock_timestamp()
                         from old
                        where delivery.position = old.position and delivery.endpoint_id = old.endpoint_id
                       returning 1
                   )
                   select count(*) as "expired!" from expired"#,
                queued_for.as_secs_f64(),
                i64::from(limit)
            )
        });
        u64::try_from(expired.await?.expired).map_err(|_| because("a count was negative"))
    }

    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable> {
        let filter = DeliveryFilterColumns::from(query);
        // The newest deliveries of each endpoint and state, which are few, each a range of an
        // index; then the newest of these.
        self.read_rows(|| {
            sqlx::query_as!(
                DeliveryRow,
                r#"select delivery.endpoint_id, delivery.position, event.call_id, event.kind, event.status_rank,
                          delivery.state, delivery.attempts, delivery.queued_at, delivery.due_at,
                          delivery.concluded_at, delivery.last_failure
                     from (select newest.*
                             from webhook_endpoints as endpoint
                             cross join unnest($7::text[]) as state (name)
                             cross join lateral (
                                 select *
                                   from webhook_deliveries
                                  where endpoint_id = endpoint.id and webhook_deliveries.state = state.name
                                    and position <= coalesce($4::bigint, 9223372036854775807)
                                    and (position < coalesce($4::bigint, 9223372036854775807)
                                         or endpoint_id < $5)
                                  order by position desc
                                  limit $6
                             ) as newest
                            where endpoint.organization_id = $1
                              and ($2::text is null or endpoint.id = $2)
                              and ($3::text is null or state.name = $3)
                            order by newest.position desc, newest.endpoint_id desc
                            limit $6) as delivery
                     join call_events as event on event.position = delivery.position
                    order by delivery.position desc, delivery.endpoint_id desc"#,
                filter.organization_id,
                filter.endpoint_id,
                filter.state,
                filter.before_position,
                filter.before_endpoint_id,
                filter.limit,
                &DeliveryState::ALL.map(DeliveryState::as_str) as _
            )
        })
        .await
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        self.replay_in_batches(query).await
    }
}
