//! The stores of the run: one Postgres and one Redis, which all candidates use one after the other.

use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use deadpool_redis::redis;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

use super::process::{Server, User, command, free_port, run, wait_until};

pub(crate) struct Stores {
    pub(crate) postgres: Store,
    pub(crate) redis: Store,
    /// Deleted with the stores.
    folder: TempDir,
}

pub(crate) struct Store {
    pub(crate) address: SocketAddr,
    server: Server,
}

impl Store {
    pub(crate) fn process(&self) -> u32 {
        self.server.main.as_raw_nonzero().get().cast_unsigned()
    }
}

impl Stores {
    pub(crate) async fn start(has_fsync: bool) -> Result<Self> {
        let folder = TempDir::with_prefix("outdial-bench.")?;
        // Postgres may run as another user.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let postgres = start_postgres(folder.path(), has_fsync).await?;
        let redis = start_redis(folder.path()).await?;
        Ok(Self { postgres, redis, folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database_url(&self, database: &str) -> String {
        format!("postgres://outdial@{}/{database}", self.postgres.address)
    }

    /// Executes statements in a database.
    pub(crate) async fn execute(&self, database: &str, statements: &str) -> Result<()> {
        let mut connection = PgConnection::connect(&self.database_url(database)).await?;
        // One after the other, because `vacuum` refuses to run in the transaction of several.
        for statement in statements.split_inclusive(';').filter(|statement| !statement.trim().is_empty()) {
            let statement = AssertSqlSafe(statement.to_owned());
            connection.execute(sqlx::raw_sql(statement)).await?;
        }
        // A database with an open connection cannot be copied.
        Ok(connection.close().await?)
    }

    /// The size of a database.
    pub(crate) async fn size_mib(&self, database: &str) -> Result<i64> {
        let text = self.text(database, "select (pg_database_size(current_database()) >> 20)::text").await?;
        Ok(text.parse()?)
    }

    /// The only value of a query.
    pub(crate) async fn text(&self, database: &str, query: &str) -> Result<String> {
        let mut connection = PgConnection::connect(&self.database_url(database)).await?;
        let text = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(text)
    }

    /// Runs statements in a transaction that is rolled back. Returns the milliseconds of the last one.
    pub(crate) async fn rolled_back_ms(&self, database: &str, statements: &str) -> Result<f64> {
        let mut connection = PgConnection::connect(&self.database_url(database)).await?;
        let mut transaction = connection.begin().await?;
        let (settings, last) = statements.rsplit_once(';').context("settings before the statement")?;
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(settings.to_owned()))).await?;
        let before = Instant::now();
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(last.to_owned()))).await?;
        let took = before.elapsed();
        transaction.rollback().await?;
        connection.close().await?;
        Ok(took.as_secs_f64() * 1000.0)
    }

    /// Waits until a count is zero.
    pub(crate) async fn wait_for_zero(&self, database: &str, query: &str) -> Result<()> {
        let mut connection = PgConnection::connect(&self.database_url(database)).await?;
        loop {
            let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(query.to_owned()));
            if query.fetch_one(&mut connection).await? == 0 {
                return Ok(connection.close().await?);
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// Deletes the keys of a database of Redis.
    pub(crate) async fn flush(&self, redis_database: usize) -> Result<()> {
        let client = redis::Client::open(format!("redis://{}/{redis_database}", self.redis.address))?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        Ok(redis::cmd("FLUSHDB").arg("SYNC").exec_async(&mut connection).await?)
    }
}

async fn start_postgres(folder: &Path, has_fsync: bool) -> Result<Store> {
    let (data, log) = (folder.join("postgres"), folder.join("postgres.log"));
    let user = User::unprivileged()?;
    user.create_folder(&data)?;
    let programs = PathBuf::from(variable("TEST_POSTGRES_BIN")?);
    let mut initdb = user.command(programs.join("initdb"), &log)?;
    initdb.current_dir(&data).arg("-D").arg(&data);
    initdb.args(["-U", "outdial", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
    run(initdb, &log).await?;

    let port = free_port()?;
    let mut postgres = user.command(programs.join("postgres"), &log)?;
    postgres.current_dir(&data).arg("-D").arg(&data).args(["-p", &port.to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        // In files, because /dev/shm is small in containers.
        "dynamic_shared_memory_type=mmap",
        "max_connections=200",
        &format!("shared_buffers={}MB", shared_buffers_mib()),
        // The work of one candidate must not fall into the time of another one. The benchmark
        // vacuums between two measurements.
        "autovacuum=off",
        "checkpoint_timeout=1h",
        "max_wal_size=16GB",
        if has_fsync { "fsync=on" } else { "fsync=off" },
    ] {
        postgres.args(["-c", setting]);
    }
    let server = Server::start(postgres, &log)?;
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let url = format!("postgres://outdial@{address}/postgres");
    wait_until("Postgres accepts connections", async || {
        Ok(PgConnection::connect(&url).await.map(|_| true)?)
    })
    .await
    .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
    Ok(Store { address, server })
}

/// A quarter of the memory, as the manual of Postgres recommends, up to 4 GiB: each candidate's database
/// has its place there after the first seconds.
/// <https://www.postgresql.org/docs/15/runtime-config-resource.html#GUC-SHARED-BUFFERS>
fn shared_buffers_mib() -> u64 {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.split_whitespace().nth(1).and_then(|kib| kib.parse().ok());
    kib.map_or(512, |kib: u64| kib / 1024 / 4).clamp(128, 4096)
}

async fn start_redis(folder: &Path) -> Result<Store> {
    let (port, log) = (free_port()?, folder.join("redis.log"));
    let mut redis = command(variable("TEST_REDIS_SERVER")?, &log)?;
    redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(folder);
    redis.args(["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]);
    let server = Server::start(redis, &log)?;
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
    let client = redis::Client::open(format!("redis://{address}"))?;
    wait_until("Redis accepts connections", async || {
        Ok(client.get_multiplexed_async_connection().await.map(|_| true)?)
    })
    .await?;
    Ok(Store { address, server })
}

/// Not by `testkit::services`: a dependency on `testkit` adds features to the crates that are
/// measured.
#[expect(clippy::disallowed_methods, reason = "the programs that `scripts/with-services.sh` names")]
fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set: run `make bench`"))
}
