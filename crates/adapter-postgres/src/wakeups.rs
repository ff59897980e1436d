//! Waking the readers who wait for events: one connection of each store listens for the
//! publications of all processes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::ports::PortUnavailable;
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::failure::{because, read_only, unavailable};
use crate::primary::{check_primary, is_primary};
use crate::sessions::Sessions;

/// The channel on which a publication notifies. The payload is the organization's id.
pub(crate) const CHANNEL: &str = "outdial_call_events";

/// How often a reader polls while the store listens for notifications.
const POLL_WHILE_LISTENING: Duration = Duration::from_secs(5);

/// How often a reader polls while the store does not listen.
const POLL_OTHERWISE: Duration = Duration::from_secs(1);

/// How long to wait after the connection was lost before the store tries to listen again.
const BACKOFF: Duration = Duration::from_millis(500);

/// A connection without notifications for this long is tried: the server's host may be unreachable
/// without an error, or the server may no longer be the primary.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The time limit for trying or closing a connection.
const TRY_WITHIN: Duration = Duration::from_secs(2);

/// The waiting readers, and the connection that listens for them. The first reader opens it.
pub(crate) struct Wakeups {
    sessions: Sessions,
    acquire_timeout: Duration,
    waiting: Arc<Waiting>,
    listener: Mutex<Listener>,
}

/// The waiting readers, by organization.
#[derive(Default)]
struct Waiting {
    readers: Mutex<HashMap<String, watch::Sender<()>>>,
    is_listening: AtomicBool,
}

enum Listener {
    NotStarted,
    Started { task: JoinHandle<()>, stop: watch::Sender<bool> },
    Closed,
}

impl Wakeups {
    pub(crate) fn new(sessions: Sessions, acquire_timeout: Duration) -> Self {
        Self {
            sessions,
            acquire_timeout,
            waiting: Arc::default(),
            listener: Mutex::new(Listener::NotStarted),
        }
    }

    /// A receiver that changes whenever events of this organization may have been published, and
    /// when the store begins to listen.
    pub(crate) fn subscribe(&self, organization_id: &str) -> watch::Receiver<()> {
        let mut listener = locked(&self.listener);
        // A pooler that shares sessions passes no notifications on. Its readers poll.
        if matches!(*listener, Listener::NotStarted) && !self.sessions.are_shared() {
            let (stop, stopped) = watch::channel(false);
            let task = tokio::spawn(listen(
                Arc::clone(&self.waiting),
                self.sessions.clone(),
                self.acquire_timeout,
                stopped,
            ));
            *listener = Listener::Started { task, stop };
        }
        drop(listener);
        let mut readers = locked(&self.waiting.readers);
        readers.entry(organization_id.to_owned()).or_default().subscribe()
    }

    /// How long to wait for a wake-up before the next look.
    pub(crate) fn poll_interval(&self) -> Duration {
        let is_listening = self.waiting.is_listening.load(Ordering::Relaxed);
        if is_listening { POLL_WHILE_LISTENING } else { POLL_OTHERWISE }
    }

    /// Ends the connection, and wakes every reader.
    pub(crate) async fn close(&self) {
        let listener = std::mem::replace(&mut *locked(&self.listener), Listener::Closed);
        if let Listener::Started { task, stop } = listener {
            stop.send_replace(true);
            // The task cannot panic.
            let _ended = task.await;
        }
        self.waiting.wake_all();
    }
}

impl Drop for Wakeups {
    fn drop(&mut self) {
        if let Listener::Started { task, .. } = &*locked(&self.listener) {
            task.abort();
        }
    }
}

impl Waiting {
    fn wake(&self, organization_id: &str) {
        let mut readers = locked(&self.readers);
        // No reader can subscribe while the lock is held, so that an entry without readers can be
        // removed.
        if let Some(reader) = readers.get(organization_id)
            && reader.send(()).is_err()
        {
            readers.remove(organization_id);
        }
    }

    fn wake_all(&self) {
        locked(&self.readers).retain(|_, reader| reader.send(()).is_ok());
    }
}

/// Listens until it is stopped. Opens a new connection whenever one is lost.
async fn listen(
    waiting: Arc<Waiting>,
    sessions: Sessions,
    acquire_timeout: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        // A pool for each connection, so that a lost one does not take the place of the next.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(acquire_timeout)
            .after_connect(|connection, _| Box::pin(check_primary(connection)))
            .connect_lazy_with(sessions.base().clone());
        let lost = tokio::select! {
            lost = listen_until_lost(&waiting, &pool) => Some(lost),
            _ = stopped.wait_for(|stopped| *stopped) => None,
        };
        let was_listening = waiting.is_listening.swap(false, Ordering::Relaxed);
        let Some(error) = lost else {
            let _closed = timeout(TRY_WITHIN, pool.close()).await;
            return;
        };
        if was_listening {
            tracing::warn!(%error, "lost the LISTEN connection for call events; readers poll until it is back");
            waiting.wake_all();
        }
        tokio::select! {
            () = sleep(BACKOFF) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Listens on one connection until that is lost. Returns the cause.
async fn listen_until_lost(waiting: &Waiting, pool: &PgPool) -> PortUnavailable {
    let mut listener = match begin_to_listen(pool).await {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    waiting.is_listening.store(true, Ordering::Relaxed);
    // No notification was received for what was published before, so every reader looks.
    waiting.wake_all();
    loop {
        match timeout(IDLE_TIMEOUT, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => waiting.wake(notification.payload()),
            Ok(Ok(None)) => return because("connection: it was closed"),
            Ok(Err(error)) => return unavailable(&error),
            Err(_) => match timeout(TRY_WITHIN, is_primary(&mut listener)).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return read_only(),
                Ok(Err(error)) => return unavailable(&error),
                Err(_) => return because("no response in time"),
            },
        }
    }
}

async fn begin_to_listen(pool: &PgPool) -> Result<PgListener, PortUnavailable> {
    let begun = async {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    };
    // The time limit of the pool covers the connection only.
    match timeout(pool.options().get_acquire_timeout() + TRY_WITHIN, begun).await {
        Ok(begun) => begun.map_err(|error: sqlx::Error| unavailable(&error)),
        Err(_) => Err(because("no response in time")),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
