use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AcceptResult, ClosedBody, EventInbox, InboxLease, IncomingEvent, OpenEvent, PortUnavailable,
};
use domain::{CallId, OrganizationId};
use sql_common::{OpenEventColumns, read_leased};

use crate::SqliteStore;
use crate::clock::now;
use crate::failure::STORAGE_LIMIT;

/// The maximum size of the bodies of one lease, without the last body: recordings are large, and
/// all bodies of a lease are in memory at the same time.
const PORTION_BYTES: i64 = 8 << 20;

#[async_trait]
impl EventInbox for SqliteStore {
    /// The event is synced to disk before this returns: the provider does not send it again once it
    /// is acknowledged.
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable> {
        let stored = self.write_synced(sqlx::query!(
            "insert into provider_events (key, kind, body, received_at, open_at, organization_id) values (?, ?, ?, ?, ?, ?)
             on conflict (key) do nothing",
            event.key,
            event.kind,
            event.body,
            event.received_at.unix_millis(),
            now().unix_millis(),
            event.organization_id.map(OrganizationId::as_str)
        ));
        Ok(if stored.await? == 1 { AcceptResult::Accepted } else { AcceptResult::Known })
    }

    /// The recent events and the others are two scans, each in the order of its index, so that a
    /// lease does not read all events that wait for their call. The `+` keeps SQLite from the other
    /// index.
    async fn lease(&self, lease: &InboxLease) -> Result<Vec<OpenEvent>, PortUnavailable> {
        let leased = self.lease_rows(|now| {
            sqlx::query!(
                r#"with recent as
                       (select key, received_at, length(body) as size, 0 as is_waiting, -received_at as place
                        from provider_events
                        where closed_at is null and received_at > ?5 and +open_at <= ?2
                        order by received_at desc limit ?3),
                   waiting as
                       (select key, received_at, length(body) as size, 1 as is_waiting, open_at as place
                        from provider_events
                        where closed_at is null and +received_at <= ?5 and open_at <= ?2
                        order by open_at, received_at, key limit ?3)
                   update provider_events set open_at = ?1
                   where key in
                       (select key
                        from (select key, size,
                                     sum(size) over (order by is_waiting, place, received_at, key) as size_so_far
                              from (select * from recent union all select * from waiting
                                    order by is_waiting, place, received_at, key limit ?3))
                        where size_so_far - size < ?4)
                   returning key as "key!", body as "body!", received_at as "received_at!", organization_id"#,
                now.after(lease.lease_for).unix_millis(),
                now.unix_millis(),
                lease.limit,
                PORTION_BYTES,
                lease.recent_since.unix_millis()
            )
        });
        let leased = leased.await?.into_iter().map(|row| OpenEventColumns {
            key: row.key,
            body: row.body,
            received_at: row.received_at,
            organization_id: row.organization_id,
        });
        let mut leased: Vec<OpenEvent> = read_leased(leased);
        // SQLite returns the rows in any order.
        leased.sort_by(|a, b| (a.received_at, &a.key).cmp(&(b.received_at, &b.key)));
        Ok(leased)
    }

    /// Two workers close the same event if the lease of the first expired before it was done. The
    /// earlier time stays, and the call that either of them knew. Not synced: an event that is open
    /// again after a power failure is merged once more, which changes nothing.
    async fn close(
        &self,
        key: &str,
        call_id: Option<CallId>,
        body: ClosedBody,
    ) -> Result<(), PortUnavailable> {
        let closed = self.write_unsynced(STORAGE_LIMIT, |now| {
            sqlx::query!(
                "update provider_events
                 set closed_at = coalesce(closed_at, ?), call_id = coalesce(call_id, ?), body = iif(?, x'', body)
                 where key = ?",
                now.unix_millis(),
                call_id.as_ref().map(CallId::as_str),
                body == ClosedBody::Dropped,
                key
            )
        });
        closed.await.map(drop)
    }

    async fn postpone(&self, key: &str, pause: Duration) -> Result<(), PortUnavailable> {
        let postponed = self.write_unsynced(STORAGE_LIMIT, |now| {
            sqlx::query!(
                "update provider_events set open_at = ? where key = ? and closed_at is null",
                now.after(pause).unix_millis(),
                key
            )
        });
        postponed.await.map(drop)
    }
}
