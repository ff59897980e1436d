//! Events on their way to endpoints. `publish` queues them.

mod lease;
mod replay;

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AttemptConclusion, DeliveryLease, DeliveryListQuery, DeliveryQueue, PortUnavailable, ReplayQuery,
};
use domain::{DeliveryFailure, DeliveryRecord, DeliveryState, DueDelivery, WebhookEndpointId};
use time::OffsetDateTime;

use crate::PostgresStore;
use crate::events::{EventStep, read_sequence};
use crate::failure::because;
use crate::moment::{database_time, moment};
use crate::row::{read, unreadable};

struct DeliveryRow {
    endpoint_id: String,
    position: i64,
    call_id: String,
    kind: String,
    status_rank: i16,
    state: String,
    attempts: i32,
    queued_at: OffsetDateTime,
    due_at: OffsetDateTime,
    concluded_at: Option<OffsetDateTime>,
    last_failure: Option<String>,
}

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
        let (state, failure, pause) = match conclusion {
            AttemptConclusion::Delivered => (DeliveryState::Delivered, None, None),
            AttemptConclusion::Postponed { failure, pause } => {
                (DeliveryState::Pending, Some(failure), Some(pause.as_secs_f64()))
            }
            AttemptConclusion::GivenUp { failure } => (DeliveryState::Dead, Some(failure), None),
        };
        // A replay counts attempts from the beginning: whose first attempt it was, the time of queueing tells, which is known
        // to the millisecond here.
        let queued_at = database_time(delivery.queued_at)?;
        // The delivery was handed out by `claim`, whichever tenant's it is: none stands beside it. It is
        // looked for by its key, and not among all that is pending, which `state` would suggest to the server.
        let concluded = self.repeatable(|| {
            sqlx::query!(
                "update webhook_deliveries \
                    set state = $4, last_failure = $5, claimed_until = null, \
                        due_at = coalesce(clock_timestamp() + make_interval(secs => $6), due_at), \
                        concluded_at = case $4 when 'pending' then null else clock_timestamp() end \
                  where position = $1 and endpoint_id = $2 and attempts = $3 and concluded_at is null \
                    and date_trunc('milliseconds', queued_at) = $7 \
                 returning position",
                delivery.event.sequence.number(),
                delivery.endpoint_id.as_str(),
                i32::try_from(delivery.attempt).unwrap_or(i32::MAX),
                state.as_str(),
                failure.map(|failure| failure.to_string()),
                pause,
                queued_at
            )
        });
        concluded.await.map(|_| ())
    }

    async fn expire(&self, queued_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        // Repeated where the answer was lost, it counts none of those that it has given up before.
        let given_up = self.repeatable(|| {
            sqlx::query!(
                r#"with old as (
                       select position, endpoint_id
                         from webhook_deliveries
                        where state = 'pending' and queued_at <= statement_timestamp() - make_interval(secs => $1)
                          and (claimed_until is null or claimed_until <= statement_timestamp())
                        limit $2
                          for no key update skip locked
                   ), given_up as (
                       update webhook_deliveries as delivery
                          set state = 'dead', claimed_until = null, concluded_at = clock_timestamp()
                         from old
                        where delivery.position = old.position and delivery.endpoint_id = old.endpoint_id
                       returning 1
                   )
                   select count(*) as "given_up!" from given_up"#,
                queued_for.as_secs_f64(),
                i64::from(limit)
            )
        });
        let given_up = given_up.await?.and_then(|row| u64::try_from(row.given_up).ok());
        given_up.ok_or_else(|| because("a statement gave no row"))
    }

    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable> {
        let before = query.filter.before.as_ref();
        // The newest of each endpoint and state, of which there are few, each a range of an index; and the newest of those.
        let rows = self.repeatable_rows(|| {
            sqlx::query_as!(
                DeliveryRow,
                r#"select delivery.endpoint_id, delivery.position, event.call_id, event.kind, event.status_rank,
                          delivery.state, delivery.attempts, delivery.queued_at, delivery.due_at,
                          delivery.concluded_at, delivery.last_failure
                     from (select newest.*
                             from webhook_endpoints as endpoint
                             cross join unnest(array['pending', 'delivered', 'dead']) as wanted (state)
                             cross join lateral (
                                 select *
                                   from webhook_deliveries
                                  where endpoint_id = endpoint.id and webhook_deliveries.state = wanted.state
                                    and position <= coalesce($4::bigint, 9223372036854775807)
                                    and (position < coalesce($4::bigint, 9223372036854775807)
                                         or endpoint_id < $5)
                                  order by position desc
                                  limit $6
                             ) as newest
                            where endpoint.organization_id = $1
                              and ($2::text is null or endpoint.id = $2)
                              and ($3::text is null or wanted.state = $3)
                            order by newest.position desc, newest.endpoint_id desc
                            limit $6) as delivery
                     join call_events as event on event.position = delivery.position
                    order by delivery.position desc, delivery.endpoint_id desc"#,
                query.organization_id.as_str(),
                query.filter.endpoint_id.as_ref().map(WebhookEndpointId::as_str),
                query.filter.state.map(DeliveryState::as_str),
                before.map(|(position, _)| position.number()),
                before.map(|(_, id)| id.as_str()),
                i64::from(query.filter.limit)
            )
        });
        rows.await?.into_iter().map(DeliveryRecord::try_from).collect()
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        self.replay_in_portions(query).await
    }
}

impl TryFrom<DeliveryRow> for DeliveryRecord {
    type Error = PortUnavailable;

    fn try_from(row: DeliveryRow) -> Result<Self, PortUnavailable> {
        let step = EventStep::read(&row.call_id, &row.kind, row.status_rank)?;
        let state = DeliveryState::from_name(&row.state);
        let state = state.ok_or_else(|| unreadable("webhook_deliveries.state"))?;
        let failure = |name: &str| {
            DeliveryFailure::from_name(name).ok_or_else(|| unreadable("webhook_deliveries.last_failure"))
        };
        Ok(Self {
            endpoint_id: read("webhook_endpoints.id", &row.endpoint_id, WebhookEndpointId::parse)?,
            sequence: read_sequence(row.position)?,
            event_id: step.id(),
            kind: step.kind,
            call_id: step.call_id,
            state,
            attempts: read_attempts(row.attempts)?,
            queued_at: moment(row.queued_at),
            next_attempt_at: (state == DeliveryState::Pending).then(|| moment(row.due_at)),
            concluded_at: row.concluded_at.map(moment),
            last_failure: row.last_failure.as_deref().map(failure).transpose()?,
        })
    }
}

fn read_attempts(attempts: i32) -> Result<u32, PortUnavailable> {
    u32::try_from(attempts).map_err(|_| unreadable("webhook_deliveries.attempts"))
}
