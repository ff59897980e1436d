use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AttemptConclusion, DeliveryLease, DeliveryListQuery, DeliveryQueue, PortUnavailable, ReplayQuery,
};
use domain::{
    DeliveryRecord, DeliveryState, DueDelivery, EventSequence, OrganizationId, Timestamp, WebhookEndpointId,
};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::delivery_row::{DeliveryRow, DueRow, select_deliveries};
use crate::failure::{STORAGE_LIMIT, unavailable, within};
use crate::wall_clock::now;

/// How many deliveries are queued anew in one transaction: the bound on how long a replay holds the writer.
const REPLAYED_AT_ONCE: u32 = 500;

#[async_trait]
impl DeliveryQueue for SqliteStore {
    /// Asks a reader first: mostly nothing is due, and the writer is for bookings. A claim is a lease, and not synced: a power
    /// failure that takes it lets a delivery be made once more.
    async fn lease(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let none_is_due = due(&mut reader, lease, now()).await?.is_empty();
            // In memory, this connection is also the writer's.
            drop(reader);
            if none_is_due {
                return Ok(Vec::new());
            }
            let mut transaction = self.connections.begin_lease().await?;
            let now = now();
            let rows = due(&mut transaction, lease, now).await?;
            let claimed_until = now.after(lease.lease_for).unix_millis();
            for row in &rows {
                sqlx::query!(
                    "update webhook_deliveries set attempts = attempts + 1, claimed_until = ?
                     where endpoint_id = ? and position = ?",
                    claimed_until,
                    row.endpoint_id,
                    row.position
                )
                .execute(&mut *transaction)
                .await
                .map_err(unavailable)?;
            }
            let leased = rows.into_iter().map(|row| row.handed_out(now)).collect::<Result<_, _>>()?;
            transaction.commit().await?;
            Ok(leased)
        })
        .await
    }

    /// Not synced: a delivery that a power failure opens again is made once more. A replay between the two begins to count
    /// attempts anew, and so it takes the time of queueing too to know an attempt again.
    async fn conclude(
        &self,
        delivery: &DueDelivery,
        conclusion: AttemptConclusion,
    ) -> Result<(), PortUnavailable> {
        let (endpoint_id, position) = (delivery.endpoint_id.as_str(), delivery.event.sequence.number());
        let queued_at = delivery.queued_at.unix_millis();
        let (state, failure, pause) = match conclusion {
            AttemptConclusion::Delivered => (DeliveryState::Delivered, None, None),
            AttemptConclusion::Postponed { failure, pause } => {
                (DeliveryState::Pending, Some(failure), Some(pause))
            }
            AttemptConclusion::GivenUp { failure } => (DeliveryState::Dead, Some(failure), None),
        };
        let (state, failure) = (state.as_str(), failure.map(|failure| failure.to_string()));
        within(STORAGE_LIMIT, async {
            let mut writer = self.connections.write_lease().await?;
            let now = now();
            let due_at = pause.map(|pause| now.after(pause).unix_millis());
            let concluded_at = if pause.is_none() { Some(now.unix_millis()) } else { None };
            sqlx::query!(
                "update webhook_deliveries
                 set state = ?, last_failure = ?, due_at = coalesce(?, due_at), concluded_at = ?, claimed_until = null
                 where endpoint_id = ? and position = ? and state = 'pending' and attempts = ? and queued_at = ?",
                state,
                failure,
                due_at,
                concluded_at,
                endpoint_id,
                position,
                delivery.attempt,
                queued_at
            )
            .execute(&mut *writer)
            .await
            .map(drop)
            .map_err(unavailable)
        })
        .await
    }

    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let rows = match &query.filter.endpoint_id {
                Some(endpoint_id) => page_of_endpoint(&mut reader, query, endpoint_id).await?,
                None => page(&mut reader, query).await?,
            };
            rows.into_iter().map(DeliveryRecord::try_from).collect()
        })
        .await
    }

    /// Asks a reader first, and takes the writer only where there is something to give up.
    async fn expire(&self, queued_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        let now = now();
        let (now_millis, queued_until) = (now.unix_millis(), now.before(queued_for).unix_millis());
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
            let mut transaction = self.connections.begin_books().await?;
            let given_up = sqlx::query!(
                "update webhook_deliveries set state = 'dead', claimed_until = null, concluded_at = ?1
                 where (endpoint_id, position) in
                     (select endpoint_id, position from webhook_deliveries
                      where state = 'pending' and queued_at <= ?2
                          and (claimed_until is null or claimed_until <= ?1)
                      limit ?3)",
                now_millis,
                queued_until,
                limit
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            transaction.commit().await?;
            Ok(given_up.rows_affected())
        })
        .await
    }

    /// In portions, each whole and on disk when the next one begins, so that bookings come in between.
    async fn replay(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        let mut replayed = 0;
        let mut last = (String::new(), EventSequence::START.number());
        loop {
            let keys = within(STORAGE_LIMIT, self.replay_portion(query, &last)).await?;
            replayed += keys.len() as u64;
            match keys.into_iter().max() {
                Some(key) => last = key,
                None => return Ok(replayed),
            }
        }
    }
}

impl SqliteStore {
    /// Queues the next deliveries anew in the order of their keys, and answers these.
    async fn replay_portion(
        &self,
        query: &ReplayQuery,
        (last_endpoint_id, last_position): &(String, i64),
    ) -> Result<Vec<(String, i64)>, PortUnavailable> {
        let organization_id = query.organization_id.as_ref().map(OrganizationId::as_str);
        let endpoint_id = query.endpoint_id.as_ref().map(WebhookEndpointId::as_str);
        let after = query.after.map(EventSequence::number);
        let mut transaction = self.connections.begin_books().await?;
        let now = now().unix_millis();
        let keys = sqlx::query!(
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
                    order by endpoint_id, position limit ?8)
               returning endpoint_id as "endpoint_id!", position as "position!""#,
            now,
            last_endpoint_id,
            last_position,
            query.delivered_too,
            endpoint_id,
            after,
            organization_id,
            REPLAYED_AT_ONCE
        )
        .fetch_all(&mut *transaction)
        .await
        .map_err(unavailable)?;
        transaction.commit().await?;
        Ok(keys.into_iter().map(|key| (key.endpoint_id, key.position)).collect())
    }
}

/// What may be handed out now: first to those endpoints that have the fewest out, and then the longest due. For each endpoint it
/// looks at no more than may be out, so that a long queue costs no more than a short one; `cross join` keeps SQLite from
/// beginning with the deliveries.
async fn due(
    connection: &mut SqliteConnection,
    lease: &DeliveryLease,
    now: Timestamp,
) -> Result<Vec<DueRow>, PortUnavailable> {
    let now = now.unix_millis();
    sqlx::query_as!(
        DueRow,
        r#"select endpoints.id as endpoint_id, endpoints.url, endpoints.secret, endpoints.previous_secret,
                  endpoints.previous_until, due.attempts as "attempts!: i64", due.queued_at as "queued_at!: i64",
                  events.written_order as position, events.call_id, events.kind, events.status_rank,
                  events.organization_id, events.conversation_id, calls.user_id, calls.contact_id, calls.agent_id,
                  calls.from_number, calls.to_number, events.happened_at
           from (select deliveries.endpoint_id, deliveries.position, deliveries.attempts, deliveries.queued_at,
                        deliveries.due_at,
                        row_number() over (partition by deliveries.endpoint_id
                                           order by deliveries.due_at, deliveries.position) as turn
                 from webhook_endpoints
                 cross join webhook_deliveries deliveries
                     on deliveries.endpoint_id = webhook_endpoints.id and deliveries.position in
                         (select position from webhook_deliveries
                          where endpoint_id = webhook_endpoints.id and state = 'pending' and due_at <= ?1
                              and (claimed_until is null or claimed_until <= ?1)
                          order by due_at, position limit ?2)) due
           join webhook_endpoints endpoints on endpoints.id = due.endpoint_id
           join call_events events on events.written_order = due.position
           join calls on calls.id = events.call_id
           where due.turn <= ?2 - (select count(*) from webhook_deliveries
                                   where endpoint_id = due.endpoint_id and claimed_until > ?1)
           order by due.turn + (select count(*) from webhook_deliveries
                                where endpoint_id = due.endpoint_id and claimed_until > ?1),
               due.due_at, due.position, due.endpoint_id limit ?3"#,
        now,
        lease.per_endpoint,
        lease.limit
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)
}

/// A page of one endpoint's deliveries, in the order of the table's key.
async fn page_of_endpoint(
    connection: &mut SqliteConnection,
    query: &DeliveryListQuery,
    endpoint_id: &WebhookEndpointId,
) -> Result<Vec<DeliveryRow>, PortUnavailable> {
    let (organization_id, endpoint_id) = (query.organization_id.as_str(), endpoint_id.as_str());
    let state = query.filter.state.map(DeliveryState::as_str);
    let before_position = query.filter.before.as_ref().map(|(position, _)| position.number());
    let before_id = query.filter.before.as_ref().map(|(_, id)| id.as_str());
    select_deliveries!(
        "where deliveries.endpoint_id = ?1
             and exists (select 1 from webhook_endpoints where id = ?1 and organization_id = ?2)
             and (?3 is null or deliveries.state = ?3)
             and (?4 is null or (deliveries.position, deliveries.endpoint_id) < (?4, ?5))
         order by deliveries.position desc
         limit ?6",
        endpoint_id,
        organization_id,
        state,
        before_position,
        before_id,
        query.filter.limit
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)
}

/// A page of the deliveries to all endpoints of the organization. The `+` has SQLite begin with the newest event, and stop at
/// the end of the page, instead of sorting all that the endpoints ever got.
async fn page(
    connection: &mut SqliteConnection,
    query: &DeliveryListQuery,
) -> Result<Vec<DeliveryRow>, PortUnavailable> {
    let organization_id = query.organization_id.as_str();
    let state = query.filter.state.map(DeliveryState::as_str);
    let before_position = query.filter.before.as_ref().map(|(position, _)| position.number());
    let before_id = query.filter.before.as_ref().map(|(_, id)| id.as_str());
    select_deliveries!(
        "where +deliveries.endpoint_id in (select id from webhook_endpoints where organization_id = ?1)
             and (?2 is null or deliveries.state = ?2)
             and (?3 is null or (deliveries.position, deliveries.endpoint_id) < (?3, ?4))
         order by deliveries.position desc, deliveries.endpoint_id desc
         limit ?5",
        organization_id,
        state,
        before_position,
        before_id,
        query.filter.limit
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)
}
