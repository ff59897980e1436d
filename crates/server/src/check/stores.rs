//! The stores: what was found of them, and the directory behind them.

use std::sync::Arc;

use adapter_postgres::PostgresStore;
use adapter_sqlite::SqliteStore;
use domain::ports::PortUnavailable;
use domain::{DirectoryListing, StoredCredentials, TrunkId, stored_credentials};

use super::{Finding, postgres, redis, sqlite, within};
use crate::config::Storage;
use crate::wiring::Database;

pub(super) const DATABASE: &str = "database";
pub(super) const WRITABLE: &str = "database-writable";
pub(super) const PRIMARY: &str = "database-primary";
pub(super) const SCHEMA: &str = "schema";

/// What the database has, or why it could not be read.
pub(super) type Listing = Result<Stored, Unread>;

/// What the database has of all organizations.
pub(super) struct Stored {
    pub(super) directory: DirectoryListing,
    /// The limit of the trunk, if there is a trunk whose limit was stored.
    pub(super) calls_per_second: Option<u32>,
    /// What organizations stored of their own accounts.
    pub(super) credentials: Vec<StoredCredentials>,
}

/// Why the database could not be read.
pub(super) enum Unread {
    /// This check shows it.
    Behind(&'static str),
    /// Reading failed.
    Failed(String),
}

/// What was found of the stores.
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    pub(super) database: Opened,
}

/// A database with the schema of this program.
pub(super) enum Opened {
    Sqlite(SqliteStore),
    Postgres(Box<PostgresStore>),
    /// The check that shows why there is none.
    None(&'static str),
}

pub(super) async fn check(storage: &Storage) -> Checked {
    match storage {
        Storage::Embedded { path } => sqlite::check(path).await,
        Storage::Services { postgres, redis, history } => {
            let (mut checked, redis) =
                tokio::join!(postgres::check(postgres, history.as_ref()), redis::check(redis));
            checked.findings.extend(redis);
            checked
        }
    }
}

impl Checked {
    /// Reads the directory, and the limit of the trunk.
    pub(super) async fn listing(&self, trunk: Option<&TrunkId>) -> Listing {
        let database: Arc<dyn Database> = match &self.database {
            Opened::Sqlite(store) => Arc::new(store.clone()),
            Opened::Postgres(store) => Arc::new(store.as_ref().clone()),
            Opened::None(other) => return Err(Unread::Behind(other)),
        };
        let read = async {
            let directory = DirectoryListing::read(database.as_ref()).await?;
            let calls_per_second = match trunk {
                Some(trunk) => database.calls_per_second(trunk).await?,
                None => None,
            };
            let credentials = stored_credentials(database.as_ref()).await?;
            Ok::<_, PortUnavailable>(Stored { directory, calls_per_second, credentials })
        };
        within(read).await.map_err(Unread::Failed)
    }

    pub(super) async fn close(&self) {
        match &self.database {
            Opened::Sqlite(store) => store.close().await,
            Opened::Postgres(store) => store.close().await,
            Opened::None(_) => {}
        }
    }
}

/// How the schema differs from that of this program. `if_behind` and `if_ahead` make the finding if it
/// does.
pub(super) fn of_schema(
    missing: &[String],
    unknown: &[i64],
    if_behind: fn(&'static str, String) -> Finding,
    if_ahead: fn(&'static str, String) -> Finding,
) -> Finding {
    if !missing.is_empty() {
        let found = format!("{} migrations behind this program: {}", missing.len(), missing.join(", "));
        return if_behind(SCHEMA, found);
    }
    if !unknown.is_empty() {
        let numbers: Vec<String> = unknown.iter().map(|version| format!("{version:04}")).collect();
        let found = format!("a newer program has migrated it: this one lacks {}", numbers.join(", "));
        return if_ahead(SCHEMA, found);
    }
    Finding::ok(SCHEMA, "that of this program")
}
