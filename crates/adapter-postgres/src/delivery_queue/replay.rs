//! Replaying deliveries in batches: there may be more than one statement can write within its time
//! limit.

use domain::ports::{PortUnavailable, ReplayQuery};
use domain::{DeliveryState, EventSequence, OrganizationId, WebhookEndpointId};

use crate::PostgresStore;
use crate::statement::Access;

/// The number of deliveries that one statement queues again.
const REPLAY_BATCH: i64 = 1000;

impl PostgresStore {
    /// A statement that is repeated because its response was lost does not count the deliveries of
    /// the first attempt.
    pub(super) async fn replay_in_batches(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        let states = if query.delivered_too {
            [DeliveryState::Dead, DeliveryState::Delivered].as_slice()
        } else {
            [DeliveryState::Dead].as_slice()
        };
        let states: Vec<&str> = states.iter().copied().map(DeliveryState::as_str).collect();
        let mut replayed = 0;
        for endpoint_id in self.endpoints_to_replay(query).await? {
            let mut last = query.after.map_or(0, EventSequence::number);
            while let Some(batch) = self.replay_batch(&endpoint_id, &states, last).await? {
                replayed += batch.replayed;
                last = batch.last;
            }
        }
        Ok(replayed)
    }

    /// Without an organization in the query, the operator replays the deliveries of all
    /// organizations.
    async fn endpoints_to_replay(&self, query: &ReplayQuery) -> Result<Vec<String>, PortUnavailable> {
        let endpoints = self.rows(Access::Read, || {
            sqlx::query!(
                "select id from webhook_endpoints \
                  where ($1::text is null or organization_id = $1) and ($2::text is null or id = $2) \
                    and suspended_at is null order by id",
                query.organization_id.as_ref().map(OrganizationId::as_str),
                query.endpoint_id.as_ref().map(WebhookEndpointId::as_str)
            )
        });
        Ok(endpoints.await?.into_iter().map(|row| row.id).collect())
    }

    /// Queues the next deliveries after a position again, whichever of these states each has: in
    /// the order of their events, in which they are leased. Returns `None` if there are none.
    async fn replay_batch(
        &self,
        endpoint_id: &str,
        states: &[&str],
        after: i64,
    ) -> Result<Option<Batch>, PortUnavailable> {
        let replayed = self.only_row(Access::Write, || {
            sqlx::query!(
                r#"with batch as (
                       select next.position, next.state
                         from unnest($2::text[]) as state (name)
                         cross join lateral (
                             select position, webhook_deliveries.state
                               from webhook_deliveries
                              where endpoint_id = $1 and webhook_deliveries.state = state.name and position > $3
                              order by position
                              limit $4
                         ) as next
                        order by next.position
                        limit $4
                   ), replayed as (
                       update webhook_deliveries as delivery
                          set state = 'pending', attempts = 0, queued_at = clock_timestamp(), due_at = clock_timestamp(),
                              concluded_at = null
                         from batch
                        where delivery.endpoint_id = $1 and delivery.position = batch.position
                          and delivery.state = batch.state
                       returning 1
                   )
                   select (select count(*) from replayed) as "replayed!", (select max(position) from batch) as last"#,
                endpoint_id,
                states as _,
                after,
                REPLAY_BATCH
            )
        });
        let row = replayed.await?;
        let replayed = u64::try_from(row.replayed).unwrap_or_default();
        Ok(row.last.map(|last| Batch { replayed, last }))
    }
}

/// The result of one statement.
struct Batch {
    replayed: u64,
    /// The position after which the next batch begins.
    last: i64,
}
