use std::time::Duration;

use sqlx::sqlite::SqlitePoolOptions;

/// The longest wait for a connection. The time limits of the ports are shorter.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections that live as long as the store: opening one costs more than keeping it, and closing
/// one in memory would lose the data.
pub(super) fn pool(max_connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(max_connections.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}
