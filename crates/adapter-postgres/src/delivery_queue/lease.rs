//! Leasing deliveries for their next attempt, up to a maximum for each endpoint and for each
//! organization, and the events of a call one after another.

use domain::DueDelivery;
use domain::ports::{DeliveryLease, PortUnavailable};
use sql_common::{DueColumns, read_leased};
use sqlx::{Connection, PgConnection};

use crate::PostgresStore;
use crate::statement::{Access, Failure, Work};
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
        Ok(read_leased(self.run(&Leasing { lease, endpoints }).await?))
    }

    /// The endpoints that have due deliveries and fewer leases than their maximum, without those of
    /// the organizations of which this worker runs the maximum of attempts, and without suspended ones. The statement
    /// steps from endpoint to endpoint along the index of pending deliveries, so that a long queue
    /// costs no more than a short one. It uses the time of the statement, since an index cannot be
    /// searched by `clock_timestamp()`.
    async fn endpoints_with_work(&self, lease: &DeliveryLease) -> Result<Vec<String>, PortUnavailable> {
        let is_full = |&(_, attempts): &(_, &u32)| *attempts >= lease.per_organization;
        let full: Vec<&str> = lease.running.iter().filter(is_full).map(|(id, _)| id.as_str()).collect();
        let endpoints = self.rows(Access::Read, || {
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
                            limit 1)
                      and (select endpoint.suspended_at is null and endpoint.organization_id <> all ($2)
                             from webhook_endpoints as endpoint
                            where endpoint.id = pending.endpoint_id)"#,
                i64::from(lease.per_endpoint),
                &full as _
            )
        });
        Ok(endpoints.await?.into_iter().map(|row| row.endpoint_id).collect())
    }
}

/// Leases deliveries to these endpoints, first to those with the fewest leases: endpoints that
/// hang, however many, then do not delay the deliveries to the others.
///
/// A delivery waits while an earlier one of its call to its endpoint is leased or waits for its
/// first attempt. The statement checks this for each delivery that it reads along the index of due
/// deliveries, with the few events of its call: `coalesce` keeps the planner from checking all
/// deliveries and sorting the rest, and `offset 0` from beginning with the deliveries that the call
/// may wait for. Of two deliveries of a call that are due for another attempt, only the earlier one
/// is leased.
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
            "select id, organization_id from webhook_endpoints \
              where id = any ($1) and suspended_at is null order by id for no key update",
            &self.endpoints as _
        );
        let locked = locked.fetch_all(&mut *transaction).await?;
        let (endpoints, organizations): (Vec<String>, Vec<String>) =
            locked.into_iter().map(|row| (row.id, row.organization_id)).unzip();
        let (running, attempts): (Vec<&str>, Vec<i64>) =
            self.lease.running.iter().map(|(id, attempts)| (id.as_str(), i64::from(*attempts))).unzip();
        // A statement of its own, so that it sees what the previous worker leased.
        let due = sqlx::query_as!(
            DueRow,
            r#"with waiting as (
                   select candidate.position, candidate.endpoint_id, candidate.due_at, endpoint.organization_id,
                          existing.leases + row_number() over (partition by candidate.endpoint_id
                                                           order by candidate.due_at, candidate.position) as turn
                     from unnest($1::text[], $5::text[]) as endpoint (id, organization_id)
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
                            and coalesce((select false
                                            from (select position
                                                    from call_events
                                                   where call_id = (select event.call_id
                                                                      from call_events as event
                                                                     where event.position = delivery.position)
                                                     and position < delivery.position
                                                  offset 0) as earlier_event
                                            cross join lateral (
                                                select
                                                  from webhook_deliveries as earlier
                                                 where earlier.position = earlier_event.position
                                                   and earlier.endpoint_id = delivery.endpoint_id
                                                   and earlier.concluded_at is null
                                                   and (earlier.attempts = 0
                                                        or earlier.claimed_until > statement_timestamp())
                                                offset 0) as earlier_delivery
                                           limit 1), true)
                          order by delivery.due_at, delivery.position
                          limit greatest($2 - existing.leases, 0)
                            for no key update skip locked
                     ) as candidate
               ), ranked as (
                   select waiting.*,
                          row_number() over (partition by organization_id
                                             order by turn, due_at, position, endpoint_id) as turn_of_organization
                     from waiting
               ), due as (
                   select ranked.position, ranked.endpoint_id, event.call_id
                     from ranked
                     join call_events as event on event.position = ranked.position
                     left join unnest($7::text[], $8::int8[]) as running (organization_id, attempts)
                       on running.organization_id = ranked.organization_id
                    where ranked.turn_of_organization <= $6 - coalesce(running.attempts, 0)
                    order by ranked.turn, ranked.due_at, ranked.position, ranked.endpoint_id
                    limit $3
               ), leased as (
                   update webhook_deliveries as delivery
                      set attempts = attempts + 1, claimed_until = clock_timestamp() + make_interval(secs => $4)
                     from due
                    where delivery.position = due.position and delivery.endpoint_id = due.endpoint_id
                      and not exists (select
                                        from due as earlier
                                       where earlier.endpoint_id = due.endpoint_id
                                         and earlier.call_id = due.call_id and earlier.position < due.position)
                   returning delivery.position, delivery.endpoint_id, delivery.attempts, delivery.queued_at, delivery.due_at
               )
               select leased.endpoint_id, endpoint.url, endpoint.secret,
                      case when endpoint.previous_until > statement_timestamp() then endpoint.previous_secret end
                          as previous_secret,
                      leased.attempts, leased.queued_at,
                      leased.position, event.kind, event.status_rank, event.end_reason, event.conversation_id, event.happened_at,
                      event.call_id, calls.organization_id, calls.user_id, calls.contact_id, calls.agent_id,
                      calls.from_number, calls.to_number, calls.metadata
                 from leased
                 join webhook_endpoints as endpoint on endpoint.id = leased.endpoint_id
                 join call_events as event on event.position = leased.position
                 join calls on calls.id = event.call_id
                order by leased.due_at, leased.position, leased.endpoint_id"#,
            &endpoints as _,
            i64::from(self.lease.per_endpoint),
            i64::from(self.lease.limit),
            self.lease.lease_for.as_secs_f64(),
            &organizations as _,
            i64::from(self.lease.per_organization),
            &running as _,
            &attempts as _
        );
        let due = due.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(due)
    }
}
