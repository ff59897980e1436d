//! Who may read and who may write.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{Error, ErrorKind};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::PortUnavailable;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::failure::{failed, is_busy, unavailable};
use crate::{SqliteLocation, SqliteSettings};

/// How long a statement waits for a writer in another process. Less than the time that the ports may take, so that it is
/// SQLite that gives up, and nothing is left running.
const BOOKS_BUSY_TIMEOUT: Duration = Duration::from_millis(4000);
const LEASES_BUSY_TIMEOUT: Duration = Duration::from_millis(1000);

/// The longest that a connection is waited for; the ports give up before.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The log is cut back to this size, in bytes, once a large import is through.
const JOURNAL_SIZE_LIMIT: &str = "67108864";

/// The connections of one store.
///
/// SQLite has one writer at a time, and whoever finds it busy sleeps and looks again. Inside the process nobody has to:
/// writers queue for `turn`, first come, first served, and only another process can make them wait in SQLite.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    readers: SqlitePool,
    /// One connection whose commits are on disk when they return.
    books: SqlitePool,
    /// One connection whose commits reach the disk by and by: a lock is renewed too often to sync each time.
    leases: SqlitePool,
    turn: Arc<Mutex<()>>,
}

/// A writing connection, and the turn that goes with it.
pub(crate) struct Writer {
    // Before the turn, so that the connection is on its way back when the next writer asks for it.
    connection: PoolConnection<Sqlite>,
    _turn: OwnedMutexGuard<()>,
}

/// A transaction that has the write lock from its first statement, and the turn that goes with it. Rolled back on drop.
pub(crate) struct WriteTransaction {
    transaction: Transaction<'static, Sqlite>,
    _turn: OwnedMutexGuard<()>,
}

impl Connections {
    pub(crate) async fn open(settings: &SqliteSettings) -> Result<Self, PortUnavailable> {
        let path = match &settings.location {
            SqliteLocation::Memory => return Self::in_memory().await,
            SqliteLocation::File(path) => path,
        };
        create_file(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(BOOKS_BUSY_TIMEOUT)
            .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT);
        let books = options.clone().synchronous(SqliteSynchronous::Full);
        let leases = options.clone().synchronous(SqliteSynchronous::Normal).busy_timeout(LEASES_BUSY_TIMEOUT);
        let readers = options.pragma("query_only", "on");

        let books = pool(1).connect_with(books).await.map_err(unavailable)?;
        switch_to_wal(&books).await?;
        Ok(Self {
            readers: pool(settings.max_connections).connect_lazy_with(readers),
            books,
            leases: pool(1).connect_lazy_with(leases),
            turn: Arc::default(),
        })
    }

    /// A database in memory belongs to its connection, so there is one, for everything.
    async fn in_memory() -> Result<Self, PortUnavailable> {
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
        let only = pool(1).connect_with(options).await.map_err(unavailable)?;
        Ok(Self { readers: only.clone(), books: only.clone(), leases: only, turn: Arc::default() })
    }

    /// Reads what is committed, beside any writer.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Sqlite>, PortUnavailable> {
        self.readers.acquire().await.map_err(unavailable)
    }

    /// Writes one statement that need not be on disk when it is answered.
    pub(crate) async fn write_lease(&self) -> Result<Writer, PortUnavailable> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let connection = self.leases.acquire().await.map_err(unavailable)?;
        Ok(Writer { connection, _turn: turn })
    }

    /// Writes several statements that need not be on disk when they are answered.
    pub(crate) async fn begin_lease(&self) -> Result<WriteTransaction, PortUnavailable> {
        self.begin(&self.leases).await
    }

    /// Writes what must not be lost.
    pub(crate) async fn begin_books(&self) -> Result<WriteTransaction, PortUnavailable> {
        self.begin(&self.books).await
    }

    async fn begin(&self, pool: &SqlitePool) -> Result<WriteTransaction, PortUnavailable> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let transaction = pool.begin_with("begin immediate").await.map_err(unavailable)?;
        Ok(WriteTransaction { transaction, _turn: turn })
    }

    /// Closes every connection; the last one to close a file writes its log back into it.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.leases.close().await;
        self.books.close().await;
    }
}

impl WriteTransaction {
    pub(crate) async fn commit(self) -> Result<(), PortUnavailable> {
        self.transaction.commit().await.map_err(unavailable)
    }
}

impl Deref for Writer {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Writer {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

impl Deref for WriteTransaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for WriteTransaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

/// Connections that live as long as the store: opening one costs more than keeping it, and in memory it would cost the data.
fn pool(max_connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(max_connections.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// Makes the file before SQLite does, readable by its owner alone, since it holds names and phone numbers. SQLite gives its
/// log the same mode. A file that is there keeps the mode that it was given.
fn create_file(path: &Path) -> Result<(), PortUnavailable> {
    let refused = |error: Error| failed(format!("the file cannot be made: {}", error.kind()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(refused)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(refused(error)),
        _ => Ok(()),
    }
}

/// Readers and the writer do not block each other in WAL mode, which the file keeps for good. SQLite does not wait for the
/// exclusive lock that the switch needs, so this does.
async fn switch_to_wal(pool: &SqlitePool) -> Result<(), PortUnavailable> {
    let mut attempts_left = 80;
    loop {
        let answer = sqlx::query_scalar::<_, String>("pragma journal_mode = wal").fetch_one(pool).await;
        match answer {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(failed("the file system does not allow the write-ahead log")),
            Err(error) if attempts_left == 0 || !is_busy(&error) => return Err(unavailable(error)),
            Err(_) => attempts_left -= 1,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pragma(connection: &mut SqliteConnection, name: &'static str) -> String {
        let statement = sqlx::AssertSqlSafe(format!("select cast({name} as text) from pragma_{name}"));
        sqlx::query_scalar(statement).fetch_one(connection).await.expect("a pragma")
    }

    #[tokio::test]
    async fn connections_keep_what_the_crate_promises() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = SqliteSettings::file(folder.path().join("outdial.db"));
        let connections = Connections::open(&settings).await.expect("opens");

        let mut books = connections.begin_books().await.expect("begins");
        assert_eq!(pragma(&mut books, "journal_mode").await, "wal");
        assert_eq!(pragma(&mut books, "synchronous").await, "2", "full");
        assert_eq!(pragma(&mut books, "foreign_keys").await, "1");
        drop(books);

        let mut leases = connections.write_lease().await.expect("writes");
        assert_eq!(pragma(&mut leases, "journal_mode").await, "wal");
        assert_eq!(pragma(&mut leases, "synchronous").await, "1", "normal");
        drop(leases);

        let mut reader = connections.read().await.expect("reads");
        assert_eq!(pragma(&mut reader, "journal_mode").await, "wal");
        let refused = sqlx::query("create table t (x)").execute(&mut *reader).await;
        assert!(refused.is_err(), "a reader does not write");
    }
}
