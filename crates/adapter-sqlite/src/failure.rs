//! The errors of SQLite as errors of the ports, without their messages: these can quote values.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use domain::ports::PortUnavailable;
use sql_common::Unreadable;
use sqlx::error::DatabaseError;

const SERVICE: &str = "sqlite";

/// The time limit for an operation of a storage port.
pub(crate) const STORAGE_LIMIT: Duration = Duration::from_millis(4500);

/// The time limit for an operation of the lock or the context cache.
pub(crate) const LEASE_LIMIT: Duration = Duration::from_millis(1500);

/// Abandons the work after `limit`. It may or may not have been done then.
pub(crate) async fn within<T, E: From<PortUnavailable>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>> + Send,
) -> Result<T, E> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(PortUnavailable::new(SERVICE, "no response in time").into()),
    }
}

/// A failure that this crate itself finds. The reason must not quote data.
pub(crate) fn failed(reason: impl Into<Cow<'static, str>>) -> PortUnavailable {
    PortUnavailable::new(SERVICE, reason)
}

pub(crate) fn unreadable(error: Unreadable) -> PortUnavailable {
    failed(error.to_string())
}

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

/// Whether another connection holds the lock.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(result_code);
    matches!(code.map(primary), Some(5 | 6))
}

/// The meaning of a result code for an operator: <https://www.sqlite.org/rescode.html>.
fn describe(error: &dyn DatabaseError) -> Cow<'static, str> {
    let code = result_code(error);
    let meaning = match code.map(primary) {
        Some(1) => "a statement was refused: is the schema migrated? `outdial migrate` does it",
        Some(5 | 6) => "another writer holds the file: only one process may use it",
        Some(8) => "the file is read-only: make it and its folder writable for this user",
        Some(10) => "the disk failed to read or write: check it",
        Some(11 | 26) => {
            "the file is damaged, or no database: restore a backup, or set OUTDIAL_DATABASE_URL to another file"
        }
        Some(13) => "the disk is full: free some space",
        Some(14) => {
            "the file cannot be opened: OUTDIAL_DATABASE_URL must name a file, and this user must be able to write to it and its folder"
        }
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

/// The lowest byte of an extended result code is the primary code.
const fn primary(code: i32) -> i32 {
    code & 0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_says_what_to_do() {
        use sqlx::Connection;
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().display());
        let error = sqlx::SqliteConnection::connect(&url).await.expect_err("a folder is no file");
        let text = unavailable(error).to_string();
        assert!(text.contains("OUTDIAL_DATABASE_URL must name a file"), "{text}");
        let file = folder.path().join("text.db");
        std::fs::write(&file, "x".repeat(4096)).expect("the folder is writable");
        let url = format!("sqlite://{}", file.display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("SQLite reads it later");
        let error = sqlx::raw_sql("select * from t").execute(&mut connection).await.expect_err("no database");
        let text = unavailable(error).to_string();
        assert!(text.contains("restore a backup"), "{text}");
    }

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
