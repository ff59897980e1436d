//! How statements run: on a reader, or on the writer when it is their turn.

use std::time::Duration;

use domain::Timestamp;
use domain::ports::PortUnavailable;
use sql_common::Columns;
use sqlx::query::{Map, Query};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Execute as _, Sqlite, SqliteConnection};

use crate::SqliteStore;
use crate::clock::now;
use crate::failure::{STORAGE_LIMIT, failed, unavailable, unreadable, within};

pub(crate) type Write<'q> = Query<'q, Sqlite, SqliteArguments>;
pub(crate) type Select<'q, M> = Map<'q, Sqlite, M, SqliteArguments>;

pub(crate) trait Mapping<T>: FnMut(SqliteRow) -> Result<T, sqlx::Error> + Send {}

impl<T, M: FnMut(SqliteRow) -> Result<T, sqlx::Error> + Send> Mapping<T> for M {}

/// Runs a statement and returns the number of rows that it wrote.
pub(crate) async fn execute(
    connection: &mut SqliteConnection,
    statement: Write<'_>,
) -> Result<u64, PortUnavailable> {
    statement.execute(connection).await.map(|done| done.rows_affected()).map_err(unavailable)
}

/// Runs a statement and returns its rows.
pub(crate) async fn rows<T: Send + Unpin, M: Mapping<T>>(
    connection: &mut SqliteConnection,
    statement: Select<'_, M>,
) -> Result<Vec<T>, PortUnavailable> {
    statement.fetch_all(connection).await.map_err(unavailable)
}

/// Runs a statement and returns its first row.
pub(crate) async fn row<T: Send + Unpin, M: Mapping<T>>(
    connection: &mut SqliteConnection,
    statement: Select<'_, M>,
) -> Result<Option<T>, PortUnavailable> {
    statement.fetch_optional(connection).await.map_err(unavailable)
}

/// Reads the value of a row.
pub(crate) fn read<C: Columns>(row: C) -> Result<C::Value, PortUnavailable> {
    row.read().map_err(unreadable)
}

/// Reads the value of each row.
pub(crate) fn read_all<C: Columns>(rows: Vec<C>) -> Result<Vec<C::Value>, PortUnavailable> {
    rows.into_iter().map(read).collect()
}

impl SqliteStore {
    /// Runs a statement on a reader and returns the value of each row.
    pub(crate) async fn read_rows<C: Columns + Send + Unpin, M: Mapping<C>>(
        &self,
        statement: Select<'_, M>,
    ) -> Result<Vec<C::Value>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            read_all(rows(&mut reader, statement).await?)
        })
        .await
    }

    /// Runs a statement on a reader and returns the value of its first row.
    pub(crate) async fn read_row<C: Columns + Send + Unpin, M: Mapping<C>>(
        &self,
        statement: Select<'_, M>,
    ) -> Result<Option<C::Value>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            row(&mut reader, statement).await?.map(read).transpose()
        })
        .await
    }

    /// Runs a statement that writes, and is on disk when this returns. Returns the number of rows
    /// that it wrote.
    pub(crate) async fn write_synced(&self, mut statement: Write<'static>) -> Result<u64, PortUnavailable> {
        let arguments =
            statement.take_arguments().map_err(|error| failed(error.to_string()))?.unwrap_or_default();
        let statement = statement.sql();
        let write = self.connections.write_synced(move |writer| {
            // The arguments are counted references, which are cheap to clone.
            Box::pin(execute(writer, sqlx::query_with(statement.clone(), arguments.clone())))
        });
        within(STORAGE_LIMIT, write).await
    }

    /// Runs a statement that writes, and may be lost in a power failure. The statement is made when
    /// it is its turn, with the time of that. Returns the number of rows that it wrote.
    pub(crate) async fn write_unsynced<'q>(
        &self,
        limit: Duration,
        statement: impl FnOnce(Timestamp) -> Write<'q> + Send,
    ) -> Result<u64, PortUnavailable> {
        within(limit, async {
            let mut writer = self.connections.write_unsynced().await?;
            let statement = statement(now());
            let written = execute(&mut writer, statement).await?;
            writer.end();
            Ok(written)
        })
        .await
    }

    /// The same for a statement that leases rows and returns them.
    pub(crate) async fn lease_rows<'q, T: Send + Unpin, M: Mapping<T>>(
        &self,
        statement: impl FnOnce(Timestamp) -> Select<'q, M> + Send,
    ) -> Result<Vec<T>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut writer = self.connections.write_unsynced().await?;
            let statement = statement(now());
            let leased = rows(&mut writer, statement).await?;
            writer.end();
            Ok(leased)
        })
        .await
    }
}
