//! Waking those who wait for events: one connection of each store listens to what is published, by whichever process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::ports::PortUnavailable;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::failure::{because, unavailable};

/// Where publishing notifies; the payload is the organization.
pub(crate) const CHANNEL: &str = "outdial_call_events";

/// How long a reader waits before it looks again by itself: while somebody listens for it, and while nobody does.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));

/// How long to wait after a loss before listening is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// After such a silence the connection is tried, within the second time: the server's host may have gone without a word.
const SILENCE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(2));

/// Those who wait, and the connection that listens for them: opened when somebody waits for the first time.
pub(crate) struct Wakeups {
    options: PgConnectOptions,
    acquire_timeout: Duration,
    waiting: Arc<Waiting>,
    listening: Mutex<Listening>,
}

/// Those who wait, by organization.
#[derive(Default)]
struct Waiting {
    readers: Mutex<HashMap<String, watch::Sender<()>>>,
    /// Whether somebody listens for them.
    is_heard: AtomicBool,
}

enum Listening {
    NotYet,
    Since { task: JoinHandle<()>, stop: watch::Sender<bool> },
    Closed,
}

impl Wakeups {
    pub(crate) fn new(options: PgConnectOptions, acquire_timeout: Duration) -> Self {
        Self { options, acquire_timeout, waiting: Arc::default(), listening: Mutex::new(Listening::NotYet) }
    }

    /// What changes whenever something may have been published for this organization. Beginning to listen counts as such.
    pub(crate) fn subscribe(&self, organization_id: &str) -> watch::Receiver<()> {
        let mut listening = locked(&self.listening);
        if matches!(*listening, Listening::NotYet) {
            let (stop, stopped) = watch::channel(false);
            let task = tokio::spawn(listen(
                Arc::clone(&self.waiting),
                self.options.clone(),
                self.acquire_timeout,
                stopped,
            ));
            *listening = Listening::Since { task, stop };
        }
        drop(listening);
        let mut readers = locked(&self.waiting.readers);
        readers.entry(organization_id.to_owned()).or_default().subscribe()
    }

    /// How long to wait for a wake-up before looking again all the same.
    pub(crate) fn patience(&self) -> Duration {
        if self.waiting.is_heard.load(Ordering::Relaxed) { PATIENCE.0 } else { PATIENCE.1 }
    }

    /// Ends the connection, and wakes everybody.
    pub(crate) async fn close(&self) {
        let listening = std::mem::replace(&mut *locked(&self.listening), Listening::Closed);
        if let Listening::Since { task, stop } = listening {
            stop.send_replace(true);
            // It does nothing that can panic.
            let _ended = task.await;
        }
        self.waiting.wake_all();
    }
}

impl Drop for Wakeups {
    fn drop(&mut self) {
        if let Listening::Since { task, .. } = &*locked(&self.listening) {
            task.abort();
        }
    }
}

impl Waiting {
    fn wake(&self, organization_id: &str) {
        let mut readers = locked(&self.readers);
        // Under the lock nobody subscribes: who left nobody behind is forgotten.
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

/// Listens until it is stopped, over as many connections as that takes.
async fn listen(
    waiting: Arc<Waiting>,
    options: PgConnectOptions,
    acquire_timeout: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        // A pool for each connection: what is left of a lost one is not in the way of the next.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(acquire_timeout)
            .connect_lazy_with(options.clone());
        let lost = tokio::select! {
            lost = listen_until_lost(&waiting, &pool) => Some(lost),
            _ = stopped.wait_for(|stopped| *stopped) => None,
        };
        let was_heard = waiting.is_heard.swap(false, Ordering::Relaxed);
        let Some(error) = lost else {
            let _closed = timeout(SILENCE.1, pool.close()).await;
            return;
        };
        if was_heard {
            tracing::warn!(%error, "nobody is woken by new events for the moment: they are looked for");
            waiting.wake_all();
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Listens on one connection; says what it was lost of.
async fn listen_until_lost(waiting: &Waiting, pool: &PgPool) -> PortUnavailable {
    let mut listener = match begin_to_listen(pool).await {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    waiting.is_heard.store(true, Ordering::Relaxed);
    // What was published before is heard of by nobody: let them look.
    waiting.wake_all();
    loop {
        match timeout(SILENCE.0, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => waiting.wake(notification.payload()),
            Ok(Ok(None)) => return because("connection: it was closed"),
            Ok(Err(error)) => return unavailable(&error),
            Err(_) => match timeout(SILENCE.1, sqlx::query("select 1").execute(&mut listener)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return unavailable(&error),
                Err(_) => return because("no answer in time"),
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
    // The pool bounds the connection alone.
    match timeout(pool.options().get_acquire_timeout() + SILENCE.1, begun).await {
        Ok(begun) => begun.map_err(|error: sqlx::Error| unavailable(&error)),
        Err(_) => Err(because("no answer in time")),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
