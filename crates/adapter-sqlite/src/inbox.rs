use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{AcceptResult, ClosedBody, EventInbox, IncomingEvent, OpenEvent, PortUnavailable};
use domain::{CallId, Timestamp};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, unavailable, within};
use crate::wall_clock::now;

/// How many bytes of bodies are handed out at once, beside the last body: a batch is in memory at once, and recordings are
/// large.
const PORTION_BYTES: i64 = 8 << 20;

#[async_trait]
impl EventInbox for SqliteStore {
    /// Synced to disk before it is answered: the provider does not send again what was acknowledged.
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable> {
        let IncomingEvent { key, kind, body, received_at } = *event;
        let received_at = received_at.unix_millis();
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_books().await?;
            let open_at = now().unix_millis();
            let stored = sqlx::query!(
                "insert into provider_events (key, kind, body, received_at, open_at) values (?, ?, ?, ?, ?)
                 on conflict (key) do nothing",
                key,
                kind,
                body,
                received_at,
                open_at
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            transaction.commit().await?;
            Ok(if stored.rows_affected() == 1 { AcceptResult::Accepted } else { AcceptResult::Known })
        })
        .await
    }

    async fn lease(&self, limit: u32, lease_for: Duration) -> Result<Vec<OpenEvent>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut writer = self.connections.write_lease().await?;
            let now = now();
            let (now_millis, open_at) = (now.unix_millis(), now.after(lease_for).unix_millis());
            let rows = sqlx::query!(
                r#"update provider_events set open_at = ?1
                   where key in
                       (select key
                        from (select key, size, sum(size) over (order by received_at, key) as size_so_far
                              from (select key, received_at, length(body) as size from provider_events
                                    where closed_at is null and open_at <= ?2
                                    order by received_at, key limit ?3))
                        where size_so_far - size < ?4)
                   returning key as "key!", body as "body!", received_at as "received_at!""#,
                open_at,
                now_millis,
                limit,
                PORTION_BYTES
            )
            .fetch_all(&mut *writer)
            .await
            .map_err(unavailable)?;
            let mut events: Vec<OpenEvent> = rows
                .into_iter()
                .map(|row| OpenEvent {
                    key: row.key,
                    body: row.body,
                    received_at: Timestamp::from_unix_millis(row.received_at),
                })
                .collect();
            // SQLite returns them in the order in which it came upon them.
            events.sort_by(|a, b| (a.received_at, &a.key).cmp(&(b.received_at, &b.key)));
            Ok(events)
        })
        .await
    }

    /// Not synced: an event that a power failure opens again is merged in once more, which changes nothing.
    async fn close(
        &self,
        key: &str,
        call_id: Option<CallId>,
        body: ClosedBody,
    ) -> Result<(), PortUnavailable> {
        let call_id = call_id.as_ref().map(CallId::as_str);
        let is_dropped = body == ClosedBody::Dropped;
        within(STORAGE_LIMIT, async {
            let mut writer = self.connections.write_lease().await?;
            let closed_at = now().unix_millis();
            sqlx::query!(
                "update provider_events set closed_at = ?, call_id = ?, body = iif(?, x'', body)
                 where key = ? and closed_at is null",
                closed_at,
                call_id,
                is_dropped,
                key
            )
            .execute(&mut *writer)
            .await
            .map(drop)
            .map_err(unavailable)
        })
        .await
    }

    async fn postpone(&self, key: &str, pause: Duration) -> Result<(), PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut writer = self.connections.write_lease().await?;
            let open_at = now().after(pause).unix_millis();
            sqlx::query!(
                "update provider_events set open_at = ? where key = ? and closed_at is null",
                open_at,
                key
            )
            .execute(&mut *writer)
            .await
            .map(drop)
            .map_err(unavailable)
        })
        .await
    }
}
