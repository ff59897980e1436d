//! Leasing deliveries for their next attempt, up to a maximum for each endpoint.

use domain::DueDelivery;
use domain::ports::{DeliveryLease, PortUnavailable};
use sql_common::DueColumns;
use sqlx::{Connection, PgConnection};

use crate::PostgresStore;
use crate::statement::{Failure, Work, read_all};
use crate::timestamp::PgTime;

type DueRow = DueColumns<PgTime>;

impl PostgresStore {
    /// If the transaction is repeated because its response was lost, it leases other deliveries,
    /// and the first ones are leased again when their lease expires.
    pub(super) async fn lease_deliveries(
        &self,
        lease: &DeliveryLease,
    ) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let endpoints = self.endpoints_with_work(lease).await?;
        if endpoints.is_empty() {
            return Ok(Vec::new());
        }
        read_all(self.run(&Leasing { lease, endpoints }).await?)
    }

    /// The endpoints that have due deliveries and fewer leases than their maximum. The statement
    /// steps from endpoint to endpoint along the index of pending deliveries, so that a long queue
    /// costs no more than a short one. It uses the time of the statement, since an index cannot be
    /// searched by `clock_timestamp()`.
    async fn endpoints_with_work(&self, lease: &DeliveryLease) -> Result<Vec<String>, PortUnavailable> {
        let endpoints = self.rows(|| {
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
                             from webhook_deliveries as leased
                            where leased.endpoint_id = pending.endpoint_id
                              and leased.claimed_until > statement_timestamp()) < $1
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

/// Leases deliveries to these endpoints, first to those with the fewest leases: endpoints that
/// hang, however many, then do not delay the deliveries to the others.
struct Leasing<'a> {
    lease: &'a DeliveryLease,
    endpoints: Vec<String>,
}

impl Work for Leasing<'_> {
    type Output = Vec<DueRow>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<DueRow>, Failure> {
        let mut transaction = connection.begin().await?;
        // One worker at a time for each endpoint, and all workers in the same order: workers that
        // counted the leases at the same time would exceed the maximum.
        let locked = sqlx::query!(
            "select id from webhook_endpoints where id = any ($1) order by id for no key update",
            &self.endpoints as _
        );
        let locked = locked.fetch_all(&mut *transaction).await?;
        let endpoints: Vec<String> = locked.into_iter().map(|row| row.id).collect();
        // A statement of its own, so that it sees what the previous worker leased.
        let due = sqlx::query_as!(
            DueRow,
            r#"with due as (
                   select candidate.position, candidate.endpoint_id,
                          existing.leases + row_number() over (partition by candidate.endpoint_id
                                                           order by candidate.due_at, candidate.position) as turn
                     from unnest($1::text[]) as endpoint (id)
                     cross join lateral (
                         select count(*) as leases
                           from webhook_deliveries as leased
                          where leased.endpoint_id = endpoint.id and leased.claimed_until > statement_timestamp()
                     ) as existing
                     cross join lateral (
                         select delivery.position, delivery.endpoint_id, delivery.due_at
                           from webhook_deliveries as delivery
                          where delivery.endpoint_id = endpoint.id and delivery.state = 'pending'
                            and delivery.due_at <= statement_timestamp()
                            and (delivery.claimed_until is null or delivery.claimed_until <= statement_timestamp())
                          order by delivery.due_at, delivery.position
                          limit greatest($2 - existing.leases, 0)
                            for no key update skip locked
                     ) as candidate
                    order by turn, candidate.due_at, candidate.position, candidate.endpoint_id
                    limit $3
               ), leased as (
                   update webhook_deliveries as delivery
                      set attempts = attempts + 1, claimed_until = clock_timestamp() + make_interval(secs => $4)
                     from due
                    where delivery.position = due.position and delivery.endpoint_id = due.endpoint_id
                   returning delivery.position, delivery.endpoint_id, delivery.attempts, delivery.queued_at, delivery.due_at
               )
               select leased.endpoint_id, endpoint.url, endpoint.secret,
                      case when endpoint.previous_until > statement_timestamp() then endpoint.previous_secret end
                          as previous_secret,
                      leased.attempts, leased.queued_at,
                      leased.position, event.kind, event.status_rank, event.conversation_id, event.happened_at,
                      event.call_id, calls.organization_id, calls.user_id, calls.contact_id, calls.agent_id,
                      calls.from_number, calls.to_number
                 from leased
                 join webhook_endpoints as endpoint on endpoint.id = leased.endpoint_id
                 join call_events as event on event.position = leased.position
                 join calls on calls.id = event.call_id
                order by leased.due_at, leased.position, leased.endpoint_id"#,
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
