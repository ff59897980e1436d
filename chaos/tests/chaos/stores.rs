//! The stores of a run, and the faults that are injected into them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use testkit::fault_proxy::FaultProxy;

use super::disturbances::Disturbances;
use super::evidence::Part;
use super::fault::Fault;
use super::parts::postgres::Postgres;
use super::parts::preload::{Disk, Preload};
use super::parts::redis::Redis;
use super::topology::Storage;
use super::view::{Place, View};

pub(crate) enum Stores {
    File { path: PathBuf, disk: Disk },
    Services(Box<Services>),
}

pub(crate) struct Services {
    postgres: Postgres,
    redis: Redis,
    view: View,
    /// The ways of each gateway. They follow a failover.
    ways: Vec<Ways>,
    /// The servers to which the ways to the database lead.
    databases: [SocketAddr; 2],
}

/// The proxies between one gateway and the stores.
#[derive(Clone)]
pub(crate) struct Ways {
    /// To the primary and to the standby, in the order of the URL: the gateway finds out which is which.
    pub(crate) databases: [Arc<FaultProxy>; 2],
    pub(crate) lock: Arc<FaultProxy>,
}

/// The database of the gateways. The pair is the run's own.
const DATABASE: &str = "postgres";

impl Stores {
    pub(crate) async fn start(
        storage: Storage,
        folder: &Path,
        preload: &Preload,
        replicas: usize,
    ) -> anyhow::Result<Self> {
        match storage {
            Storage::File => {
                let below = folder.join("file");
                std::fs::create_dir(&below)?;
                Ok(Self::File { path: below.join("outdial.db"), disk: preload.disk(&below)? })
            }
            Storage::Services => {
                let (postgres, redis) =
                    (Postgres::start(folder, preload).await?, Redis::start(folder, preload).await?);
                let databases = postgres.addresses();
                let mut ways = Vec::new();
                for _ in 0..replicas {
                    let [one, other] = databases.map(FaultProxy::start);
                    let databases = [Arc::new(one.await), Arc::new(other.await)];
                    let lock = Arc::new(FaultProxy::start(redis.address()).await);
                    ways.push(Ways { databases, lock });
                }
                let view = View::of(place(&postgres, &redis));
                Ok(Self::Services(Box::new(Services { postgres, redis, view, ways, databases })))
            }
        }
    }

    pub(crate) fn view(&self) -> View {
        match self {
            Self::File { path, .. } => View::of(Place::File(path.clone())),
            Self::Services(services) => services.view.clone(),
        }
    }

    /// The disk that a gateway fills together with the stores.
    pub(crate) fn disk_of_gateways(&self) -> Option<&Disk> {
        match self {
            Self::File { disk, .. } => Some(disk),
            Self::Services(_) => None,
        }
    }

    /// The ways of this gateway to the stores, if it uses any.
    pub(crate) fn ways(&self, gateway: usize) -> Option<Ways> {
        match self {
            Self::File { .. } => None,
            Self::Services(services) => Some(services.ways[gateway].clone()),
        }
    }

    /// The settings of a gateway that reaches the stores on its ways, or directly.
    pub(crate) fn settings(&self, ways: Option<&Ways>) -> Vec<(&'static str, String)> {
        match self {
            Self::File { path, .. } => vec![("OUTDIAL_DATABASE_URL", format!("sqlite://{}", path.display()))],
            Self::Services(services) => {
                let (postgres, redis) = (&services.postgres, &services.redis);
                let lock = ways.map_or(redis.address(), |ways| ways.lock.address());
                let [one, other] = match ways {
                    Some(ways) => [ways.databases[0].address(), ways.databases[1].address()],
                    None => postgres.addresses(),
                };
                let url = postgres.url(DATABASE);
                let url = url.replace(&postgres.address().to_string(), &format!("{one},{other}"));
                vec![("OUTDIAL_DATABASE_URL", url), ("OUTDIAL_REDIS_URL", redis_url(lock))]
            }
        }
    }

    pub(crate) async fn begin(&mut self, fault: &Fault, disturbances: &Disturbances) -> anyhow::Result<()> {
        disturbed(fault).iter().for_each(|part| disturbances.begin(*part));
        match self {
            Self::File { disk, .. } => disk.fill(),
            Self::Services(services) => services.begin(fault).await,
        }
    }

    pub(crate) async fn end(&mut self, fault: &Fault, disturbances: &Disturbances) -> anyhow::Result<()> {
        match self {
            Self::File { disk, .. } => disk.free()?,
            Self::Services(services) => services.end(fault).await?,
        }
        disturbed(fault).iter().for_each(|part| disturbances.end(*part));
        Ok(())
    }
}

impl Services {
    async fn begin(&mut self, fault: &Fault) -> anyhow::Result<()> {
        match fault {
            Fault::RedisKilled => self.redis.kill().await?,
            Fault::RedisEmptied => self.redis.flush().await?,
            Fault::RedisDemoted => self.redis.demote().await?,
            Fault::RedisFailover { lagging } => self.redis.fail_over(*lagging).await?,
            Fault::RedisFrozen => self.redis.freeze(),
            Fault::RedisClock { seconds } => self.redis.step_clock(*seconds)?,
            Fault::PostgresKilled => self.postgres.kill().await?,
            Fault::PostgresBackendKilled => {
                anyhow::ensure!(self.postgres.kill_one_backend().await?, "no client is connected");
            }
            Fault::PostgresFrozen => self.postgres.freeze().await,
            Fault::PostgresFailover => self.postgres.fail_over().await?,
            Fault::PostgresFull => self.postgres.fill_disk()?,
            Fault::PostgresClock { seconds } => self.postgres.step_clock(*seconds)?,
            of_gateways => unreachable!("{of_gateways:?} is not injected into the stores"),
        }
        self.follow();
        Ok(())
    }

    async fn end(&mut self, fault: &Fault) -> anyhow::Result<()> {
        match fault {
            Fault::RedisKilled | Fault::RedisFailover { .. } => self.redis.restart().await?,
            Fault::RedisDemoted => self.redis.promote().await?,
            Fault::RedisFrozen => self.redis.thaw(),
            Fault::RedisClock { seconds } => self.redis.step_clock(-seconds)?,
            Fault::PostgresKilled => self.postgres.restart().await?,
            Fault::PostgresFrozen => self.postgres.thaw(),
            Fault::PostgresFailover => self.postgres.ensure_standby().await?,
            Fault::PostgresFull => self.postgres.free_disk().await?,
            Fault::PostgresClock { seconds } => self.postgres.step_clock(-seconds)?,
            _ => {}
        }
        self.follow();
        Ok(())
    }

    /// Sends the gateways to the master of Redis, as a failover manager does, and to the servers of
    /// Postgres at the places of the URL.
    fn follow(&mut self) {
        let moved = place(&self.postgres, &self.redis);
        if self.view.moved_to(moved) {
            self.ways.iter().for_each(|ways| ways.lock.set_upstream(self.redis.address()));
        }
        let addresses = self.postgres.addresses();
        for (index, address) in addresses.into_iter().enumerate() {
            if self.databases[index] != address {
                self.ways.iter().for_each(|ways| ways.databases[index].set_upstream(address));
            }
        }
        self.databases = addresses;
    }
}

/// The parts of which the checker expects less during the fault: a lock may be lost, or not be renewed,
/// although its owner works; a reservation may end early.
fn disturbed(fault: &Fault) -> &'static [Part] {
    match fault {
        Fault::RedisKilled
        | Fault::RedisEmptied
        | Fault::RedisDemoted
        | Fault::RedisFailover { .. }
        | Fault::RedisFrozen
        | Fault::RedisClock { .. }
        | Fault::FileFull => &[Part::Locks],
        Fault::PostgresClock { .. } => &[Part::LedgerClock],
        _ => &[],
    }
}

fn place(postgres: &Postgres, redis: &Redis) -> Place {
    Place::Services { postgres: postgres.url(DATABASE), redis: redis_url(redis.address()) }
}

fn redis_url(address: SocketAddr) -> String {
    format!("redis://{address}/0")
}
