//! From what SQLite says to what the ports say. Never the message: it can quote values.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use domain::ports::PortUnavailable;
use sqlx::error::DatabaseError;

const SERVICE: &str = "sqlite";

/// How long a storage port may take, in all.
pub(crate) const STORAGE_LIMIT: Duration = Duration::from_millis(4500);

/// How long the lock and the context cache may take, in all.
pub(crate) const LEASE_LIMIT: Duration = Duration::from_millis(1500);

/// Gives up after `limit`. What was under way may or may not be done then.
pub(crate) async fn within<T, E: From<PortUnavailable>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>> + Send,
) -> Result<T, E> {
    match tokio::time::timeout(limit, work).await {
        Ok(answer) => answer,
        Err(_) => Err(PortUnavailable::new(SERVICE, "no answer in time").into()),
    }
}

/// A failure of this crate's own making, in words free of data.
pub(crate) fn failed(reason: impl Into<Cow<'static, str>>) -> PortUnavailable {
    PortUnavailable::new(SERVICE, reason)
}

/// A row holds something that the domain does not accept.
pub(crate) fn unreadable<E>(column: &'static str) -> impl FnOnce(E) -> PortUnavailable {
    move |_| failed(format!("{column} holds something that cannot be read"))
}

/// A statement failed.
pub(crate) fn unavailable(error: sqlx::Error) -> PortUnavailable {
    use sqlx::Error;
    failed(match error {
        Error::Database(error) => describe(error.as_ref()),
        Error::Io(error) => format!("i/o error: {}", error.kind()).into(),
        Error::PoolTimedOut => "no connection became free in time".into(),
        Error::PoolClosed => "the store is closed".into(),
        Error::WorkerCrashed => "the connection's thread died".into(),
        Error::ColumnDecode { index, .. } => format!("column {index} cannot be read").into(),
        _ => Cow::Borrowed("a statement failed without an error code"),
    })
}

/// Whether another connection was in the way.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(result_code);
    matches!(code.map(primary), Some(5 | 6))
}

/// What a result code means, for whoever runs this: <https://www.sqlite.org/rescode.html>.
fn describe(error: &dyn DatabaseError) -> Cow<'static, str> {
    let code = result_code(error);
    let meaning = match code.map(primary) {
        Some(1) => "a statement was refused: is the schema migrated?",
        Some(5 | 6) => "another writer holds the file",
        Some(8) => "the file is read-only",
        Some(10) => "the disk failed to read or write",
        Some(11 | 26) => "the file is damaged, or no database",
        Some(13) => "the disk is full",
        Some(14) => "the file cannot be opened",
        Some(19) => "a constraint does not hold",
        _ => "a statement failed",
    };
    match code {
        Some(code) => format!("{meaning} (result code {code})").into(),
        None => meaning.into(),
    }
}

fn result_code(error: &dyn DatabaseError) -> Option<i32> {
    error.code().and_then(|code| code.parse().ok())
}

/// An extended result code carries the primary one in its lowest byte.
const fn primary(code: i32) -> i32 {
    code & 0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_names_its_code_and_quotes_nothing() {
        use sqlx::Connection;
        let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:").await.expect("memory");
        for statement in ["select * from private_name", "create table t (x) strict; select 'private_name"] {
            let error = sqlx::raw_sql(statement).execute(&mut connection).await.expect_err("no such table");
            let text = unavailable(error).to_string();
            assert!(text.contains("result code 1"), "{text}");
            assert!(!text.contains("private_name"), "{text}");
        }
    }
}
