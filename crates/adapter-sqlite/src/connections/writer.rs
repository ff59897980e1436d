//! The connection that writes, and its replacement after a failure.
//!
//! After some errors (the disk is full, it failed, memory ran out) SQLite has rolled back by
//! itself. The `ROLLBACK` of sqlx then fails, and sqlx counts the transaction as open for as long as
//! the connection lives, so that no other can begin. So a connection on which a write has failed,
//! for whatever reason, is closed before the next write, and another is opened.

use std::future::ready;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::ports::PortUnavailable;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::OwnedMutexGuard;

use super::pool::pool;
use crate::failure::unavailable;

/// One connection that writes.
#[derive(Debug, Clone)]
pub(super) struct WriterPool {
    pub(super) pool: SqlitePool,
    /// Whether a write has failed on the connection that the pool has now.
    pub(super) has_failed: Arc<AtomicBool>,
}

impl WriterPool {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        let has_failed = Arc::new(AtomicBool::new(false));
        let pool = pool(1)
            .after_connect({
                let has_failed = Arc::clone(&has_failed);
                move |_, _| {
                    has_failed.store(false, Ordering::Release);
                    Box::pin(ready(Ok(())))
                }
            })
            .before_acquire({
                let has_failed = Arc::clone(&has_failed);
                move |connection, _| {
                    // On `false`, the pool closes this connection and opens another.
                    let is_usable = !has_failed.load(Ordering::Acquire) && !connection.is_in_transaction();
                    Box::pin(ready(Ok(is_usable)))
                }
            })
            .connect_lazy_with(options);
        Self { pool, has_failed }
    }
}

/// What writes, and its turn. If it is dropped before it has ended as intended, the write has
/// failed.
pub(crate) struct Writing<C> {
    // Dropped first, so that the failure is known when the connection is returned; and the
    // connection before the turn, so that it is returned before the next writer acquires it.
    pub(super) outcome: Outcome,
    pub(super) connection: C,
    pub(super) _turn: OwnedMutexGuard<()>,
}

pub(crate) type Writer = Writing<PoolConnection<Sqlite>>;

/// It has the write lock from its first statement, and is rolled back on drop.
pub(crate) type WriteTransaction = Writing<Transaction<'static, Sqlite>>;

impl Writer {
    /// Ends a write whose statement has succeeded.
    pub(crate) fn end(mut self) {
        self.outcome.has_succeeded = true;
    }
}

impl WriteTransaction {
    pub(crate) async fn commit(self) -> Result<(), PortUnavailable> {
        // Variables are dropped in reverse order: the turn comes last.
        let Self { _turn, mut outcome, connection } = self;
        connection.commit().await.map_err(unavailable)?;
        outcome.has_succeeded = true;
        Ok(())
    }

    /// Fails if SQLite has rolled the transaction back by itself.
    pub(super) async fn roll_back(self) -> Result<(), PortUnavailable> {
        // Variables are dropped in reverse order: the turn comes last. The write has failed.
        let Self { _turn, outcome: _outcome, connection } = self;
        connection.rollback().await.map_err(unavailable)
    }

    /// Notes that a part of the transaction has failed and was rolled back. The rest can be committed.
    pub(super) fn note_failure(&self) {
        self.outcome.note_failure();
    }
}

impl<C: Deref<Target = SqliteConnection>> Deref for Writing<C> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl<C: DerefMut<Target = SqliteConnection>> DerefMut for Writing<C> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

/// How a write ends: it has failed, unless it is known to have succeeded.
pub(super) struct Outcome {
    pub(super) has_succeeded: bool,
    pub(super) has_failed: Arc<AtomicBool>,
    pub(super) last_write: LastWrite,
}

impl Outcome {
    fn note_failure(&self) {
        self.last_write.forget();
        self.has_failed.store(true, Ordering::Release);
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        if !self.has_succeeded {
            self.note_failure();
        }
    }
}

/// When rows were last committed and synced to disk, unless a write has failed since.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastWrite(Arc<Mutex<Times>>);

#[derive(Debug, Default)]
struct Times {
    written: Option<Instant>,
    failed: Option<Instant>,
}

impl LastWrite {
    /// Notes a write that began at this time and has succeeded. Its caller may get here late: if
    /// another write has failed meanwhile, this one proves nothing.
    pub(crate) fn note(&self, began: Instant) {
        let mut times = self.lock();
        if times.failed.is_none_or(|failed| failed < began) {
            times.written = Some(Instant::now());
        }
    }

    /// The time since then.
    pub(crate) fn elapsed(&self) -> Option<Duration> {
        let written = self.lock().written;
        written.map(|time| time.elapsed())
    }

    pub(crate) fn was_within(&self, past: Duration) -> bool {
        self.elapsed().is_some_and(|elapsed| elapsed <= past)
    }

    pub(super) fn forget(&self) {
        *self.lock() = Times { written: None, failed: Some(Instant::now()) };
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
