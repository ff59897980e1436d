use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::Timestamp;
use domain::ports::PortUnavailable;
use sqlx::SqliteConnection;

use crate::failure::unavailable;

/// One acquired lock in so many sweeps. Each leaves at most one row in each of the four tables, and a sweep takes up to
/// [`BATCH`] of each, so that the tables stay as large as what has not run out.
const EVERY: u32 = 32;

/// The most rows that one sweep takes from one table: the bound on how long it holds the writer.
const BATCH: i64 = 256;

/// A guard is kept for a while after it ran out, for an owner who comes late: placing it on hold still protects the callee.
const RESERVATION_RETENTION: Duration = Duration::from_secs(3600);

/// Removes what ran out, now and then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sweeper {
    acquired: Arc<AtomicU32>,
}

impl Sweeper {
    /// Whether it is time, counting the caller's turn.
    pub(crate) fn is_due(&self) -> bool {
        self.acquired.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1
    }
}

/// Removes locks, guards and contexts that ran out.
pub(crate) async fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), PortUnavailable> {
    let now_millis = now.unix_millis();
    let kept_millis = i64::try_from(RESERVATION_RETENTION.as_millis()).unwrap_or(i64::MAX);
    let guards_before = now_millis.saturating_sub(kept_millis);
    sqlx::query!(
        "delete from call_locks
         where key in (select key from call_locks where expires_at <= ? order by expires_at limit ?)",
        now_millis,
        BATCH
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    sqlx::query!(
        "delete from dial_guards
         where key in (select key from dial_guards where blocked_until <= ? order by blocked_until limit ?)",
        guards_before,
        BATCH
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    sqlx::query!(
        "delete from call_contexts
         where conversation_id in
             (select conversation_id from call_contexts where expires_at <= ? order by expires_at limit ?)",
        now_millis,
        BATCH
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    sqlx::query!(
        "delete from inbound_contexts
         where conversation_id in
             (select conversation_id from inbound_contexts where expires_at <= ? order by expires_at limit ?)",
        now_millis,
        BATCH
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}
