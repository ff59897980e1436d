use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::ports::PortUnavailable;
use sqlx::SqliteConnection;

use crate::clock::HostTime;
use crate::failure::unavailable;

/// Every so many acquired locks there is a sweep. Each lock leaves at most one row in each of the
/// four tables, and a sweep removes up to [`BATCH`] of each, so that expired rows do not
/// accumulate.
const SWEEP_INTERVAL: u32 = 32;

/// The maximum number of rows that one sweep removes from one table: this limits how long it holds
/// the writer.
const BATCH: i64 = 256;

/// An expired reservation is kept for this long: a late settlement can still hold it, which
/// protects the callee from a second call.
const RESERVATION_RETENTION: Duration = Duration::from_secs(3600);

/// Decides when to remove expired rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sweeper {
    acquired: Arc<AtomicU32>,
}

impl Sweeper {
    /// Counts an acquired lock. Returns whether it is time for a sweep.
    pub(crate) fn is_due(&self) -> bool {
        self.acquired.fetch_add(1, Ordering::Relaxed) % SWEEP_INTERVAL == SWEEP_INTERVAL - 1
    }
}

/// Removes expired locks, reservations and contexts. A lock or reservation must have expired by the
/// wall clock too, which has an index.
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
    let retention = i64::try_from(RESERVATION_RETENTION.as_millis()).expect("an hour has few milliseconds");
    let reservations = sqlx::query!(
        "delete from dial_guards
         where key in
             (select key from dial_guards
              where blocked_until <= ?1 - ?2 and blocked_until <= iif(boot_id = ?3, ?4 + boot_offset, ?1) - ?2
              order by blocked_until limit ?5)",
        now.wall_millis(),
        retention,
        now.boot_id,
        now.since_boot,
        BATCH
    );
    reservations.execute(&mut *connection).await.map_err(unavailable)?;
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
    inbound.execute(connection).await.map_err(unavailable)?;
    Ok(())
}
