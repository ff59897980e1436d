//! Call events: the ledger writes them, and here they are published and read.

use async_trait::async_trait;
use domain::ports::{EventFeed, FeedQuery, PortUnavailable};
use domain::{CallEvent, EventSequence, OrganizationId};
use sql_common::{EventColumns, read_sequence};
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, timeout};

use crate::PostgresStore;
use crate::statement::{Access, Failure, Work};
use crate::timestamp::PgTime;
use crate::wakeups::CHANNEL;

type EventRow = EventColumns<PgTime>;

#[async_trait]
impl EventFeed for PostgresStore {
    async fn publish(&self, limit: u32) -> Result<usize, PortUnavailable> {
        let unpublished = self.row(Access::Read, || {
            sqlx::query!(
                "select written_order from call_events where position is null order by written_order limit 1"
            )
        });
        if unpublished.await?.is_none() {
            return Ok(0);
        }
        // Repeated because its response was lost, it publishes the next events and returns the
        // number of these only.
        let published = self.run(&Publication { limit }).await?;
        Ok(usize::try_from(published).unwrap_or_default())
    }

    async fn read(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        if query.wait.is_zero() {
            return self.events(query).await;
        }
        let until = Instant::now() + query.wait;
        // Before the first look, so that no event that is published between the two is missed.
        let mut wakeup = self.wakeups.subscribe(query.organization_id.as_str());
        loop {
            let poll_interval = self.wakeups.poll_interval();
            let events = self.events(query).await?;
            let left = until.saturating_duration_since(Instant::now());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            // Look again after a wake-up and after a timeout alike.
            let _woken = timeout(poll_interval.min(left), wakeup.changed()).await;
        }
    }

    async fn newest(&self, organization_id: &OrganizationId) -> Result<EventSequence, PortUnavailable> {
        let newest = self.only_row(Access::Read, || {
            sqlx::query!(
                "select max(position) as newest from call_events where organization_id = $1",
                organization_id.as_str()
            )
        });
        let newest = newest.await?.newest.map_or(Ok(EventSequence::START), read_sequence);
        Ok(newest.map_err(Failure::from)?)
    }

    /// Repeated because its response was lost, it leaves out more numbers.
    async fn skip(&self, count: u32) -> Result<(), PortUnavailable> {
        let skipped = self.only_row(Access::Write, || {
            sqlx::query!(
                "update event_order set last_position = last_position + $1 returning last_position",
                i64::from(count)
            )
        });
        skipped.await.map(drop)
    }
}

impl PostgresStore {
    async fn events(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        // The pair is compared as a whole, so that every plan of the server reads a range of the
        // organization's own index, and never all newer events of other organizations.
        self.read_rows(|| {
            sqlx::query_as!(
                EventRow,
                r#"select event.position as "position!", event.kind, event.status_rank, event.end_reason, event.conversation_id,
                          event.happened_at, event.call_id, calls.organization_id, calls.user_id, calls.contact_id,
                          calls.agent_id, calls.from_number, calls.to_number, calls.metadata
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
        })
        .await
    }
}

/// Gives the oldest unpublished events the next positions, queues their deliveries, and wakes the
/// readers who wait for them.
struct Publication {
    limit: u32,
}

impl Work for Publication {
    type Output = i64;

    async fn run(&self, connection: &mut PgConnection) -> Result<i64, Failure> {
        let mut transaction = connection.begin().await?;
        // If another process is publishing, it publishes these events too.
        let turn = sqlx::query!("select last_position from event_order for no key update skip locked");
        if turn.fetch_optional(&mut *transaction).await?.is_none() {
            transaction.rollback().await?;
            return Ok(0);
        }
        // A statement of its own, so that it sees what the previous publication committed. It waits
        // for an endpoint that is being removed, and queues nothing for it. Only the publisher
        // updates events, so that an event is still where the statement found it (`ctid`).
        let published = sqlx::query!(
            r#"with unpublished as (
                   select ctid as place, written_order
                     from call_events
                    where position is null
                    order by written_order
                    limit $1
               ), numbered as (
                   select place,
                          event_order.last_position + row_number() over (order by written_order) as position
                     from unpublished cross join event_order
               ), advanced as (
                   update event_order set last_position = last_position + (select count(*) from unpublished)
               ), published as (
                   update call_events as event set position = numbered.position
                     from numbered
                    where event.ctid = numbered.place
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
                     from (select distinct organization_id from published) as organizations
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
