use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{EventFeed, FeedQuery, PortUnavailable};
use domain::{CallEvent, EventSequence, OrganizationId};
use sql_common::{EventColumns, Table, read_sequence};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::clock::now;
use crate::failure::{STORAGE_LIMIT, unavailable, unreadable, within};
use crate::statement::{execute, rows};

/// How often a waiting reader looks: another process may publish in the same file without waking
/// this one.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

type EventRow = EventColumns<i64>;

#[async_trait]
impl EventFeed for SqliteStore {
    /// Looks on a reader first: mostly there is nothing to publish, and the writer is for bookings.
    /// Not synced: what a power failure loses is published again with the same positions, and each
    /// delivery is made at least once.
    async fn publish(&self, limit: u32) -> Result<usize, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let is_any = sqlx::query_scalar!(
                r#"select exists (select 1 from call_events where position is null) as "any!: bool""#
            )
            .fetch_one(&mut *reader)
            .await
            .map_err(unavailable)?;
            // In memory, this connection is also the writer's.
            drop(reader);
            if !is_any {
                return Ok(0);
            }
            let mut transaction = self.connections.begin_unsynced().await?;
            let published = give_positions(&mut transaction, limit).await?;
            if let (Some(first), Some(last)) = (published.positions.first(), published.positions.last()) {
                queue_deliveries(&mut transaction, *first, *last).await?;
            }
            transaction.commit().await?;
            for organization_id in &published.organizations {
                self.wakeups.wake(organization_id);
            }
            Ok(published.positions.len())
        })
        .await
    }

    /// Holds no connection while it waits.
    async fn read(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        let began = Instant::now();
        let mut wakeups = self.wakeups.subscribe(&query.organization_id);
        loop {
            let events = self.events(query).await?;
            let left = query.wait.saturating_sub(began.elapsed());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            // Look again after a wake-up, after a timeout and after the store was closed alike.
            let _ = tokio::time::timeout(left.min(POLL_INTERVAL), wakeups.changed()).await;
        }
    }

    async fn newest(&self, organization_id: &OrganizationId) -> Result<EventSequence, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let newest = sqlx::query_scalar!(
                r#"select max(position) as "newest: i64" from call_events
                   where organization_id = ? and position is not null"#,
                organization_id.as_str()
            )
            .fetch_one(&mut *reader)
            .await
            .map_err(unavailable)?;
            newest.map_or(Ok(EventSequence::START), read_sequence).map_err(unreadable)
        })
        .await
    }

    async fn skip(&self, count: u32) -> Result<(), PortUnavailable> {
        let skip = self.connections.write_synced(move |writer| Box::pin(leave_out(writer, count)));
        within(STORAGE_LIMIT, skip).await
    }
}

impl SqliteStore {
    async fn events(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        self.read_rows(sqlx::query_as!(
            EventRow,
            r#"select events.position as "position!", events.call_id, events.kind, events.status_rank, events.end_reason,
                      events.organization_id, events.conversation_id, calls.user_id, calls.contact_id, calls.agent_id,
                      calls.from_number, calls.to_number, calls.metadata, events.happened_at
               from call_events events join calls on calls.id = events.call_id
               where events.organization_id = ? and events.position > ?
               order by events.position limit ?"#,
            query.organization_id.as_str(),
            query.after.number(),
            query.limit
        ))
        .await
    }
}

/// The number of an event is its `written_order`, which SQLite counts in a table of its own. The table
/// has no row before the first event.
async fn leave_out(connection: &mut SqliteConnection, count: u32) -> Result<(), PortUnavailable> {
    let begun = sqlx::query!(
        "insert into sqlite_sequence (name, seq) select 'call_events', 0
         where not exists (select 1 from sqlite_sequence where name = 'call_events')"
    );
    execute(connection, begun).await?;
    let skipped = sqlx::query!(
        "update sqlite_sequence set seq = ? + max(seq, (select coalesce(max(written_order), 0) from call_events))
         where name = 'call_events'",
        count
    );
    execute(connection, skipped).await.map(drop)
}

/// The result of a publication: consecutive positions.
struct Published {
    positions: BTreeSet<i64>,
    organizations: BTreeSet<OrganizationId>,
}

async fn give_positions(connection: &mut SqliteConnection, limit: u32) -> Result<Published, PortUnavailable> {
    let published = sqlx::query!(
        r#"update call_events set position = written_order
           where written_order in
               (select written_order from call_events where position is null order by written_order limit ?)
           returning written_order as "position!", organization_id as "organization_id!""#,
        limit
    );
    let rows = rows(connection, published).await?;
    let mut published = Published { positions: BTreeSet::new(), organizations: BTreeSet::new() };
    for row in rows {
        published.positions.insert(row.position);
        let organization_id = Table("call_events").read("organization_id", row.organization_id);
        published.organizations.insert(organization_id.map_err(unreadable)?);
    }
    Ok(published)
}

/// Queues a delivery of each event for each endpoint of its organization that is registered for its
/// kind.
async fn queue_deliveries(
    connection: &mut SqliteConnection,
    first: i64,
    last: i64,
) -> Result<(), PortUnavailable> {
    let queued = sqlx::query!(
        "insert into webhook_deliveries (endpoint_id, position, state, attempts, queued_at, due_at)
         select endpoints.id, events.position, 'pending', 0, ?1, ?1
         from call_events events
         join webhook_endpoints endpoints on endpoints.organization_id = events.organization_id
         where events.written_order between ?2 and ?3
             and exists (select 1 from json_each(endpoints.kinds) where value = events.kind)",
        now().unix_millis(),
        first,
        last
    );
    execute(connection, queued).await.map(drop)
}

#[cfg(test)]
mod tests;
