use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::PortUnavailable;
use sqlx::PgConnection;
use tokio::time::{Instant, timeout, timeout_at};

use crate::PostgresSettings;
use crate::batch::{Batches, Times};
use crate::failure::{because, unavailable};
use crate::hosts::Hosts;
use crate::loss::LastLoss;
use crate::pool::{Connections, Lifetimes, PoolStatus};
use crate::sessions::{ISOLATION, Sessions};
use crate::wakeups::Wakeups;
use crate::work::{BookingWork, ResolvingWork, SettlingWork};

/// How long to wait for a statement beyond the server's own limit. After that, the server counts as
/// stalled.
const GRACE: Duration = Duration::from_millis(500);

/// How long `close` waits for running statements.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Every storage port, in Postgres. Cloning is cheap: the clones share one pool of connections.
///
/// A connection runs on the runtime on which it was opened, so use a store on the runtime that
/// created it.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) connections: Connections,
    /// The sessions outside the pool, without a time limit for statements.
    sessions: Sessions,
    pub(crate) pooled_sessions: Sessions,
    acquire_timeout: Duration,
    operation_timeout: Duration,
    pub(crate) last_loss: LastLoss,
    pub(crate) wakeups: Arc<Wakeups>,
    pub(crate) resolutions: Arc<Batches<ResolvingWork>>,
    pub(crate) bookings: Arc<Batches<BookingWork>>,
    pub(crate) settlements: Arc<Batches<SettlingWork>>,
}

impl PostgresStore {
    /// Opens the store and checks that the server responds. The store survives a later loss of the
    /// server.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used, if the server does not respond in time, or if a pooler loses
    /// prepared statements. The caller decides whether to try again.
    pub async fn connect(settings: &PostgresSettings) -> Result<Self, PortUnavailable> {
        let store = Self::unconnected(settings)?;
        store.ping().await?;
        store.check_pooler().await?;
        Ok(store)
    }

    /// How its connections are used at this moment.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        self.connections.status()
    }

    /// Refuses a pooler that loses prepared statements.
    pub(crate) async fn check_pooler(&self) -> Result<(), PortUnavailable> {
        let limit = self.acquire_timeout.saturating_mul(2);
        timeout(limit, self.pooled_sessions.check_pooler())
            .await
            .unwrap_or_else(|_| Err(because("no connection in time")))
    }

    /// The store without a connection: the first operation opens one.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used.
    pub fn unconnected(settings: &PostgresSettings) -> Result<Self, PortUnavailable> {
        let hosts = Hosts::parse(&settings.url).map_err(|error| unavailable(&error))?;
        // Overrides the default of the database.
        let sessions =
            Sessions::new(hosts, settings.may_be_standby).with([(ISOLATION.0, ISOLATION.1.to_owned())]);
        let millis = |limit: Duration| format!("{}ms", limit.as_millis().max(1));
        let pooled_sessions = sessions.with([
            ("statement_timeout", millis(settings.statement_timeout)),
            // A process that stops in the middle of a transaction loses its locks before other
            // statements time out.
            ("idle_in_transaction_session_timeout", millis(settings.statement_timeout / 2)),
            // Each statement reads few rows. The planner expects more of some, and compiling such a
            // statement takes longer than running it: 0.2 s for a lease of deliveries.
            ("jit", "off".to_owned()),
            // A plan may be made while a table is small, and is kept while it grows: it must not
            // read the whole table then.
            ("enable_seqscan", "off".to_owned()),
            ("enable_hashjoin", "off".to_owned()),
            ("enable_mergejoin", "off".to_owned()),
        ]);
        let last_loss = LastLoss::default();
        let connections =
            Connections::new(settings, Lifetimes::default(), pooled_sessions.clone(), last_loss.clone());
        Ok(Self {
            connections,
            wakeups: Arc::new(Wakeups::new(sessions.clone(), settings.acquire_timeout)),
            sessions,
            pooled_sessions,
            acquire_timeout: settings.acquire_timeout,
            operation_timeout: settings.acquire_timeout + settings.statement_timeout + GRACE,
            last_loss,
            resolutions: Arc::default(),
            bookings: Arc::default(),
            settlements: Arc::default(),
        })
    }

    /// Closes all connections. It waits up to 5 s for running statements, and ends the wait of
    /// every reader of events.
    pub async fn close(&self) {
        let (closed, ()) =
            tokio::join!(timeout(CLOSE_WITHIN, self.connections.close()), self.wakeups.close());
        if closed.is_err() {
            tracing::warn!("could not close all Postgres connections within 5 s; the server ends the rest");
        }
    }

    /// A connection to the primary, outside the pool and with these server settings, for work that
    /// takes longer than the statements of a call may.
    pub(crate) async fn connect_aside(
        &self,
        server_settings: &[(&'static str, &str)],
    ) -> Result<PgConnection, PortUnavailable> {
        let settings = server_settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let sessions = self.sessions.with(settings);
        match timeout(self.acquire_timeout, sessions.open()).await {
            Ok(opened) => Ok(opened?),
            Err(_) => Err(because("no connection in time")),
        }
    }

    /// The times of an operation that starts now, which may be more than one statement.
    pub(crate) fn times(&self) -> Times {
        let now = Instant::now();
        Times { begin_by: now + self.acquire_timeout, end_by: now + self.operation_timeout }
    }
}

/// Limits the time of an operation.
pub(crate) async fn ends_by<T>(
    end_by: Instant,
    operation: impl Future<Output = Result<T, PortUnavailable>>,
) -> Result<T, PortUnavailable> {
    timeout_at(end_by, operation).await.unwrap_or_else(|_| Err(because("no response in time")))
}

impl fmt::Debug for PostgresStore {
    /// Without the options, which contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("connections", &self.connections).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn debug_does_not_show_the_password() {
        let settings = PostgresSettings::new("postgres://outdial:hunter2@127.0.0.1/outdial");
        let store = PostgresStore::unconnected(&settings).expect("the URL can be used");
        assert!(!format!("{store:?}").contains("hunter2"));
    }
}
