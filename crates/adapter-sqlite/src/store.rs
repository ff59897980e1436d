use std::sync::Arc;

use domain::ports::PortUnavailable;
use tokio::sync::OnceCell;

use crate::SqliteSettings;
use crate::connections::Connections;
use crate::migrations;
use crate::sweep::Sweeper;
use crate::wakeups::Wakeups;

/// All of Outdial's data in one SQLite file. Cloning is cheap: the clones share their connections.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pub(crate) connections: Connections,
    pub(crate) sweeper: Sweeper,
    pub(crate) wakeups: Wakeups,
    /// What the hashes of erased numbers are made with. It never changes.
    pub(crate) number_hash_key: Arc<OnceCell<Vec<u8>>>,
}

impl SqliteStore {
    /// Opens the file. Creates it (mode 0600) and its folder (mode 0700) if they do not exist. Does
    /// not change the schema: see
    /// [`SqliteStore::migrate`].
    pub async fn open(settings: &SqliteSettings) -> Result<Self, PortUnavailable> {
        let connections = Connections::open(settings).await?;
        Ok(Self {
            connections,
            sweeper: Sweeper::default(),
            wakeups: Wakeups::default(),
            number_hash_key: Arc::default(),
        })
    }

    /// Brings the schema up to date, in one transaction.
    pub async fn migrate(&self) -> Result<(), PortUnavailable> {
        migrations::run(&self.connections).await
    }

    /// The migrations that the file lacks, oldest first, each as `0001 description`.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, PortUnavailable> {
        Ok(migrations::difference(&self.connections).await?.missing)
    }

    /// The numbers of the migrations of a newer program that the file has.
    pub async fn unknown_migrations(&self) -> Result<Vec<i64>, PortUnavailable> {
        Ok(migrations::difference(&self.connections).await?.unknown)
    }

    /// Closes the connections of this store and of all its clones, after the running statements.
    /// Every later operation returns `PortUnavailable`.
    pub async fn close(&self) {
        self.connections.close().await;
        self.wakeups.end();
    }
}
