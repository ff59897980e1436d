//! Leasing deliveries for their next attempt, up to a maximum for each endpoint and for each
//! organization, and the events of a call one after another.

use std::collections::HashMap;

use domain::ports::{DeliveryLease, PortUnavailable};
use domain::{DueDelivery, Timestamp};
use sql_common::{DueColumns, read_leased, running_to_json};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::clock::now;
use crate::failure::{STORAGE_LIMIT, within};
use crate::statement::{execute, rows};

type DueRow = DueColumns<i64>;

impl SqliteStore {
    /// Looks on a reader first: mostly nothing is due, and the writer is for bookings. Not synced:
    /// after a power failure that loses a lease, the delivery is made once more.
    pub(super) async fn lease_deliveries(
        &self,
        lease: &DeliveryLease,
    ) -> Result<Vec<DueDelivery>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let is_none_due = due(&mut reader, lease, now()).await?.is_empty();
            // In memory, this connection is also the writer's.
            drop(reader);
            if is_none_due {
                return Ok(Vec::new());
            }
            let mut transaction = self.connections.begin_unsynced().await?;
            let now = now();
            let mut due = due(&mut transaction, lease, now).await?;
            keep_earliest_of_each_call(&mut due);
            for row in &due {
                let leased = sqlx::query!(
                    "update webhook_deliveries set attempts = attempts + 1, claimed_until = ?
                     where endpoint_id = ? and position = ?",
                    now.after(lease.lease_for).unix_millis(),
                    row.endpoint_id,
                    row.position
                );
                execute(&mut transaction, leased).await?;
            }
            transaction.commit().await?;
            Ok(read_leased(due))
        })
        .await
    }
}

/// The deliveries to lease, with their next attempt: first those to the endpoints with the fewest
/// leases, then the longest due. For each endpoint the statement reads no more rows than it may
/// lease, so that a long queue costs no more than a short one. `cross join` and the `+` keep SQLite
/// from beginning with the deliveries, or with all earlier events.
///
/// A delivery waits while an earlier one of its call to its endpoint is leased or waits for its
/// first attempt.
async fn due(
    connection: &mut SqliteConnection,
    lease: &DeliveryLease,
    now: Timestamp,
) -> Result<Vec<DueRow>, PortUnavailable> {
    let due = sqlx::query_as!(
        DueRow,
        r#"select endpoints.id as endpoint_id, endpoints.url, endpoints.secret,
                  iif(endpoints.previous_until > ?1, endpoints.previous_secret, null) as "previous_secret: Vec<u8>",
                  due.attempts + 1 as "attempts!: i64", due.queued_at as "queued_at!: i64",
                  events.written_order as position, events.call_id, events.kind, events.status_rank, events.end_reason,
                  events.organization_id, events.conversation_id, calls.user_id, calls.contact_id, calls.agent_id,
                  calls.from_number, calls.to_number, calls.metadata, events.happened_at
           from (select counted.*,
                        row_number() over (partition by organization_id
                                           order by turn + leases, due_at, position, endpoint_id)
                            as turn_of_organization
                 from (select deliveries.endpoint_id, deliveries.position, deliveries.attempts,
                        deliveries.queued_at, deliveries.due_at, webhook_endpoints.organization_id,
                        row_number() over (partition by deliveries.endpoint_id
                                           order by deliveries.due_at, deliveries.position) as turn,
                        (select count(*) from webhook_deliveries
                         where endpoint_id = webhook_endpoints.id and claimed_until > ?1) as leases
                 from webhook_endpoints
                 cross join webhook_deliveries deliveries
                     on deliveries.endpoint_id = webhook_endpoints.id and deliveries.position in
                         (select position from webhook_deliveries
                          where endpoint_id = webhook_endpoints.id and state = 'pending' and due_at <= ?1
                              and (claimed_until is null or claimed_until <= ?1)
                              and not exists
                                  (select 1 from call_events event
                                   cross join call_events earlier_event on earlier_event.call_id = event.call_id
                                       and +earlier_event.written_order < event.written_order
                                   cross join webhook_deliveries earlier
                                       on earlier.endpoint_id = webhook_deliveries.endpoint_id
                                       and earlier.position = earlier_event.written_order
                                   where event.written_order = webhook_deliveries.position
                                       and earlier.state = 'pending'
                                       and (earlier.attempts = 0 or earlier.claimed_until > ?1))
                          order by due_at, position limit ?2)
                 where webhook_endpoints.suspended_at is null) counted
                 where turn <= ?2 - leases) due
           join webhook_endpoints endpoints on endpoints.id = due.endpoint_id
           join call_events events on events.written_order = due.position
           join calls on calls.id = events.call_id
           where due.turn_of_organization <= ?4 - coalesce((select value ->> 1 from json_each(?5)
                                                            where value ->> 0 = due.organization_id), 0)
           order by due.turn + due.leases, due.due_at, due.position, due.endpoint_id limit ?3"#,
        now.unix_millis(),
        lease.per_endpoint,
        lease.limit,
        lease.per_organization,
        running_to_json(&lease.running)
    );
    rows(connection, due).await
}

/// Of two deliveries of a call to one endpoint that are due for another attempt, the later one
/// waits.
fn keep_earliest_of_each_call(due: &mut Vec<DueRow>) {
    let mut earliest = HashMap::new();
    for row in &*due {
        let position = earliest.entry((row.endpoint_id.clone(), row.call_id.clone())).or_insert(row.position);
        *position = row.position.min(*position);
    }
    due.retain(|row| {
        earliest.get(&(row.endpoint_id.clone(), row.call_id.clone())).is_none_or(|it| *it == row.position)
    });
}
