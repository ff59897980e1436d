//! The connections for reading and for writing.

#[cfg(test)]
mod full_disk;
pub(crate) mod group;
mod pool;
pub(crate) mod writer;

use std::fs::{DirBuilder, OpenOptions};
use std::future::ready;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::ports::PortUnavailable;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqlitePool};
use tokio::sync::{Mutex, OwnedMutexGuard};

use self::group::Queue;
use self::pool::pool;
use self::writer::{LastWrite, Outcome, WriteTransaction, Writer, WriterPool, Writing};
use crate::failure::{failed, is_busy, unavailable};
use crate::{SqliteLocation, SqliteSettings};

/// How long a statement waits for a writer in another process. It is shorter than the time limit of
/// the ports, so that SQLite ends the wait and no statement is left running.
const SYNCED_BUSY_TIMEOUT: Duration = Duration::from_millis(4000);
const UNSYNCED_BUSY_TIMEOUT: Duration = Duration::from_millis(1000);

/// The size in bytes to which the log is truncated after a large import.
const JOURNAL_SIZE_LIMIT: &str = "67108864";

/// The number of pages in the log after which a commit also writes them into the file, and waits twice
/// for the disk: 32 MiB. With SQLite's default of 1,000, 64 connections make that happen 13 times a
/// second.
const CHECKPOINT_PAGES: &str = "8192";

/// The connections of one store.
///
/// SQLite has one writer at a time, and a connection that finds it busy sleeps and tries again.
/// Inside the process this is not necessary: writers queue for `turn` in the order of their
/// arrival, and only another process can make them wait in SQLite.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    readers: SqlitePool,
    /// One connection whose commits are on disk when they return.
    synced: WriterPool,
    /// One connection whose commits reach the disk later: a lock is renewed too often to sync each
    /// time.
    unsynced: WriterPool,
    turn: Arc<Mutex<()>>,
    /// The synced writes that wait for their group.
    queue: Arc<Queue>,
    pub(crate) last_write: LastWrite,
    /// When this store last committed an import.
    pub(crate) last_import: LastWrite,
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
            .busy_timeout(SYNCED_BUSY_TIMEOUT)
            .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            // What is erased must not stay in pages that became free, also if it was written anew before.
            .pragma("secure_delete", "on");
        let synced = options.clone().synchronous(SqliteSynchronous::Full);
        let unsynced =
            options.clone().synchronous(SqliteSynchronous::Normal).busy_timeout(UNSYNCED_BUSY_TIMEOUT);
        let reading = options.pragma("query_only", "on");

        let synced = WriterPool::new(synced);
        switch_to_wal(&synced.pool).await?;
        Ok(Self {
            // As a writer, a reader whose transaction SQLite has rolled back cannot be used again.
            readers: pool(settings.max_connections)
                .before_acquire(|connection, _| Box::pin(ready(Ok(!connection.is_in_transaction()))))
                .connect_lazy_with(reading),
            synced,
            unsynced: WriterPool::new(unsynced),
            turn: Arc::default(),
            queue: Arc::default(),
            last_write: LastWrite::default(),
            last_import: LastWrite::default(),
        })
    }

    /// A database in memory belongs to its connection, so that one connection does everything and
    /// is never replaced.
    async fn in_memory() -> Result<Self, PortUnavailable> {
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
        let only = pool(1).connect_with(options).await.map_err(unavailable)?;
        let writer = WriterPool { pool: only.clone(), has_failed: Arc::default() };
        Ok(Self {
            readers: only,
            synced: writer.clone(),
            unsynced: writer,
            turn: Arc::default(),
            queue: Arc::default(),
            last_write: LastWrite::default(),
            last_import: LastWrite::default(),
        })
    }

    /// A connection that reads what is committed, while a writer may be at work.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Sqlite>, PortUnavailable> {
        self.readers.acquire().await.map_err(unavailable)
    }

    /// A connection for one statement that need not be on disk when it returns.
    pub(crate) async fn write_unsynced(&self) -> Result<Writer, PortUnavailable> {
        let turn = self.turn().await;
        let connection = self.unsynced.pool.acquire().await.map_err(unavailable)?;
        Ok(self.writing(&self.unsynced, connection, turn))
    }

    /// A transaction that need not be on disk when it is committed.
    pub(crate) async fn begin_unsynced(&self) -> Result<WriteTransaction, PortUnavailable> {
        self.begin(&self.unsynced, self.turn().await).await
    }

    /// A transaction that is on disk when it is committed, for long writes. The others share one:
    /// [`Connections::write_synced`].
    pub(crate) async fn begin_synced(&self) -> Result<WriteTransaction, PortUnavailable> {
        self.begin(&self.synced, self.turn().await).await
    }

    async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    async fn begin(
        &self,
        writer: &WriterPool,
        turn: OwnedMutexGuard<()>,
    ) -> Result<WriteTransaction, PortUnavailable> {
        match writer.pool.begin_with("begin immediate").await {
            Ok(transaction) => Ok(self.writing(writer, transaction, turn)),
            Err(error) => {
                // The connection of a busy file is not the cause.
                if !is_busy(&error) {
                    self.last_write.forget();
                    writer.has_failed.store(true, Ordering::Release);
                }
                Err(unavailable(error))
            }
        }
    }

    fn writing<C>(&self, writer: &WriterPool, connection: C, turn: OwnedMutexGuard<()>) -> Writing<C> {
        let outcome = Outcome {
            has_succeeded: false,
            has_failed: Arc::clone(&writer.has_failed),
            last_write: self.last_write.clone(),
        };
        Writing { outcome, connection, _turn: turn }
    }

    /// Closes every connection. The last connection of a file writes the log into the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.unsynced.pool.close().await;
        self.synced.pool.close().await;
    }
}

/// Creates the file before SQLite does, readable by its owner only, since it holds names and phone
/// numbers. SQLite gives its log the same mode. An existing file keeps its mode.
fn create_file(path: &Path) -> Result<(), PortUnavailable> {
    let refused = |error: Error| failed(format!("the file cannot be created: {}", error.kind()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(refused)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(refused(error)),
        _ => Ok(()),
    }
}

/// In WAL mode, which the file keeps permanently, readers and the writer do not block each other.
/// SQLite does not wait for the exclusive lock that the switch needs, so this function does.
async fn switch_to_wal(pool: &SqlitePool) -> Result<(), PortUnavailable> {
    let mut attempts_left = 80;
    loop {
        let result = sqlx::query_scalar::<_, String>("pragma journal_mode = wal").fetch_one(pool).await;
        match result {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(failed("the file system does not allow the write-ahead log")),
            Err(error) if attempts_left == 0 || !is_busy(&error) => return Err(unavailable(error)),
            Err(_) => attempts_left -= 1,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests;
