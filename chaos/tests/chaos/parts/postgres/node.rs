//! One server of the pair.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use sqlx::{Connection, PgConnection};
use tokio::process::Command;
use tokio::time::timeout;

use super::super::preload::{Clock, Disk, Preload};
use super::super::process::{Server, User, free_port, run, wait_until};

/// The time limit of a connection, and of each statement of this program.
pub(super) const STATEMENT: Duration = Duration::from_secs(10);

pub(super) struct Node {
    data: PathBuf,
    log: PathBuf,
    port: u16,
    user: User,
    environment: Vec<(String, String)>,
    pub(super) disk: Disk,
    server: Option<Server>,
}

impl Node {
    /// A new, empty server.
    pub(super) async fn initialized(
        name: &str,
        folder: &Path,
        preload: &Preload,
        clock: &Clock,
    ) -> Result<Self> {
        let node = Self::prepare(name, folder, preload, clock)?;
        let mut initdb = node.command("initdb")?;
        initdb.arg("-D").arg(&node.data);
        initdb.args(["-U", "outdial", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        run(initdb, &node.log).await?;
        Ok(node)
    }

    /// A standby with a copy of the primary, which continues to run.
    pub(super) async fn copied(
        primary: &Self,
        name: &str,
        folder: &Path,
        preload: &Preload,
        clock: &Clock,
    ) -> Result<Self> {
        let node = Self::prepare(name, folder, preload, clock)?;
        let mut copy = node.command("pg_basebackup")?;
        copy.args(["-h", "127.0.0.1", "-p", &primary.port.to_string(), "-U", "outdial", "-D"]);
        copy.arg(&node.data);
        copy.args(["--checkpoint=fast", "--wal-method=stream", "--no-sync", "--no-manifest"]);
        run(copy, &node.log).await?;
        fs::write(node.data.join("standby.signal"), "")?;
        let source = format!("primary_conninfo = 'host=127.0.0.1 port={} user=outdial'\n", primary.port);
        node.configure(&source)?;
        Ok(node)
    }

    fn prepare(name: &str, folder: &Path, preload: &Preload, clock: &Clock) -> Result<Self> {
        let data = folder.join(name);
        let user = User::unprivileged()?;
        user.create_folder(&data)?;
        let disk = preload.disk(&data)?;
        let environment = preload.environment(clock, Some(&disk));
        let log = folder.join(format!("{name}.log"));
        Ok(Self { data, log, port: free_port()?, user, environment, disk, server: None })
    }

    fn command(&self, program: &str) -> Result<Command> {
        let program = testkit::services::postgres_programs().join(program);
        let mut command = self.user.command(program, &self.log)?;
        command.current_dir(&self.data);
        Ok(command)
    }

    /// Starts the server, and returns when it accepts connections.
    pub(super) async fn start(&mut self) -> Result<()> {
        let mut postgres = self.command("postgres")?;
        postgres.arg("-D").arg(&self.data).args(["-p", &self.port.to_string()]);
        for setting in [
            // TCP only: the path of a socket is limited to 107 bytes.
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            // The kernel keeps what a killed process has written. A crash of the host is not a fault
            // of these runs.
            "fsync=off",
            "synchronous_commit=on",
            "wal_level=replica",
            "wal_keep_size=256MB",
            "wal_retrieve_retry_interval=100ms",
            "hot_standby=on",
            // In files, because /dev/shm is small in containers.
            "dynamic_shared_memory_type=mmap",
        ] {
            postgres.args(["-c", setting]);
        }
        postgres.envs(self.environment.clone());
        self.server = Some(Server::start(postgres, &self.log)?);
        // A server that has ended does not start: there is no need to wait for it.
        let description = format!("Postgres accepts connections (see {})", self.log.display());
        let mut end = Ok(());
        let has_started = async || {
            end = self.server.as_mut().context("it was just started")?.check();
            Ok(end.is_err() || self.connect().await.map(|_| true)?)
        };
        wait_until(&description, has_started).await?;
        end
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.server.as_mut().is_some_and(|server| server.check().is_ok())
    }

    /// Replaces the settings that a running server may change.
    pub(super) fn configure(&self, settings: &str) -> Result<()> {
        fs::write(self.data.join("postgresql.auto.conf"), settings)?;
        if let Some(server) = &self.server {
            server.signal_main(Signal::HUP);
        }
        Ok(())
    }

    pub(super) async fn kill(&mut self) -> Result<()> {
        if let Some(server) = self.server.take() {
            server.kill().await?;
        }
        Ok(())
    }

    pub(super) fn freeze(&self) {
        self.server.iter().for_each(Server::freeze);
    }

    pub(super) fn thaw(&self) {
        self.server.iter().for_each(Server::thaw);
    }

    /// Kills the server and deletes its data.
    pub(super) async fn remove(mut self) -> Result<()> {
        self.kill().await?;
        self.disk.free()?;
        fs::remove_dir_all(&self.data)?;
        Ok(())
    }

    pub(super) fn address(&self) -> std::net::SocketAddr {
        (std::net::Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(super) fn url(&self, database: &str) -> String {
        format!("postgres://outdial@{}/{database}", self.address())
    }

    /// A connection of this program, around every fault proxy.
    pub(super) async fn connect(&self) -> Result<PgConnection> {
        let url = self.url("postgres");
        Ok(timeout(STATEMENT, PgConnection::connect(&url)).await??)
    }
}
