//! What organizations are told of their calls. Events are written by the ledger and the books; here they get their places.

mod row;

use async_trait::async_trait;
use domain::ports::{EventFeed, FeedQuery, PortUnavailable};
use domain::{CallEvent, EventSequence, OrganizationId};
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, timeout};

pub(crate) use self::row::{EventRow, EventStep, read_sequence};
use crate::PostgresStore;
use crate::statement::Transaction;
use crate::wakeups::CHANNEL;

#[async_trait]
impl EventFeed for PostgresStore {
    async fn publish(&self, limit: u32) -> Result<usize, PortUnavailable> {
        let unpublished = self.repeatable(|| {
            sqlx::query!(
                "select written_order from call_events where position is null order by written_order limit 1"
            )
        });
        if unpublished.await?.is_none() {
            return Ok(0);
        }
        // Repeated where the answer was lost, it publishes what comes after, and says so of that alone.
        let published = self.transact(&Publication { limit }).await?;
        Ok(usize::try_from(published).unwrap_or_default())
    }

    async fn read(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        let organization_id = query.organization_id.as_str();
        if query.wait.is_zero() {
            return self.events(query).await;
        }
        let until = Instant::now() + query.wait;
        // Before looking, so that what is published in between is heard of.
        let mut wakeup = self.wakeups.subscribe(organization_id);
        loop {
            let patience = self.wakeups.patience();
            let events = self.events(query).await?;
            let left = until.saturating_duration_since(Instant::now());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            // Woken or not: the next look tells.
            let _woken = timeout(patience.min(left), wakeup.changed()).await;
        }
    }

    async fn newest(&self, organization_id: &OrganizationId) -> Result<EventSequence, PortUnavailable> {
        let newest = self.repeatable(|| {
            sqlx::query!(
                "select max(position) as newest from call_events where organization_id = $1",
                organization_id.as_str()
            )
        });
        let newest = newest.await?.and_then(|row| row.newest);
        newest.map_or(Ok(EventSequence::START), read_sequence)
    }
}

impl PostgresStore {
    /// One look at what is published.
    async fn events(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        // Compared as a pair, so that it is always a range of the organization's own index, whichever plan the server keeps,
        // and never all that has happened to others since.
        let rows = self.repeatable_rows(|| {
            sqlx::query_as!(
                EventRow,
                r#"select event.position as "position!", event.kind, event.status_rank, event.conversation_id,
                          event.happened_at, event.call_id, calls.organization_id, calls.user_id, calls.contact_id,
                          calls.agent_id, calls.from_number, calls.to_number
                     from call_events as event
                     join calls on calls.id = event.call_id
                    where event.organization_id = $1 and event.position is not null
                      and (event.organization_id, event.position) > ($1, $2)
                    order by event.position
                    limit $3"#,
                query.organization_id.as_str(),
                query.after.number(),
                i64::from(query.limit)
            )
        });
        rows.await?.into_iter().map(CallEvent::try_from).collect()
    }
}

/// Gives the oldest unpublished events the next places, queues them, and wakes those who wait for them.
struct Publication {
    limit: u32,
}

impl Transaction for Publication {
    type Output = i64;

    async fn run(&self, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        // Another one who publishes is left to it.
        let turn = sqlx::query!("select last_position from event_order for no key update skip locked");
        if turn.fetch_optional(&mut *transaction).await?.is_none() {
            transaction.rollback().await?;
            return Ok(0);
        }
        // A statement of its own, so that it sees what the one before us published. An endpoint that is being removed in
        // this moment is waited for, and gets nothing.
        let published = sqlx::query!(
            r#"with written as (
                   select call_id, kind, status_rank, written_order
                     from call_events
                    where position is null
                    order by written_order
                    limit $1
               ), placed as (
                   select call_id, kind, status_rank,
                          event_order.last_position + row_number() over (order by written_order) as position
                     from written cross join event_order
               ), advanced as (
                   update event_order set last_position = last_position + (select count(*) from written)
               ), published as (
                   update call_events as event set position = placed.position
                     from placed
                    where event.call_id = placed.call_id and event.kind = placed.kind
                      and event.status_rank = placed.status_rank
                   returning event.position, event.organization_id, event.kind
               ), queued as (
                   insert into webhook_deliveries (position, endpoint_id)
                   select published.position, endpoint.id
                     from published
                     join webhook_endpoints as endpoint
                       on endpoint.organization_id = published.organization_id
                      and published.kind = any (endpoint.kinds)
                      for key share of endpoint
               ), woken as (
                   select pg_notify($2, organization_id) as notified
                     from (select distinct organization_id from published) as readers
               )
               select (select count(*) from published) as "published!", (select count(notified) from woken) as "woken!""#,
            i64::from(self.limit),
            CHANNEL
        );
        let published = published.fetch_one(&mut *transaction).await?.published;
        transaction.commit().await?;
        Ok(published)
    }
}
