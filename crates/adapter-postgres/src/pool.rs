//! The pool of connections. A connection returns to it without a round trip, and only if nothing is
//! left to do on it: no response to read, no transaction to roll back. Any other one is closed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, WeakPool,
};
use sqlx::{Connection, PgConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::PostgresSettings;
use crate::failure::passes_when_reconnected;
use crate::loss::LastLoss;
use crate::sessions::{NotOpened, Sessions};

/// A connection that was idle for longer is tried before it is used: the server may have restarted
/// meanwhile.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// The time limit for trying such a connection. It is shorter than the wait for a connection, so
/// that there is time to replace one that hangs.
const TRY_WITHIN: Duration = Duration::from_millis(500);

/// The first pause before another attempt to connect. Each one is twice as long, up to a fifth of
/// the time for a connection.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);

/// When connections that are not in use are closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetimes {
    /// How long a connection may be idle.
    pub(crate) idle: Duration,
    /// How long a connection is used. A server session keeps memory that it once needed, and the
    /// name of the server may lead elsewhere by now.
    pub(crate) age: Duration,
    /// How often the pool looks for such connections.
    pub(crate) look_every: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            idle: Duration::from_mins(10),
            age: Duration::from_mins(30),
            look_every: Duration::from_mins(1),
        }
    }
}

/// How the connections of a store are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatus {
    /// Connections that are open, those in use and those that are idle.
    pub open: usize,
    /// Connections that wait for work.
    pub idle: usize,
    /// Operations that wait for a connection.
    pub waiting: usize,
    /// The most connections that the settings allow.
    pub most: usize,
}

/// The connections to the server: at most as many as the settings allow, handed out in the order
/// in which they were asked for.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: Pool<Opener>,
    /// A write may wait for a lock, or for a disk that stalls, as long as its time limit allows. One
    /// connection in five, and at least one of two, is never lent to write, so that reads do not
    /// wait behind such writes.
    writers: Arc<Semaphore>,
    /// Each borrower is a receiver.
    borrowers: Arc<watch::Sender<()>>,
    acquire_timeout: Duration,
    max_age: Duration,
    last_loss: LastLoss,
}

impl Connections {
    /// A pool without connections. Its first borrower opens one.
    pub(crate) fn new(
        settings: &PostgresSettings,
        lifetimes: Lifetimes,
        sessions: Sessions,
        last_loss: LastLoss,
    ) -> Self {
        let opener = Opener {
            sessions,
            last_loss: last_loss.clone(),
            longest_backoff: (settings.acquire_timeout / 5).max(FIRST_BACKOFF),
        };
        let size = usize::try_from(settings.max_connections).unwrap_or(usize::MAX);
        let kept_for_reads = size.div_ceil(5).min(size.saturating_sub(1));
        let pool = Pool::builder(opener)
            .max_size(size)
            // The connection that was used last needs no try, and those that are not needed become
            // idle and are closed.
            .queue_mode(QueueMode::Lifo)
            .build()
            .expect("the pool has no time limits of its own");
        tokio::spawn(close_unused(pool.weak(), lifetimes));
        Self {
            pool,
            writers: Arc::new(Semaphore::new((size - kept_for_reads).min(Semaphore::MAX_PERMITS))),
            borrowers: Arc::new(watch::Sender::new(())),
            acquire_timeout: settings.acquire_timeout,
            max_age: lifetimes.age,
            last_loss,
        }
    }

    /// How the connections are used at this moment.
    pub(crate) fn status(&self) -> PoolStatus {
        let status = self.pool.status();
        let lent = status.size.saturating_sub(status.available);
        PoolStatus {
            open: status.size,
            idle: status.available,
            waiting: self.borrowers.receiver_count().saturating_sub(lent),
            most: status.max_size,
        }
    }

    /// Waits for a connection to read, also for a new one.
    pub(crate) async fn borrow(&self) -> Result<Borrowed, sqlx::Error> {
        self.borrow_in_time(None).await
    }

    /// Waits for a connection to write, also for a new one.
    pub(crate) async fn borrow_to_write(&self) -> Result<Borrowed, sqlx::Error> {
        self.borrow_in_time(Some(Arc::clone(&self.writers))).await
    }

    async fn borrow_in_time(&self, writers: Option<Arc<Semaphore>>) -> Result<Borrowed, sqlx::Error> {
        // Before the pool is asked, so that `close` waits for a borrower that the pool has served.
        let waited_for = self.borrowers.subscribe();
        let borrowing = async {
            let write_permit = match writers {
                Some(writers) => Some(writers.acquire_owned().await.map_err(|_| PoolError::Closed)?),
                None => None,
            };
            Ok((self.pool.get().await?, write_permit))
        };
        match timeout(self.acquire_timeout, borrowing).await {
            Ok(Ok((pooled, write_permit))) => Ok(Borrowed {
                pooled: Some(pooled),
                max_age: self.max_age,
                last_loss: self.last_loss.clone(),
                _write_permit: write_permit,
                _waited_for: waited_for,
            }),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(PoolError::Closed)) => Err(sqlx::Error::PoolClosed),
            // The pool has neither time limits nor hooks of its own.
            Err(_)
            | Ok(Err(PoolError::Timeout(_) | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_))) => {
                Err(sqlx::Error::PoolTimedOut)
            }
        }
    }

    /// Closes the idle connections, refuses new borrowers, and waits for the others.
    pub(crate) async fn close(&self) {
        self.pool.close();
        self.writers.close();
        self.borrowers.closed().await;
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.status().fmt(f)
    }
}

/// Opens connections, and checks those that were in the pool.
struct Opener {
    sessions: Sessions,
    last_loss: LastLoss,
    longest_backoff: Duration,
}

/// A connection in the pool.
struct Pooled {
    /// `None` when it was closed and its place is not free yet.
    connection: Option<PgConnection>,
    opened_at: Instant,
    idle_since: Instant,
}

impl Manager for Opener {
    type Type = Pooled;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Pooled, sqlx::Error> {
        // In a box, so that the future of each statement has no room for opening a connection.
        let connection = Box::pin(self.open()).await?;
        let now = Instant::now();
        Ok(Pooled { connection: Some(connection), opened_at: now, idle_since: now })
    }

    /// Replaces a connection that is not usable. After an error the pool would try the next idle
    /// connection, and all of them may hang.
    async fn recycle(&self, pooled: &mut Pooled, _: &Metrics) -> RecycleResult<sqlx::Error> {
        if !self.is_usable(pooled).await {
            pooled.connection = None;
            *pooled = self.create().await.map_err(RecycleError::Backend)?;
        }
        Ok(())
    }
}

impl Opener {
    /// Connects to the primary. Tries again while the server is starting, has no place for the
    /// connection, or none is the primary: after a failover, its name may lead to the former primary
    /// for a while, and a standby may not be the primary yet. The borrower limits the time.
    async fn open(&self) -> Result<PgConnection, sqlx::Error> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            match self.sessions.open().await {
                Ok(connection) => {
                    self.last_loss.note_connected(true);
                    return Ok(connection);
                }
                Err(NotOpened::ReadOnly) => self.last_loss.note_connected(false),
                Err(NotOpened::Failed(error)) if passes_when_reconnected(&error) => {}
                Err(NotOpened::Failed(error)) => return Err(error),
            }
            sleep(backoff).await;
            backoff = (backoff * 2).min(self.longest_backoff);
        }
    }

    /// Trying every connection would double the round trips, so that only the doubtful ones are
    /// tried.
    async fn is_usable(&self, pooled: &mut Pooled) -> bool {
        // Opened before the server refused a write: to the same server, as far as is known. It
        // would still run reads, and return what the primary no longer has.
        if self.last_loss.was_read_only_within(pooled.opened_at.elapsed()) {
            return false;
        }
        let idle_for = pooled.idle_since.elapsed();
        if idle_for < TRUSTED_FOR && !self.last_loss.was_within(idle_for) {
            return true;
        }
        match &mut pooled.connection {
            Some(connection) => timeout(TRY_WITHIN, connection.ping()).await.is_ok_and(|tried| tried.is_ok()),
            None => false,
        }
    }
}

/// A connection of the pool. If it is dropped before it is given back, because the work was
/// abandoned or the connection broke, it is closed: a late response must not be taken for the
/// response to the next statement, and the server must not keep the locks of a transaction.
pub(crate) struct Borrowed {
    pooled: Option<Object<Opener>>,
    max_age: Duration,
    last_loss: LastLoss,
    _write_permit: Option<OwnedSemaphorePermit>,
    _waited_for: watch::Receiver<()>,
}

impl Borrowed {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        let pooled = self.pooled.as_mut().expect("a borrowed connection is held until its end");
        pooled.connection.as_mut().expect("the pool hands out open connections")
    }

    /// Returns the connection to the pool, after work that ended, with or without success. A
    /// transaction that was not committed has only queued its rollback, which the next statement on
    /// the connection would send: until then the server would keep its locks, so that the
    /// connection is closed.
    pub(crate) fn give_back(mut self) {
        let Some(mut pooled) = self.pooled.take() else { return };
        let has_queued = pooled.connection.as_ref().is_none_or(Connection::should_flush);
        if has_queued || pooled.opened_at.elapsed() > self.max_age {
            close(pooled);
        } else {
            pooled.idle_since = Instant::now();
        }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.last_loss.note();
            close(pooled);
        }
    }
}

/// Closes a connection, and then frees its place: the pool never has more connections than it may.
fn close(mut pooled: Object<Opener>) {
    pooled.connection = None;
    drop(Object::take(pooled));
}

async fn close_unused(pool: WeakPool<Opener>, lifetimes: Lifetimes) {
    loop {
        sleep(lifetimes.look_every).await;
        let Some(pool) = pool.upgrade().filter(|pool| !pool.is_closed()) else { return };
        let is_kept = |pooled: &Pooled| {
            pooled.idle_since.elapsed() < lifetimes.idle && pooled.opened_at.elapsed() < lifetimes.age
        };
        drop(pool.retain(|pooled, _| is_kept(pooled)).removed);
    }
}

#[cfg(test)]
mod tests;
