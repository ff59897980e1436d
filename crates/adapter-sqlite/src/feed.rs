use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{EventFeed, FeedQuery, PortUnavailable};
use domain::{CallEvent, EventSequence, OrganizationId};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::events::{EventRow, sequence};
use crate::failure::{STORAGE_LIMIT, unavailable, unreadable, within};
use crate::wall_clock::now;

/// How often a reader looks who waits: another process may publish in the same file, and nothing tells of that.
const POLL: Duration = Duration::from_secs(1);

#[async_trait]
impl EventFeed for SqliteStore {
    /// Asks a reader first: mostly there is nothing, and the writer is for bookings. Not synced: what a power failure takes is
    /// published again, in the same order at the same places, and its deliveries are made at least once.
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
            let mut transaction = self.connections.begin_lease().await?;
            let published = give_places(&mut transaction, limit).await?;
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
            let events = within(STORAGE_LIMIT, self.published(query)).await?;
            let left = query.wait.saturating_sub(began.elapsed());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            // Whether it is woken, the time is over, or the store was closed: the next look tells.
            let _ = tokio::time::timeout(left.min(POLL), wakeups.changed()).await;
        }
    }

    async fn newest(&self, organization_id: &OrganizationId) -> Result<EventSequence, PortUnavailable> {
        let organization_id = organization_id.as_str();
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let newest = sqlx::query_scalar!(
                r#"select max(position) as "newest: i64" from call_events
                   where organization_id = ? and position is not null"#,
                organization_id
            )
            .fetch_one(&mut *reader)
            .await
            .map_err(unavailable)?;
            newest.map_or(Ok(EventSequence::START), sequence)
        })
        .await
    }
}

impl SqliteStore {
    async fn published(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        let (organization_id, after) = (query.organization_id.as_str(), query.after.number());
        let mut reader = self.connections.read().await?;
        let rows = sqlx::query_as!(
            EventRow,
            r#"select events.position as "position!", events.call_id, events.kind, events.status_rank,
                      events.organization_id, events.conversation_id, calls.user_id, calls.contact_id, calls.agent_id,
                      calls.from_number, calls.to_number, events.happened_at
               from call_events events join calls on calls.id = events.call_id
               where events.organization_id = ? and events.position > ?
               order by events.position limit ?"#,
            organization_id,
            after,
            query.limit
        )
        .fetch_all(&mut *reader)
        .await
        .map_err(unavailable)?;
        rows.into_iter().map(CallEvent::try_from).collect()
    }
}

/// What was just published: a run of places, with none between them that others have.
struct Published {
    positions: BTreeSet<i64>,
    organizations: BTreeSet<OrganizationId>,
}

async fn give_places(connection: &mut SqliteConnection, limit: u32) -> Result<Published, PortUnavailable> {
    let rows = sqlx::query!(
        r#"update call_events set position = written_order
           where written_order in
               (select written_order from call_events where position is null order by written_order limit ?)
           returning written_order as "position!", organization_id as "organization_id!""#,
        limit
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    let mut published = Published { positions: BTreeSet::new(), organizations: BTreeSet::new() };
    for row in rows {
        published.positions.insert(row.position);
        published.organizations.insert(
            OrganizationId::parse(&row.organization_id).map_err(unreadable("call_events.organization_id"))?,
        );
    }
    Ok(published)
}

/// Queues these events for the endpoints that asked for their kinds.
async fn queue_deliveries(
    connection: &mut SqliteConnection,
    first: i64,
    last: i64,
) -> Result<(), PortUnavailable> {
    let now = now().unix_millis();
    sqlx::query!(
        "insert into webhook_deliveries (endpoint_id, position, state, attempts, queued_at, due_at)
         select endpoints.id, events.position, 'pending', 0, ?1, ?1
         from call_events events
         join webhook_endpoints endpoints on endpoints.organization_id = events.organization_id
         where events.written_order between ?2 and ?3
             and exists (select 1 from json_each(endpoints.kinds) where value = events.kind)",
        now,
        first,
        last
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use domain::ports::{CallLedger, Directory};
    use testkit::fixtures::Tenant;

    use super::*;
    use crate::SqliteSettings;

    /// A reader would be answered without it too, if later: it looks each second.
    #[tokio::test]
    async fn publishing_wakes_those_who_wait_for_the_organization() {
        let store = SqliteStore::open(&SqliteSettings::in_memory()).await.expect("there is memory");
        store.migrate().await.expect("the schema is new");
        let tenants = [Tenant::new(), Tenant::new()];
        let waiting = tenants.each_ref().map(|tenant| store.wakeups.subscribe(&tenant.organization.id));
        let mut import = store.begin().await.expect("store is up");
        import.upsert(&tenants[0].records()).await.expect("the records agree with each other");
        import.commit().await.expect("store is up");

        store.book(&tenants[0].booking(Duration::from_secs(60))).await.expect("store is up");
        let woken = || waiting.each_ref().map(|one| one.has_changed().expect("the store is open"));
        assert_eq!(woken(), [false, false], "nothing is there to be read");
        assert_eq!(store.publish(10).await, Ok(1));
        assert_eq!(woken(), [true, false]);
    }
}
