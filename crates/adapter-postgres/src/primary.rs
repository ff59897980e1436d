//! Whether the server is the primary. After a failover, the former primary may continue as a
//! standby, and its sessions run reads and refuse writes.

use sqlx::error::DatabaseError;
use sqlx::{Executor, PgConnection, Postgres, Row};

use crate::failure::read_only;
use crate::hosts::Timeline;

/// Whether the session accepts writes. It does not if the server is a standby, or if an operator
/// has made the database or the role read-only. In the simple protocol, since that takes one round
/// trip.
pub(crate) async fn is_primary<'c>(
    session: impl Executor<'c, Database = Postgres>,
) -> Result<bool, sqlx::Error> {
    let row = sqlx::raw_sql("show transaction_read_only").fetch_one(session).await?;
    Ok(row.try_get::<&str, _>(0)? == "off")
}

/// What a server says of itself.
pub(crate) struct Role {
    /// Whether the session accepts writes.
    pub(crate) is_primary: bool,
    /// The history that the server continues. `None` if it is a standby, or does not say.
    pub(crate) timeline: Option<Timeline>,
}

/// The name of a file of the log begins with the number of the timeline, also before the first checkpoint
/// after a promotion. A standby has no such name.
const ROLE: &str = "select current_setting('transaction_read_only'),
            case when not pg_is_in_recovery()
                 then ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end,
            (select system_identifier from pg_control_system())";

/// Reads the role of a server, in one round trip. A server that has no such functions, or forbids them,
/// costs a second one, and says no timeline.
pub(crate) async fn role_of(session: &mut PgConnection) -> Result<Role, sqlx::Error> {
    match sqlx::raw_sql(ROLE).fetch_one(&mut *session).await {
        Ok(row) => {
            let number: Option<i64> = row.try_get(1)?;
            let cluster: Option<i64> = row.try_get(2)?;
            let timeline = number.zip(cluster).map(|(number, cluster)| Timeline { cluster, number });
            Ok(Role { is_primary: row.try_get::<&str, _>(0)? == "off", timeline })
        }
        Err(sqlx::Error::Database(refusal)) if is_unsupported(refusal.as_ref()) => {
            Ok(Role { is_primary: is_primary(session).await?, timeline: None })
        }
        Err(error) => Err(error),
    }
}

/// Feature not supported, insufficient privilege, undefined function, and object not in prerequisite state.
fn is_unsupported(refusal: &dyn DatabaseError) -> bool {
    let code = refusal.code();
    code.is_some_and(|code| ["0A000", "42501", "42883", "55000"].contains(&&*code))
}

/// Fails if the session does not accept writes.
pub(crate) async fn check_primary(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if is_primary(connection).await? {
        return Ok(());
    }
    Err(sqlx::Error::Protocol(read_only().to_string()))
}
