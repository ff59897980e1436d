//! How a statement is run: on a connection of the pool, held for this statement alone.

use std::future::Future;
use std::time::Duration;

use domain::ports::PortUnavailable;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Map;
use sqlx::{PgConnection, Postgres};

use crate::PostgresStore;
use crate::failure::{breaks_connection, passes_when_repeated, unavailable};
use crate::store::LastLoss;

/// How long a connection may take to show that it is fit for the pool again.
const RETURN_WITHIN: Duration = Duration::from_secs(2);

impl PostgresStore {
    /// Runs a statement that has the same effect twice as once, and gives its first row. Repeats it once, on another
    /// connection, where the first one broke or the statement lost against a concurrent one.
    pub(crate) async fn repeatable<'q, T, M>(
        &self,
        statement: impl Fn() -> Map<'q, Postgres, M, PgArguments>,
    ) -> Result<Option<T>, PortUnavailable>
    where
        M: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
    {
        self.repeatable_rows(statement).await.map(|rows| rows.into_iter().next())
    }

    /// The same, with all its rows.
    pub(crate) async fn repeatable_rows<'q, T, M>(
        &self,
        statement: impl Fn() -> Map<'q, Postgres, M, PgArguments>,
    ) -> Result<Vec<T>, PortUnavailable>
    where
        M: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
    {
        self.bounded(async {
            let answer = match self.attempt(statement()).await {
                Err(error) if passes_when_repeated(&error) => self.attempt(statement()).await,
                answer => answer,
            };
            answer.map_err(|error| unavailable(&error))
        })
        .await
    }

    /// Runs a statement once, whatever comes of it, and gives its first row. On an error it may have been done.
    pub(crate) async fn once<'q, T, M>(
        &self,
        statement: Map<'q, Postgres, M, PgArguments>,
    ) -> Result<Option<T>, PortUnavailable>
    where
        M: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
    {
        let rows = self.bounded(async { self.attempt(statement).await.map_err(|error| unavailable(&error)) });
        rows.await.map(|rows| rows.into_iter().next())
    }

    /// Runs a transaction that may be done twice. Repeats it once, as a statement is.
    pub(crate) async fn transact<T: Transaction>(&self, work: &T) -> Result<T::Output, PortUnavailable> {
        self.bounded(async {
            let answer = match self.try_to_transact(work).await {
                Err(error) if passes_when_repeated(&error) => self.try_to_transact(work).await,
                answer => answer,
            };
            answer.map_err(|error| unavailable(&error))
        })
        .await
    }

    async fn try_to_transact<T: Transaction>(&self, work: &T) -> Result<T::Output, sqlx::Error> {
        let mut lease = Lease::take(self).await?;
        let answer = work.run(lease.connection()).await;
        if !answer.as_ref().is_err_and(breaks_connection) {
            lease.give_back();
        }
        answer
    }

    async fn attempt<'q, T, M>(
        &self,
        statement: Map<'q, Postgres, M, PgArguments>,
    ) -> Result<Vec<T>, sqlx::Error>
    where
        M: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
        T: Send + Unpin,
    {
        let mut lease = Lease::take(self).await?;
        // Returns when the server is ready for the next statement, and so has committed this one.
        let answer = statement.fetch_all(lease.connection()).await;
        if !answer.as_ref().is_err_and(breaks_connection) {
            lease.give_back();
        }
        answer
    }
}

/// Work of more than one statement, from its beginning to its commit.
pub(crate) trait Transaction: Sync {
    /// What comes of it.
    type Output: Send;

    /// Does it on this connection. What is not committed is rolled back.
    fn run(
        &self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Self::Output, sqlx::Error>> + Send;
}

/// A connection of the pool. Dropped before it is given back, be it that the statement was given up or that the connection
/// broke, it is closed: an answer that is still to come must not meet the next statement.
pub(crate) struct Lease {
    connection: Option<PoolConnection<Postgres>>,
    last_loss: LastLoss,
}

impl Lease {
    /// Takes a connection, a new one if need be.
    pub(crate) async fn take(store: &PostgresStore) -> Result<Self, sqlx::Error> {
        let connection = store.pool.acquire().await?;
        Ok(Self { connection: Some(connection), last_loss: store.last_loss.clone() })
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("a lease holds its connection until it ends")
    }

    /// The pool tries a connection that comes back, without end where the server's host is gone: bounded here, or such
    /// connections would be missing from the pool for as long as the network takes to notice.
    pub(crate) fn give_back(mut self) {
        if let Some(mut connection) = self.connection.take() {
            tokio::spawn(
                async move { tokio::time::timeout(RETURN_WITHIN, connection.return_to_pool()).await },
            );
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.last_loss.note();
            drop(connection.detach());
        }
    }
}
