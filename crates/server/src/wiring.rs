//! Connects ports and adapters: the only place that knows both.

mod after_the_call;
mod own_accounts;
mod pools;
mod rules;
pub(crate) mod tokens;
mod vendors;
mod voice;

use std::sync::Arc;
use std::time::Duration;

use adapter_http::{ComponentHealth, Readiness};
use adapter_postgres::PostgresStore;
use adapter_redis::RedisStore;
use adapter_sqlite::{SqliteSettings, SqliteStore};
use anyhow::bail;
use async_trait::async_trait;
use domain::PlaceCallPorts;
use domain::ports::{
    AgentRepo, AiNumbers, AuditLog, CallReader, CallTraces, CallUpdater, CallingPolicies, Consents,
    ContextCache, CredentialStore, DeliveryQueue, Directory, DirectoryReader, EventFeed, EventInbox,
    InboundDirectory, IntentHolds, JobLeases, LedgerMeter, PersonalData, PortUnavailable, Provisioning,
    RefusalCounts, Retention, Suppressions, UnfinishedCalls, UserRepo, VoiceProvider, WebhookEndpoints,
};
use tokio::sync::Notify;

pub(crate) use self::after_the_call::{AfterTheCall, ProviderReports};
pub(crate) use self::own_accounts::OrganizationAccounts;
pub(crate) use self::rules::calling_rules;
pub(crate) use self::vendors::{Accounts, Vendors, toggle_number};
pub(crate) use self::voice::{Simulated, VoiceParts, carriers};
use crate::config::Storage;
use crate::history_replica::HistoryReplica;
use crate::system::{RandomIdentifiers, SystemClock};
use crate::wakes_publisher::WakesPublisher;

/// The ports of a database beside those in [`PlaceCallPorts`].
pub(crate) trait Database:
    Directory
    + DirectoryReader
    + CallReader
    + CallTraces
    + CallUpdater
    + UnfinishedCalls
    + EventInbox
    + EventFeed
    + WebhookEndpoints
    + DeliveryQueue
    + InboundDirectory
    + RefusalCounts
    + UserRepo
    + AgentRepo
    + AiNumbers
    + CallingPolicies
    + AuditLog
    + Suppressions
    + Consents
    + Provisioning
    + CredentialStore
    + LedgerMeter
    + JobLeases
    + PersonalData
    + Retention
{
}

impl<T> Database for T where
    T: Directory
        + DirectoryReader
        + CallReader
        + CallTraces
        + CallUpdater
        + UnfinishedCalls
        + EventInbox
        + EventFeed
        + WebhookEndpoints
        + DeliveryQueue
        + InboundDirectory
        + RefusalCounts
        + UserRepo
        + AgentRepo
        + AiNumbers
        + CallingPolicies
        + AuditLog
        + Suppressions
        + Consents
        + Provisioning
        + CredentialStore
        + LedgerMeter
        + JobLeases
        + PersonalData
        + Retention
{
}

/// The stores behind the ports, for as long as the gateway runs.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Stores {
    /// All in one SQLite file.
    Embedded(SqliteStore),
    /// Ledger and directory in Postgres, lock and context cache in Redis.
    Services {
        /// Ledger and directory.
        postgres: PostgresStore,
        /// Lock and context cache.
        redis: RedisStore,
        /// A replica that lists calls.
        history: Option<PostgresStore>,
    },
}

impl Stores {
    /// Opens the stores. The embedded one is migrated too, because no other process uses it.
    pub async fn open(storage: &Storage) -> anyhow::Result<Self> {
        match storage {
            Storage::Embedded { path } => {
                let store = SqliteStore::open(&SqliteSettings::file(path)).await?;
                store.migrate().await?;
                Ok(Self::Embedded(store))
            }
            Storage::Services { postgres, redis, history } => {
                let postgres = PostgresStore::connect(postgres).await?;
                let redis = RedisStore::connect(redis)?;
                // A gateway starts, and serves calls, without it.
                let history = history.as_ref().map(PostgresStore::unconnected).transpose()?;
                Ok(Self::Services { postgres, redis, history })
            }
        }
    }

    /// Refuses a schema with pending migrations, and warns of a Redis that may evict locks.
    pub async fn check(&self) -> anyhow::Result<()> {
        self.check_schema().await?;
        self.warn_of_eviction().await;
        Ok(())
    }

    /// Refuses a schema with pending migrations.
    pub(crate) async fn check_schema(&self) -> anyhow::Result<()> {
        if let Self::Services { postgres, .. } = self {
            let pending = postgres.pending_migrations().await?;
            if !pending.is_empty() {
                bail!("the database is {} migration(s) behind: run `outdial migrate`", pending.len());
            }
        }
        Ok(())
    }

    /// Warns of a Redis that may evict locks.
    pub(crate) async fn warn_of_eviction(&self) {
        if let Self::Services { redis, .. } = self {
            redis.warn_unless_noeviction().await;
        }
    }

    /// Applies pending migrations.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        match self {
            Self::Embedded(store) => store.migrate().await?,
            Self::Services { postgres, .. } => postgres.migrate().await?,
        }
        Ok(())
    }

    /// The port that loads records.
    #[must_use]
    pub fn directory(&self) -> Arc<dyn Directory> {
        self.database()
    }

    /// The database, as the ports that it implements.
    pub(crate) fn database(&self) -> Arc<dyn Database> {
        match self {
            Self::Embedded(store) => Arc::new(store.clone()),
            Self::Services { postgres, .. } => Arc::new(postgres.clone()),
        }
    }

    /// The context cache.
    pub(crate) fn contexts(&self) -> Arc<dyn ContextCache> {
        match self {
            Self::Embedded(store) => Arc::new(store.clone()),
            Self::Services { redis, .. } => Arc::new(redis.clone()),
        }
    }

    /// The port that lists calls, from the replica if there is one.
    pub(crate) fn history(&self) -> Arc<dyn CallReader> {
        match self {
            Self::Services { history: Some(replica), .. } => {
                Arc::new(HistoryReplica::new(Arc::new(replica.clone()), self.database()))
            }
            _ => self.database(),
        }
    }

    /// The port that records reports about calls. It notifies `written` of call events.
    pub(crate) fn updater(&self, written: &Arc<Notify>) -> Arc<dyn CallUpdater> {
        let updater: Arc<dyn CallUpdater> = self.database();
        Arc::new(WakesPublisher::new(updater, written.clone()))
    }

    /// The ports that place calls. They notify `written` of call events.
    pub(crate) fn ports(&self, provider: Arc<dyn VoiceProvider>, written: &Arc<Notify>) -> PlaceCallPorts {
        let ports = self.ports_of_adapters(provider);
        PlaceCallPorts { ledger: Arc::new(WakesPublisher::new(ports.ledger, written.clone())), ..ports }
    }

    fn ports_of_adapters(&self, provider: Arc<dyn VoiceProvider>) -> PlaceCallPorts {
        let (clock, identifiers) = (Arc::new(SystemClock), Arc::new(RandomIdentifiers));
        let rules = calling_rules();
        match self {
            Self::Embedded(store) => {
                let store = Arc::new(store.clone());
                PlaceCallPorts {
                    directory: store.clone(),
                    contacts: store.clone(),
                    lock: store.clone(),
                    ledger: store.clone(),
                    keys: store.clone(),
                    contexts: store,
                    provider,
                    clock,
                    identifiers,
                    rules,
                }
            }
            Self::Services { postgres, redis, .. } => {
                let (postgres, redis) = (Arc::new(postgres.clone()), Arc::new(redis.clone()));
                PlaceCallPorts {
                    directory: postgres.clone(),
                    contacts: postgres.clone(),
                    ledger: postgres.clone(),
                    keys: postgres,
                    lock: redis.clone(),
                    contexts: redis,
                    provider,
                    clock,
                    identifiers,
                    rules,
                }
            }
        }
    }

    /// What a duplicate of a call is looked for in: the lock, and the ledger behind it as the last one.
    pub(crate) fn holds(&self) -> Vec<Arc<dyn IntentHolds>> {
        match self {
            Self::Embedded(store) => vec![Arc::new(store.clone())],
            Self::Services { postgres, redis, .. } => {
                vec![Arc::new(redis.clone()), Arc::new(postgres.clone())]
            }
        }
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Embedded(store) => store.close().await,
            Self::Services { postgres, redis, history } => {
                postgres.close().await;
                if let Some(history) = history {
                    history.close().await;
                }
                redis.close();
            }
        }
    }
}

#[async_trait]
impl Readiness for Stores {
    async fn check(&self) -> Vec<ComponentHealth> {
        match self {
            Self::Embedded(store) => {
                vec![health("database", store.ping()).await]
            }
            Self::Services { postgres, redis, .. } => {
                let (database, lock) =
                    tokio::join!(health("database", postgres.ping()), health("lock", redis.ping()));
                vec![database, lock]
            }
        }
    }
}

/// How long a store may take to answer. Shorter than the time limit of the whole check, so that the one
/// that hangs is named.
const PING_TIMEOUT: Duration = Duration::from_millis(2500);

async fn health(
    name: &'static str,
    ping: impl Future<Output = Result<(), PortUnavailable>>,
) -> ComponentHealth {
    let problem = match tokio::time::timeout(PING_TIMEOUT, ping).await {
        Ok(pinged) => pinged.err().map(|error| error.to_string()),
        Err(_) => Some("it did not answer in time".to_owned()),
    };
    ComponentHealth { name, problem }
}
