//! A master and a replica of Redis, without persistence. The replication is asynchronous, as it is
//! everywhere: a failover may lose keys.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{self, FromRedisValue};
use tokio::process::Command;
use tokio::time::timeout;

use super::preload::{Clock, Preload};
use super::process::{Server, free_port, wait_until};

/// Shorter than the TTL of the locks of a run: the replica still has locks, and older ones.
const LAG: Duration = Duration::from_millis(200);
const COMMAND: Duration = Duration::from_secs(5);

pub(crate) struct Redis {
    nodes: [Node; 2],
    master: usize,
    clock: Clock,
    /// Whether the replica no longer follows the master.
    is_detached: bool,
}

impl Redis {
    pub(crate) async fn start(folder: &Path, preload: &Preload) -> Result<Self> {
        let clock = preload.clock("redis")?;
        let environment = preload.environment(&clock, None);
        let node = |name| Node::prepare(name, folder, &environment);
        let mut pair =
            Self { nodes: [node("redis-1")?, node("redis-2")?], master: 0, clock, is_detached: false };
        pair.restart().await?;
        Ok(pair)
    }

    /// The server that is the master now.
    pub(crate) fn address(&self) -> SocketAddr {
        self.master().address()
    }

    /// Kills the master with SIGKILL. Its keys are lost, unless the replica is promoted.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.nodes[self.master].kill().await
    }

    /// Starts each server that does not run, empty, and returns when the replica has the keys of the
    /// master: none, if it was the master that did not run.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        for index in [self.master, 1 - self.master] {
            if !self.nodes[index].is_running() {
                self.nodes[index].start().await?;
            }
        }
        self.attach().await
    }

    /// Deletes all keys.
    pub(crate) async fn flush(&self) -> Result<()> {
        self.master().run("FLUSHALL SYNC").await
    }

    /// The first half of a switchover: the master becomes a replica and answers writes with
    /// READONLY. There is no master until [`Self::promote`].
    pub(crate) async fn demote(&self) -> Result<()> {
        self.master().replicate(self.replica()).await
    }

    /// The replica becomes the master, with the keys that it has, and the former master its replica.
    pub(crate) async fn promote(&mut self) -> Result<()> {
        self.replica().run("REPLICAOF NO ONE").await?;
        self.master = 1 - self.master;
        if self.nodes[1 - self.master].is_running() {
            self.attach().await?;
        }
        Ok(())
    }

    /// Kills the master and promotes the replica. If it is `lagging`, it lacks what was written since
    /// [`Self::detach`], or at least within [`LAG`]. [`Self::restart`] starts the former
    /// master as a replica.
    pub(crate) async fn fail_over(&mut self, lagging: bool) -> Result<()> {
        if lagging && !self.is_detached {
            self.detach().await?;
            tokio::time::sleep(LAG).await;
        }
        self.kill().await?;
        self.promote().await
    }

    /// Ends the replication until the next [`Self::restart`] or [`Self::promote`].
    pub(crate) async fn detach(&mut self) -> Result<()> {
        self.replica().run("REPLICAOF NO ONE").await?;
        self.is_detached = true;
        Ok(())
    }

    /// Stops the master where it is, until [`Self::thaw`].
    pub(crate) fn freeze(&self) {
        self.master().server.iter().for_each(Server::freeze);
    }

    pub(crate) fn thaw(&self) {
        self.master().server.iter().for_each(Server::thaw);
    }

    /// Sets the wall clock of both servers forward, or back if `seconds` is negative.
    pub(crate) fn step_clock(&self, seconds: i64) -> Result<()> {
        self.clock.step(seconds)
    }

    /// Runs a command on the master, around every fault proxy: words, separated by spaces.
    pub(crate) async fn query<T: FromRedisValue>(&self, words: &str) -> Result<T> {
        self.master().query(words).await
    }

    fn master(&self) -> &Node {
        &self.nodes[self.master]
    }

    fn replica(&self) -> &Node {
        &self.nodes[1 - self.master]
    }

    /// Lets the replica follow the master, and waits until it does.
    async fn attach(&mut self) -> Result<()> {
        self.master().run("REPLICAOF NO ONE").await?;
        self.replica().replicate(self.master()).await?;
        self.is_detached = false;
        let follows = async || {
            let state: String = self.replica().query("INFO replication").await?;
            Ok(state.contains("master_link_status:up"))
        };
        wait_until("the replica of Redis follows the master", follows).await?;
        self.wait_for_replica().await
    }

    /// Waits until the replica has all keys of the master. It gets its first keys as a copy, and the
    /// master sends no others before the replica has confirmed the copy.
    pub(crate) async fn wait_for_replica(&self) -> Result<()> {
        let mut connection = self.master().connect().await?;
        let has_all = async || {
            // WAIT counts from the last command of its own connection.
            let mut wait = redis::pipe();
            let wait = wait.cmd("PING").ignore().cmd("WAIT").arg(1).arg(1000);
            let (replicas,): (u32,) = wait.query_async(&mut connection).await?;
            Ok(replicas == 1)
        };
        wait_until("the replica of Redis has all keys", has_all).await
    }
}

struct Node {
    folder: PathBuf,
    log: PathBuf,
    port: u16,
    environment: Vec<(String, String)>,
    server: Option<Server>,
}

impl Node {
    fn prepare(name: &str, folder: &Path, environment: &[(String, String)]) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let (folder, environment) = (folder.join(name), environment.to_vec());
        Ok(Self { folder, log, port: free_port()?, environment, server: None })
    }

    async fn start(&mut self) -> Result<()> {
        // A replica stores what it gets from its master, even without persistence, and would load it.
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir(&self.folder)?;
        let mut command = super::process::command(testkit::services::redis_server(), &self.log)?;
        self.arguments(&mut command);
        self.server = Some(Server::start(command, &self.log)?);
        let mut end = Ok(());
        let has_started = async || {
            end = self.server.as_mut().context("it was just started")?.check();
            Ok(end.is_err() || self.run("PING").await.map(|()| true)?)
        };
        wait_until("Redis accepts connections", has_started).await?;
        end
    }

    fn arguments(&self, command: &mut Command) {
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(&self.folder);
        command.args(["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]);
        command.args(["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]);
        command.envs(self.environment.clone());
    }

    fn is_running(&mut self) -> bool {
        self.server.as_mut().is_some_and(|server| server.check().is_ok())
    }

    async fn kill(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => server.kill().await,
            None => Ok(()),
        }
    }

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    async fn replicate(&self, master: &Self) -> Result<()> {
        self.run(&format!("REPLICAOF 127.0.0.1 {}", master.port)).await
    }

    async fn run(&self, words: &str) -> Result<()> {
        self.query::<redis::Value>(words).await.map(drop)
    }

    async fn query<T: FromRedisValue>(&self, words: &str) -> Result<T> {
        let (name, arguments) = words.split_once(' ').unwrap_or((words, ""));
        let mut command = redis::cmd(name);
        command.arg(arguments.split_terminator(' ').collect::<Vec<_>>());
        let mut connection = self.connect().await?;
        Ok(timeout(COMMAND, command.query_async(&mut connection)).await??)
    }

    async fn connect(&self) -> Result<MultiplexedConnection> {
        let client = redis::Client::open(format!("redis://{}", self.address()))?;
        Ok(timeout(COMMAND, client.get_multiplexed_async_connection()).await??)
    }
}
