//! Taking deliveries for their next attempt, so many of each endpoint and no more.

use domain::ports::{DeliveryLease, PortUnavailable};
use domain::{DueDelivery, WebhookEndpointId, WebhookUrl};
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use super::read_attempts;
use crate::PostgresStore;
use crate::endpoints::read_secret;
use crate::events::EventRow;
use crate::moment::moment;
use crate::row::read;
use crate::statement::Transaction;

/// A delivery with its endpoint and its event.
struct DueRow {
    endpoint_id: String,
    url: String,
    secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
    attempts: i32,
    queued_at: OffsetDateTime,
    position: i64,
    kind: String,
    status_rank: i16,
    conversation_id: Option<String>,
    happened_at: OffsetDateTime,
    call_id: String,
    organization_id: String,
    user_id: String,
    contact_id: String,
    agent_id: String,
    from_number: String,
    to_number: String,
}

impl PostgresStore {
    /// Repeated where the answer was lost, it takes others; the lost ones come back with their time.
    pub(super) async fn lease_deliveries(
        &self,
        lease: &DeliveryLease,
    ) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let endpoints = self.endpoints_with_work(lease).await?;
        if endpoints.is_empty() {
            return Ok(Vec::new());
        }
        let due = self.transact(&Leasing { lease, endpoints }).await?;
        due.into_iter().map(DueDelivery::try_from).collect()
    }

    /// The endpoints of which something is due, and that may have more of it out. Steps from endpoint to endpoint along the
    /// index of what is pending, however much that is for each. The time is the statement's, which an index can be asked for.
    async fn endpoints_with_work(&self, lease: &DeliveryLease) -> Result<Vec<String>, PortUnavailable> {
        let endpoints = self.repeatable_rows(|| {
            sqlx::query!(
                r#"with recursive pending (endpoint_id) as (
                       (select endpoint_id from webhook_deliveries where state = 'pending' order by endpoint_id limit 1)
                       union all
                       select (select delivery.endpoint_id
                                 from webhook_deliveries as delivery
                                where delivery.state = 'pending' and delivery.endpoint_id > pending.endpoint_id
                                order by delivery.endpoint_id limit 1)
                         from pending
                        where pending.endpoint_id is not null
                   )
                   select endpoint_id as "endpoint_id!"
                     from pending
                    where (select count(*)
                             from webhook_deliveries as taken
                            where taken.endpoint_id = pending.endpoint_id and taken.claimed_until > statement_timestamp()) < $1
                      and (select true
                             from webhook_deliveries as due
                            where due.endpoint_id = pending.endpoint_id and due.state = 'pending'
                              and due.due_at <= statement_timestamp()
                              and (due.claimed_until is null or due.claimed_until <= statement_timestamp())
                            limit 1)"#,
                i64::from(lease.per_endpoint)
            )
        });
        Ok(endpoints.await?.into_iter().map(|row| row.endpoint_id).collect())
    }
}

/// Takes what is due for these endpoints: first for those that have the fewest out, so that however many of them hang, what is
/// due to another one is next.
struct Leasing<'a> {
    lease: &'a DeliveryLease,
    endpoints: Vec<String>,
}

impl Transaction for Leasing<'_> {
    type Output = Vec<DueRow>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<DueRow>, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        // One claimant at a time for each endpoint, all in one order: those who counted at once would take too many at once.
        let locked = sqlx::query!(
            "select id from webhook_endpoints where id = any ($1) order by id for no key update",
            &self.endpoints as _
        );
        let locked = locked.fetch_all(&mut *transaction).await?;
        let endpoints: Vec<String> = locked.into_iter().map(|row| row.id).collect();
        // A statement of its own, so that it sees what the one before us took.
        let due = sqlx::query_as!(
            DueRow,
            r#"with due as (
                   select candidate.position, candidate.endpoint_id,
                          already.out + row_number() over (partition by candidate.endpoint_id
                                                           order by candidate.due_at, candidate.position) as turn
                     from unnest($1::text[]) as endpoint (id)
                     cross join lateral (
                         select count(*) as out
                           from webhook_deliveries as taken
                          where taken.endpoint_id = endpoint.id and taken.claimed_until > statement_timestamp()
                     ) as already
                     cross join lateral (
                         select delivery.position, delivery.endpoint_id, delivery.due_at
                           from webhook_deliveries as delivery
                          where delivery.endpoint_id = endpoint.id and delivery.state = 'pending'
                            and delivery.due_at <= statement_timestamp()
                            and (delivery.claimed_until is null or delivery.claimed_until <= statement_timestamp())
                          order by delivery.due_at, delivery.position
                          limit greatest($2 - already.out, 0)
                            for no key update skip locked
                     ) as candidate
                    order by turn, candidate.due_at, candidate.position, candidate.endpoint_id
                    limit $3
               ), claimed as (
                   update webhook_deliveries as delivery
                      set attempts = attempts + 1, claimed_until = clock_timestamp() + make_interval(secs => $4)
                     from due
                    where delivery.position = due.position and delivery.endpoint_id = due.endpoint_id
                   returning delivery.position, delivery.endpoint_id, delivery.attempts, delivery.queued_at, delivery.due_at
               )
               select claimed.endpoint_id, endpoint.url, endpoint.secret,
                      case when endpoint.previous_until > statement_timestamp() then endpoint.previous_secret end
                          as previous_secret,
                      claimed.attempts, claimed.queued_at,
                      claimed.position, event.kind, event.status_rank, event.conversation_id, event.happened_at,
                      event.call_id, calls.organization_id, calls.user_id, calls.contact_id, calls.agent_id,
                      calls.from_number, calls.to_number
                 from claimed
                 join webhook_endpoints as endpoint on endpoint.id = claimed.endpoint_id
                 join call_events as event on event.position = claimed.position
                 join calls on calls.id = event.call_id
                order by claimed.due_at, claimed.position, claimed.endpoint_id"#,
            &endpoints as _,
            i64::from(self.lease.per_endpoint),
            i64::from(self.lease.limit),
            self.lease.lease_for.as_secs_f64()
        );
        let due = due.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(due)
    }
}

impl TryFrom<DueRow> for DueDelivery {
    type Error = PortUnavailable;

    fn try_from(row: DueRow) -> Result<Self, PortUnavailable> {
        let event = EventRow {
            position: row.position,
            kind: row.kind,
            status_rank: row.status_rank,
            conversation_id: row.conversation_id,
            happened_at: row.happened_at,
            call_id: row.call_id,
            organization_id: row.organization_id,
            user_id: row.user_id,
            contact_id: row.contact_id,
            agent_id: row.agent_id,
            from_number: row.from_number,
            to_number: row.to_number,
        };
        let secrets = std::iter::once(row.secret).chain(row.previous_secret);
        Ok(Self {
            endpoint_id: read("webhook_endpoints.id", &row.endpoint_id, WebhookEndpointId::parse)?,
            url: read("webhook_endpoints.url", &row.url, WebhookUrl::parse)?,
            secrets: secrets.map(|secret| read_secret(&secret)).collect::<Result<_, _>>()?,
            event: event.try_into()?,
            attempt: read_attempts(row.attempts)?,
            queued_at: moment(row.queued_at),
        })
    }
}
