//! How statements and transactions run: on a connection of the pool, which is held for this work
//! only.

use std::future::Future;

use domain::ports::PortUnavailable;
use sql_common::{Columns, Unreadable};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Map;
use sqlx::{PgConnection, Postgres};
use tokio::time::Instant;

use crate::PostgresStore;
use crate::failure::{
    because, breaks_connection, is_read_only, passes_when_repeated, read_only, unavailable,
};
use crate::pool::Borrowed;
use crate::store::ends_by;

/// What work does with the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It waits for no lock of a row.
    Read,
    /// It may wait for the locks of other work. It has the same effect twice as once.
    Write,
    /// Like `Write`, but a second run would not have the same effect.
    WriteOnce,
}

/// A statement, or a transaction from its beginning to its commit.
pub(crate) trait Work: Sync {
    type Output: Send;

    fn access(&self) -> Access {
        Access::Write
    }

    /// Runs on this connection. What is not committed is rolled back.
    fn run(
        &self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;
}

/// Why work was not done.
pub(crate) enum Failure {
    Statement(sqlx::Error),
    /// The work found that the session is read-only.
    ReadOnly,
    Other(PortUnavailable),
}

impl Failure {
    fn is_read_only(&self) -> bool {
        match self {
            Self::Statement(error) => is_read_only(error),
            Self::ReadOnly => true,
            Self::Other(_) => false,
        }
    }

    fn breaks_connection(&self) -> bool {
        self.is_read_only() || matches!(self, Self::Statement(error) if breaks_connection(error))
    }

    /// Whether the work may run once more. A session that is read-only has written nothing, so that
    /// this does not depend on the work.
    fn allows_another_attempt(&self, access: Access) -> bool {
        self.is_read_only()
            || access != Access::WriteOnce
                && matches!(self, Self::Statement(error) if passes_when_repeated(error))
    }
}

/// What `sqlx::query!` and `sqlx::query_as!` make.
pub(crate) type Select<'q, M> = Map<'q, Postgres, M, PgArguments>;

pub(crate) trait Row: Send + Unpin {}

impl<T: Send + Unpin> Row for T {}

pub(crate) trait Mapping<T>: FnMut(PgRow) -> Result<T, sqlx::Error> + Send {}

impl<T, M: FnMut(PgRow) -> Result<T, sqlx::Error> + Send> Mapping<T> for M {}

struct Rows<S> {
    statement: S,
    access: Access,
}

impl<'q, S, M, T> Work for Rows<S>
where
    S: Fn() -> Select<'q, M> + Sync,
    M: FnMut(PgRow) -> Result<T, sqlx::Error> + Send,
    T: Row,
{
    type Output = Vec<T>;

    fn access(&self) -> Access {
        self.access
    }

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<T>, Failure> {
        // Returns when the server is ready for the next statement, and so has committed this one.
        Ok((self.statement)().fetch_all(connection).await?)
    }
}

/// Work that a condition of the data may refuse.
struct Refusable<W, R> {
    work: W,
    refusal: fn(&sqlx::Error) -> Option<R>,
}

impl<W: Work, R: Send> Work for Refusable<W, R> {
    type Output = Result<W::Output, R>;

    fn access(&self) -> Access {
        self.work.access()
    }

    async fn run(&self, connection: &mut PgConnection) -> Result<Self::Output, Failure> {
        match self.work.run(connection).await {
            Err(Failure::Statement(error)) => match (self.refusal)(&error) {
                Some(refusal) => Ok(Err(refusal)),
                None => Err(error.into()),
            },
            result => result.map(Ok),
        }
    }
}

impl PostgresStore {
    /// Runs work. If its connection broke, or if it lost against concurrent work, repeatable work
    /// runs once more, on another connection. After an error of other work, the work may have been
    /// done. All work runs once more if its connection was to a server that is no longer the
    /// primary.
    pub(crate) async fn run<W: Work>(&self, work: &W) -> Result<W::Output, PortUnavailable> {
        self.run_by(self.times().end_by, work).await
    }

    async fn run_by<W: Work>(&self, end_by: Instant, work: &W) -> Result<W::Output, PortUnavailable> {
        ends_by(end_by, async {
            let result = match self.attempt(work).await {
                Err(failure) if failure.allows_another_attempt(work.access()) => self.attempt(work).await,
                result => result,
            };
            result.map_err(PortUnavailable::from)
        })
        .await
    }

    async fn attempt<W: Work>(&self, work: &W) -> Result<W::Output, Failure> {
        let mut borrowed = self.borrow(work.access()).await?;
        let result = work.run(borrowed.connection()).await;
        if let Err(Failure::Statement(error)) = &result {
            self.pooled_sessions.note(error);
        }
        match &result {
            Err(failure) if failure.breaks_connection() => {
                if failure.is_read_only() {
                    self.last_loss.note_read_only();
                }
            }
            _ => borrowed.give_back(),
        }
        result
    }

    async fn borrow(&self, access: Access) -> Result<Borrowed, Failure> {
        let borrowed = match access {
            Access::Read => self.connections.borrow().await,
            Access::Write | Access::WriteOnce => self.connections.borrow_to_write().await,
        };
        match borrowed {
            // The pool does not report why it could not open a connection.
            Err(sqlx::Error::PoolTimedOut) if self.last_loss.is_read_only() => {
                Err(Failure::Other(read_only()))
            }
            borrowed => Ok(borrowed?),
        }
    }

    /// Runs a statement and returns its rows.
    pub(crate) async fn rows<'q, T: Row, M: Mapping<T>>(
        &self,
        access: Access,
        statement: impl Fn() -> Select<'q, M> + Sync,
    ) -> Result<Vec<T>, PortUnavailable> {
        self.run(&Rows { statement, access }).await
    }

    /// Runs a statement, which ends by this time, and returns its rows.
    pub(crate) async fn rows_by<'q, T: Row, M: Mapping<T>>(
        &self,
        end_by: Instant,
        access: Access,
        statement: impl Fn() -> Select<'q, M> + Sync,
    ) -> Result<Vec<T>, PortUnavailable> {
        self.run_by(end_by, &Rows { statement, access }).await
    }

    /// The same for a statement that fails as a whole if a condition of the data refuses it.
    pub(crate) async fn rows_unless_refused<'q, T: Row, M: Mapping<T>, R: Send>(
        &self,
        end_by: Instant,
        access: Access,
        refusal: fn(&sqlx::Error) -> Option<R>,
        statement: impl Fn() -> Select<'q, M> + Sync,
    ) -> Result<Result<Vec<T>, R>, PortUnavailable> {
        let work = Rows { statement, access };
        self.run_by(end_by, &Refusable { work, refusal }).await
    }

    /// Runs a statement and returns its first row.
    pub(crate) async fn row<'q, T: Row, M: Mapping<T>>(
        &self,
        access: Access,
        statement: impl Fn() -> Select<'q, M> + Sync,
    ) -> Result<Option<T>, PortUnavailable> {
        Ok(self.rows(access, statement).await?.into_iter().next())
    }

    /// Runs a statement that only reads and returns the value of its first row.
    pub(crate) async fn read_row<'q, C: Columns + Row, M: Mapping<C>>(
        &self,
        statement: impl Fn() -> Select<'q, M> + Sync,
    ) -> Result<Option<C::Value>, PortUnavailable> {
        self.row(Access::Read, statement).await?.map(read).transpose()
    }

    /// Runs a statement that only reads and returns the value of each row.
    pub(crate) async fn read_rows<'q, C: Columns + Row, M: Mapping<C>>(
        &self,
        statement: impl Fn() -> Select<'q, M> + Sync,
    ) -> Result<Vec<C::Value>, PortUnavailable> {
        read_all(self.rows(Access::Read, statement).await?)
    }

    /// Runs a statement that always has a row.
    pub(crate) async fn only_row<'q, T: Row, M: Mapping<T>>(
        &self,
        access: Access,
        statement: impl Fn() -> Select<'q, M> + Sync,
    ) -> Result<T, PortUnavailable> {
        self.row(access, statement).await?.ok_or_else(|| because("a statement returned no row"))
    }
}

/// Reads the value of a row.
pub(crate) fn read<C: Columns>(row: C) -> Result<C::Value, PortUnavailable> {
    Ok(row.read().map_err(Failure::from)?)
}

/// Reads the value of each row.
pub(crate) fn read_all<C: Columns>(rows: Vec<C>) -> Result<Vec<C::Value>, PortUnavailable> {
    rows.into_iter().map(read).collect()
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Statement(error)
    }
}

impl From<PortUnavailable> for Failure {
    fn from(error: PortUnavailable) -> Self {
        Self::Other(error)
    }
}

impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        Self::Other(because(error.to_string()))
    }
}

impl From<Failure> for PortUnavailable {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Statement(error) => unavailable(&error),
            Failure::ReadOnly => read_only(),
            Failure::Other(error) => error,
        }
    }
}
