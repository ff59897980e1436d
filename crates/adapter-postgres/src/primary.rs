//! Whether the server is the primary. After a failover, the former primary may continue as a
//! standby, and its sessions run reads and refuse writes.

use sqlx::{Executor, PgConnection, Postgres, Row};

use crate::failure::read_only;

/// Whether the session accepts writes. It does not if the server is a standby, or if an operator
/// has made the database or the role read-only. In the simple protocol, since that takes one round
/// trip.
pub(crate) async fn is_primary<'c>(
    session: impl Executor<'c, Database = Postgres>,
) -> Result<bool, sqlx::Error> {
    let row = sqlx::raw_sql("show transaction_read_only").fetch_one(session).await?;
    Ok(row.try_get::<&str, _>(0)? == "off")
}

/// Fails if the session does not accept writes.
pub(crate) async fn check_primary(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if is_primary(connection).await? {
        return Ok(());
    }
    Err(sqlx::Error::Protocol(read_only().to_string()))
}
