use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::ports::PortUnavailable;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};
use tokio::time::timeout;

use crate::PostgresSettings;
use crate::failure::{because, unavailable};
use crate::wakeups::Wakeups;

/// How much longer than the server's own limit a statement may take, before the server counts as stalled.
const GRACE: Duration = Duration::from_millis(500);

/// A connection that was idle for longer is tried before it is used: the server may have gone and come back meanwhile.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// How long it may take to try such a connection. Less than the wait for a connection, so that one that hangs is replaced.
const TRIED_WITHIN: Duration = Duration::from_millis(500);

/// How long `close` waits for statements that are under way.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Every storage port, in Postgres. Cheap to clone: the clones share one pool of connections.
///
/// A connection is driven by the runtime on which it was opened. A store is to be used on the runtime that made it.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) pool: PgPool,
    /// How to open a connection beside the pool, without a limit on statements.
    options: PgConnectOptions,
    acquire_timeout: Duration,
    operation_timeout: Duration,
    pub(crate) last_loss: LastLoss,
    pub(crate) wakeups: Arc<Wakeups>,
}

impl PostgresStore {
    /// Opens the store and sees that the server answers. Later losses of the server are recovered from without a new store.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used or the server does not answer in time. Whoever starts has to try again or give up.
    pub async fn connect(settings: &PostgresSettings) -> Result<Self, PortUnavailable> {
        let store = Self::unconnected(settings)?;
        store.ping().await?;
        Ok(store)
    }

    fn unconnected(settings: &PostgresSettings) -> Result<Self, PortUnavailable> {
        let options = PgConnectOptions::from_str(&settings.url)
            .map_err(|error| unavailable(&error))?
            .application_name("outdial")
            // Whatever the database's default is: the statements here reckon with seeing what was committed before them.
            .options([("default_transaction_isolation", "read committed")])
            .disable_statement_logging();
        let millis = |limit: Duration| format!("{}ms", limit.as_millis().max(1));
        let limited = options.clone().options([
            ("statement_timeout", millis(settings.statement_timeout)),
            // A process that stops in the middle of a transaction loses it, and its locks, before others give up waiting.
            ("idle_in_transaction_session_timeout", millis(settings.statement_timeout / 2)),
        ]);
        let last_loss = LastLoss::default();
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            // Trying every connection would double the round trips; trying none would hand out dead ones.
            .test_before_acquire(false)
            .before_acquire({
                let last_loss = last_loss.clone();
                move |connection, meta| {
                    let trusted = meta.idle_for < TRUSTED_FOR && !last_loss.was_within(meta.idle_for);
                    Box::pin(async move {
                        if trusted {
                            return Ok(true);
                        }
                        // In vain is no error: the pool opens another one, in the time that is left.
                        Ok(timeout(TRIED_WITHIN, connection.ping()).await.is_ok_and(|tried| tried.is_ok()))
                    })
                }
            })
            .connect_lazy_with(limited);
        Ok(Self {
            pool,
            wakeups: Arc::new(Wakeups::new(options.clone(), settings.acquire_timeout)),
            options,
            acquire_timeout: settings.acquire_timeout,
            operation_timeout: settings.acquire_timeout + settings.statement_timeout + GRACE,
            last_loss,
        })
    }

    /// Sees that the server runs statements.
    ///
    /// # Errors
    ///
    /// If it does not, within the times of the settings.
    pub async fn ping(&self) -> Result<(), PortUnavailable> {
        self.repeatable(|| sqlx::query!(r#"select 1 as "one!""#)).await.map(|_| ())
    }

    /// Closes all connections, after the statements that are under way, for which it waits 5 s. Who waits for events is
    /// told.
    pub async fn close(&self) {
        let (closed, ()) = tokio::join!(timeout(CLOSE_WITHIN, self.pool.close()), self.wakeups.close());
        if closed.is_err() {
            tracing::warn!("Postgres did not let go of all connections in time");
        }
    }

    /// A connection beside the pool, with these server settings: for work that takes longer than a statement of a call may.
    pub(crate) async fn connect_aside(
        &self,
        server_settings: &[(&str, &str)],
    ) -> Result<PgConnection, PortUnavailable> {
        let options = self.options.clone().options(server_settings.iter().copied());
        match timeout(self.acquire_timeout, options.connect()).await {
            Ok(connected) => connected.map_err(|error| unavailable(&error)),
            Err(_) => Err(because("no connection in time")),
        }
    }

    /// Bounds a whole operation, be it one statement or two.
    pub(crate) async fn bounded<T>(
        &self,
        operation: impl Future<Output = Result<T, PortUnavailable>>,
    ) -> Result<T, PortUnavailable> {
        match timeout(self.operation_timeout, operation).await {
            Ok(answer) => answer,
            Err(_) => Err(because("no answer in time")),
        }
    }
}

impl fmt::Debug for PostgresStore {
    /// Without the options, which hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// When a connection last broke or hung. What one connection met, a restart of the server most of all, the others that were
/// open then have probably met too.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastLoss(Arc<Mutex<Option<Instant>>>);

impl LastLoss {
    pub(crate) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn was_within(&self, past: Duration) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|moment| moment.elapsed() <= past)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn debug_does_not_show_the_password() {
        let settings = PostgresSettings::new("postgres://outdial:hunter2@127.0.0.1/outdial");
        let store = PostgresStore::unconnected(&settings).expect("the URL is fine");
        assert!(!format!("{store:?}").contains("hunter2"));
    }
}
