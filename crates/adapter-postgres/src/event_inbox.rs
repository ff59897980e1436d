use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AcceptResult, ClosedBody, EventInbox, InboxLease, IncomingEvent, OpenEvent, PortUnavailable,
};
use domain::{CallId, OrganizationId};
use sql_common::{OpenEventColumns, read_leased};

use crate::PostgresStore;
use crate::statement::Access;
use crate::timestamp::PgTime;

/// The maximum size of the bodies of one lease, without the last body: a larger response would
/// exceed the time limit of a statement, at every attempt.
const PORTION_BYTES: i64 = 8 << 20;

#[async_trait]
impl EventInbox for PostgresStore {
    /// If the response to the first attempt was lost, the repeated statement reports the event as
    /// known.
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable> {
        let received_at = PgTime::stored(event.received_at)?;
        let stored = self.only_row(Access::Write, || {
            sqlx::query!(
                r#"with stored as (
                       insert into provider_events (key, kind, body, received_at, organization_id)
                       values ($1, $2, $3, $4, $5)
                       on conflict on constraint provider_events_pkey do nothing
                       returning key
                   )
                   select exists (select from stored) as "stored!""#,
                event.key,
                event.kind,
                event.body,
                received_at,
                event.organization_id.map(OrganizationId::as_str)
            )
        });
        Ok(if stored.await?.stored { AcceptResult::Accepted } else { AcceptResult::Known })
    }

    async fn lease(&self, lease: &InboxLease) -> Result<Vec<OpenEvent>, PortUnavailable> {
        // An event that another worker is leasing is skipped; one that another worker has just
        // leased is seen as leased when its row is locked. If the statement is repeated because its
        // response was lost, it leases other events, and the first ones are leased again when their
        // lease expires.
        //
        // The recent events and the others are two scans, each in the order of its index, so that a
        // lease does not read all events that wait for their call. An index cannot be searched with
        // `clock_timestamp()`, which changes during the statement: this keeps the first scan from
        // the index of the second one.
        let leased = self.rows(Access::Write, || {
            sqlx::query!(
                r#"with recent as (
                       select key, received_at, open_at, octet_length(body) as size
                         from provider_events
                        where closed_at is null and received_at > $4 and open_at <= clock_timestamp()
                        order by received_at desc, key desc
                        limit $1
                          for no key update skip locked
                   ), waiting as (
                       select key, received_at, open_at, octet_length(body) as size
                         from provider_events
                        where closed_at is null and received_at <= $4 and open_at <= statement_timestamp()
                        order by open_at, received_at, key
                        limit $1 - (select count(*) from recent)
                          for no key update skip locked
                   ), counted as (
                       select key, size,
                              sum(size) over (order by is_waiting, recent_at desc, open_at, received_at, key)
                                  as size_so_far
                         from (select *, false as is_waiting, received_at as recent_at from recent
                               union all
                               select *, true, null from waiting) as open
                   ), leased as (
                       update provider_events as event set open_at = clock_timestamp() + make_interval(secs => $2)
                         from counted
                        where event.key = counted.key and counted.size_so_far - counted.size < $3::bigint
                       returning event.key, event.body, event.received_at, event.organization_id
                   )
                   select key, body, received_at, organization_id from leased order by received_at, key"#,
                i64::from(lease.limit),
                lease.lease_for.as_secs_f64(),
                PORTION_BYTES,
                PgTime::bound(lease.recent_since)
            )
        });
        let open = leased.await?.into_iter().map(|row| OpenEventColumns {
            key: row.key,
            body: row.body,
            received_at: row.received_at,
            organization_id: row.organization_id,
        });
        Ok(read_leased(open))
    }

    async fn close(
        &self,
        key: &str,
        call_id: Option<CallId>,
        body: ClosedBody,
    ) -> Result<(), PortUnavailable> {
        // Two workers close the same event if the lease of the first expired before it was done.
        // The earlier time stays, and the call that either of them knew. A dropped body stays
        // dropped.
        let closed = self.row(Access::Write, || {
            sqlx::query!(
                "update provider_events \
                    set closed_at = coalesce(closed_at, clock_timestamp()), call_id = coalesce(call_id, $2), \
                        body = case when $3 then ''::bytea else body end \
                  where key = $1 \
                 returning key",
                key,
                call_id.as_ref().map(CallId::as_str),
                body == ClosedBody::Dropped
            )
        });
        closed.await.map(|_| ())
    }

    async fn postpone(&self, key: &str, pause: Duration) -> Result<(), PortUnavailable> {
        let postponed = self.row(Access::Write, || {
            sqlx::query!(
                "update provider_events set open_at = clock_timestamp() + make_interval(secs => $2) \
                  where key = $1 and closed_at is null \
                 returning key",
                key,
                pause.as_secs_f64()
            )
        });
        postponed.await.map(|_| ())
    }
}
