use std::time::Duration;

use async_trait::async_trait;
use domain::CallId;
use domain::ports::{AcceptResult, ClosedBody, EventInbox, IncomingEvent, OpenEvent, PortUnavailable};

use crate::PostgresStore;
use crate::failure::because;
use crate::moment::{database_time, moment};

/// How many bytes of bodies are handed out at once, beside the last body: more would not come in time, today as little as
/// at the next attempt.
const PORTION_BYTES: i64 = 8 << 20;

#[async_trait]
impl EventInbox for PostgresStore {
    /// Answers *known* also where this very event was stored over a connection that broke before it said so.
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable> {
        let received_at = database_time(event.received_at)?;
        let stored = self.repeatable(|| {
            sqlx::query!(
                r#"with stored as (
                       insert into provider_events (key, kind, body, received_at) values ($1, $2, $3, $4)
                       on conflict on constraint provider_events_pkey do nothing
                       returning key
                   )
                   select exists (select from stored) as "stored!""#,
                event.key,
                event.kind,
                event.body,
                received_at
            )
        });
        match stored.await?.map(|row| row.stored) {
            Some(true) => Ok(AcceptResult::Accepted),
            Some(false) => Ok(AcceptResult::Known),
            None => Err(because("a statement gave no row")),
        }
    }

    async fn lease(&self, limit: u32, lease_for: Duration) -> Result<Vec<OpenEvent>, PortUnavailable> {
        // What another claimant takes at this moment is skipped, and what it took a moment ago is seen to be taken when its
        // row is locked. Repeated where the answer was lost, it takes others; the lost ones come back with their time.
        let leased = self.repeatable_rows(|| {
            sqlx::query!(
                r#"with ready as (
                       select key, received_at, octet_length(body) as size
                         from provider_events
                        where closed_at is null and open_at <= clock_timestamp()
                        order by received_at, key
                        limit $1
                          for no key update skip locked
                   ), counted as (
                       select key, size, sum(size) over (order by received_at, key) as size_so_far from ready
                   ), claimed as (
                       update provider_events as event set open_at = clock_timestamp() + make_interval(secs => $2)
                         from counted
                        where event.key = counted.key and counted.size_so_far - counted.size < $3::bigint
                       returning event.key, event.body, event.received_at
                   )
                   select key, body, received_at from claimed order by received_at, key"#,
                i64::from(limit),
                lease_for.as_secs_f64(),
                PORTION_BYTES
            )
        });
        let open = leased.await?.into_iter().map(|row| OpenEvent {
            key: row.key,
            body: row.body,
            received_at: moment(row.received_at),
        });
        Ok(open.collect())
    }

    async fn close(
        &self,
        key: &str,
        call_id: Option<CallId>,
        body: ClosedBody,
    ) -> Result<(), PortUnavailable> {
        // Twice where a lease ran out before its claimant was done: the first time stands, and the call that either knew. A
        // body that is gone stays so.
        let closed = self.repeatable(|| {
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
        let postponed = self.repeatable(|| {
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
