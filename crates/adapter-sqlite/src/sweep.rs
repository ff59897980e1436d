use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::CallEventKind;
use domain::ports::PortUnavailable;
use sql_common::{LEAST_RANK_OF_AN_END, UNDECIDED_STATES};
use sqlx::SqliteConnection;

use crate::clock::HostTime;
use crate::failure::unavailable;

/// There is a sweep before every so many attempts to acquire a lock. Each attempt leaves at most one row
/// in each table, or two counts, and a sweep removes up to [`BATCH`] of each table, so that expired rows
/// do not accumulate.
const SWEEP_INTERVAL: u32 = 32;

/// The maximum number of rows that one statement removes from one table: this limits how long it
/// holds the writer.
const BATCH: i64 = 256;

/// Decides when to remove expired rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sweeper {
    attempts: Arc<AtomicU32>,
}

impl Sweeper {
    /// Counts an attempt to acquire a lock. Returns whether it is time for a sweep.
    pub(crate) fn is_due(&self) -> bool {
        self.attempts.fetch_add(1, Ordering::Relaxed) % SWEEP_INTERVAL == SWEEP_INTERVAL - 1
    }
}

/// Removes expired locks, contexts and counts. A lock must have expired by the wall clock too, which has an
/// index.
pub(crate) async fn sweep(connection: &mut SqliteConnection, now: HostTime) -> Result<(), PortUnavailable> {
    let locks = sqlx::query!(
        "delete from call_locks
         where key in
             (select key from call_locks
              where expires_at <= ?1 and expires_at <= iif(boot_id = ?2, ?3 + boot_offset, ?1)
              order by expires_at limit ?4)",
        now.wall_millis(),
        now.boot_id,
        now.since_boot,
        BATCH
    );
    locks.execute(&mut *connection).await.map_err(unavailable)?;
    let outbound = sqlx::query!(
        "delete from call_contexts
         where conversation_id in
             (select conversation_id from call_contexts where expires_at <= ? order by expires_at limit ?)",
        now.wall_millis(),
        BATCH
    );
    outbound.execute(&mut *connection).await.map_err(unavailable)?;
    let inbound = sqlx::query!(
        "delete from inbound_contexts
         where conversation_id in
             (select conversation_id from inbound_contexts where expires_at <= ? order by expires_at limit ?)",
        now.wall_millis(),
        BATCH
    );
    inbound.execute(&mut *connection).await.map_err(unavailable)?;
    let counts = sqlx::query!(
        "delete from call_day_counts
         where (scope, scope_id, day, revision) in
             (select scope, scope_id, day, revision from call_day_counts
              where expires_at <= ? order by expires_at limit ?)",
        now.wall_millis(),
        BATCH
    );
    counts.execute(&mut *connection).await.map_err(unavailable)?;
    let requests = sqlx::query!(
        "delete from counted_requests
         where (key, token) in
             (select key, token from counted_requests where expires_at <= ? order by expires_at limit ?)",
        now.wall_millis(),
        BATCH
    );
    requests.execute(connection).await.map_err(unavailable)?;
    Ok(())
}

/// Removes keys whose calls have had their last `call_ended` for so long. Returns how many. The time of a
/// key, which is older, only limits what is looked at.
pub(crate) async fn remove_keys(
    connection: &mut SqliteConnection,
    now: HostTime,
    ended_for: Duration,
    limit: u32,
) -> Result<u64, PortUnavailable> {
    let ended_for = i64::try_from(ended_for.as_millis()).unwrap_or(i64::MAX);
    let removed = sqlx::query!(
        "delete from idempotency_keys
         where rowid in
             (select rowid from idempotency_keys as used
              where created_at <= ?1
                  and (select max(happened_at) from call_events
                       where call_events.call_id = used.call_id and kind = ?2) <= ?1
              order by created_at limit ?3)",
        now.wall_millis().saturating_sub(ended_for),
        CallEventKind::Ended.as_str(),
        BATCH.min(i64::from(limit))
    );
    removed.execute(connection).await.map(|done| done.rows_affected()).map_err(unavailable)
}

/// Removes reservations that expired so long ago, also by the wall clock, which has an index. Returns
/// how many.
pub(crate) async fn remove_reservations(
    connection: &mut SqliteConnection,
    now: HostTime,
    expired_for: Duration,
    limit: u32,
) -> Result<u64, PortUnavailable> {
    let expired_for = i64::try_from(expired_for.as_millis()).unwrap_or(i64::MAX);
    let removed = sqlx::query!(
        "delete from dial_guards
         where key in
             (select key from dial_guards
              where blocked_until <= ?1 - ?2 and blocked_until <= iif(boot_id = ?3, ?4 + boot_offset, ?1) - ?2
                  and not exists
                      (select 1 from calls
                       where calls.id = dial_guards.call_id and state in (?5, ?6) and status_rank < ?7
                           and given_up_at is null)
              order by blocked_until limit ?8)",
        now.wall_millis(),
        expired_for,
        now.boot_id,
        now.since_boot,
        UNDECIDED_STATES[0],
        UNDECIDED_STATES[1],
        LEAST_RANK_OF_AN_END,
        BATCH.min(i64::from(limit))
    );
    removed.execute(connection).await.map(|done| done.rows_affected()).map_err(unavailable)
}
