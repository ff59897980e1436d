use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::Timestamp;
use domain::ports::PortUnavailable;
use sqlx::SqliteConnection;

use crate::statement::execute;

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

/// Removes expired rows of a table: its key, and the column with the time of expiry.
macro_rules! remove_expired {
    ($connection:expr, $table:tt, $key:tt, $expiry:tt, $before:expr) => {
        let expired = sqlx::query!(
            "delete from "
                + $table
                + " where "
                + $key
                + " in (select "
                + $key
                + " from "
                + $table
                + " where "
                + $expiry
                + " <= ? order by "
                + $expiry
                + " limit ?)",
            $before.unix_millis(),
            BATCH
        );
        execute($connection, expired).await?;
    };
}

/// Removes expired locks, reservations and contexts.
pub(crate) async fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), PortUnavailable> {
    remove_expired!(&mut *connection, "call_locks", "key", "expires_at", now);
    remove_expired!(
        &mut *connection,
        "dial_guards",
        "key",
        "blocked_until",
        now.before(RESERVATION_RETENTION)
    );
    remove_expired!(&mut *connection, "call_contexts", "conversation_id", "expires_at", now);
    remove_expired!(&mut *connection, "inbound_contexts", "conversation_id", "expires_at", now);
    Ok(())
}
