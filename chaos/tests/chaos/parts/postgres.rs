//! A primary and a standby of Postgres. The standby is synchronous: a commit succeeds only after
//! the standby has it on its disk, so that a failover loses no booking that a gateway relies on.
//! While there is no standby, the primary does not wait for one, as under a failover manager; then
//! there is no failover either.

mod node;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::PgConnection;
use tokio::time::timeout;

use self::node::{Node, STATEMENT};
use super::preload::{Clock, Preload};
use super::process::wait_until;

const SYNCHRONOUS: &str = "synchronous_standby_names = '*'\n";

pub(crate) struct Postgres {
    folder: PathBuf,
    preload: Preload,
    clock: Clock,
    primary: Node,
    standby: Option<Node>,
    /// Where no server is while there is no standby.
    vacant: SocketAddr,
    /// The place of the primary in the URL of the gateways. The other one is that of the standby.
    place: usize,
    /// How many servers there have been: each has a folder of its own.
    nodes: u32,
    state: State,
}

/// What the primary does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Runs,
    /// Frozen or killed. The standby may replace it only if it has every commit.
    Stopped {
        standby_has_all: bool,
    },
}

impl Postgres {
    /// Starts the pair below `folder`, which every user must be able to enter.
    pub(crate) async fn start(folder: &Path, preload: &Preload) -> Result<Self> {
        let clock = preload.clock("postgres")?;
        let mut primary = Node::initialized("postgres-1", folder, preload, &clock).await?;
        primary.start().await?;
        let vacant = primary.address();
        let mut pair = Self {
            folder: folder.to_owned(),
            preload: preload.clone(),
            clock,
            primary,
            standby: None,
            vacant,
            place: 0,
            nodes: 1,
            state: State::Runs,
        };
        pair.ensure_standby().await?;
        Ok(pair)
    }

    /// The server that is the primary now.
    pub(crate) fn address(&self) -> SocketAddr {
        self.primary.address()
    }

    /// The servers at both places of the URL of the gateways.
    pub(crate) fn addresses(&self) -> [SocketAddr; 2] {
        let mut addresses = [self.standby.as_ref().map_or(self.vacant, Node::address); 2];
        addresses[self.place] = self.primary.address();
        addresses
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.primary.url(database)
    }

    /// Kills all processes of the primary with SIGKILL.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.note_stop().await;
        self.primary.kill().await
    }

    /// Starts the primary again after [`Self::kill`], or after a full disk has ended it.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        if !self.primary.is_running() {
            self.primary.kill().await?;
            self.primary.start().await?;
        }
        self.primary.thaw();
        self.state = State::Runs;
        Ok(())
    }

    /// Stops all processes of the primary where they are, until [`Self::thaw`].
    pub(crate) async fn freeze(&mut self) {
        self.note_stop().await;
        self.primary.freeze();
    }

    pub(crate) fn thaw(&mut self) {
        self.primary.thaw();
        self.state = State::Runs;
    }

    /// Kills one process that serves a client, if there is one. Postgres then ends all other
    /// sessions, and recovers as after a crash. Returns when it ends them.
    pub(crate) async fn kill_one_backend(&self) -> Result<bool> {
        const CLIENT: &str = "select pid from pg_stat_activity \
            where backend_type = 'client backend' and pid <> pg_backend_pid() order by random() limit 1";
        let mut session = self.primary.connect().await?;
        let client = sqlx::query_scalar::<_, i32>(CLIENT).fetch_optional(&mut session);
        let Some(client) = timeout(STATEMENT, client).await?? else { return Ok(false) };
        kill_process(Pid::from_raw(client).context("process ids are positive")?, Signal::KILL)?;
        let has_ended = async || Ok(sqlx::query("select 1").execute(&mut session).await.is_err());
        wait_until("Postgres ends all sessions", has_ended).await?;
        Ok(true)
    }

    /// Kills the primary and promotes the standby. Returns when the new primary accepts writes.
    /// [`Self::ensure_standby`] then builds another standby.
    pub(crate) async fn fail_over(&mut self) -> Result<()> {
        if self.state == State::Runs {
            self.ensure_standby().await?;
            self.note_stop().await;
        }
        ensure!(
            self.state == State::Stopped { standby_has_all: true },
            "the standby may lack commits: restart the primary before a failover"
        );
        let standby = self.standby.take().context("a standby that has everything exists")?;
        let former = std::mem::replace(&mut self.primary, standby);
        (self.vacant, self.place) = (former.address(), 1 - self.place);
        former.remove().await?;
        self.state = State::Runs;
        let mut session = self.primary.connect().await?;
        let promotion = sqlx::query_scalar::<_, bool>("select pg_promote()").fetch_one(&mut session);
        ensure!(promotion.await?, "Postgres did not promote the standby within 60 s");
        Ok(())
    }

    /// Builds a standby if there is none, and waits until a commit is safe on both servers.
    pub(crate) async fn ensure_standby(&mut self) -> Result<()> {
        const STREAMING: &str = "select count(*) > 0 from pg_stat_replication where state = 'streaming'";
        if self.standby.is_none() {
            self.nodes += 1;
            let name = format!("postgres-{}", self.nodes);
            let standby = Node::copied(&self.primary, &name, &self.folder, &self.preload, &self.clock);
            self.standby = Some(standby.await?);
        }
        let standby = self.standby.as_mut().context("it was just built")?;
        if !standby.is_running() {
            standby.kill().await?;
            standby.start().await?;
        }
        let mut session = self.primary.connect().await?;
        let follows = async || Ok(sqlx::query_scalar(STREAMING).fetch_one(&mut session).await?);
        wait_until("the standby follows the primary", follows).await?;
        self.primary.configure(SYNCHRONOUS)?;
        wait_for_all_commits(&mut session).await
    }

    /// Lets every write of the primary fail with ENOSPC. The first write to the write-ahead log ends
    /// the primary; it fails to recover while the disk is full.
    pub(crate) fn fill_disk(&self) -> Result<()> {
        self.primary.disk.fill()
    }

    /// Ends [`Self::fill_disk`], and starts the primary again if it gave up.
    pub(crate) async fn free_disk(&mut self) -> Result<()> {
        self.primary.disk.free()?;
        // For as long as it does not respond, it recovers or is about to give up.
        let responds = async || {
            self.restart().await?;
            self.primary.connect().await.map(|_| true)
        };
        wait_until("Postgres recovers from a full disk", responds).await
    }

    /// Sets the wall clock of both servers forward, or back if `seconds` is negative.
    pub(crate) fn step_clock(&self, seconds: i64) -> Result<()> {
        self.clock.step(seconds)
    }

    /// Records whether the standby has every commit, immediately before the primary stops. What is
    /// committed in between waits for the standby.
    async fn note_stop(&mut self) {
        if self.state == State::Runs {
            let standby_has_all = self.standby.is_some() && self.has_all_commits().await.is_ok();
            self.state = State::Stopped { standby_has_all };
        }
    }

    async fn has_all_commits(&self) -> Result<()> {
        let mut session = self.primary.connect().await?;
        wait_for_all_commits(&mut session).await
    }
}

/// Waits until the standby is synchronous and has what the primary has written until now: what was
/// committed before it was synchronous has not waited for it.
async fn wait_for_all_commits(session: &mut PgConnection) -> Result<()> {
    const HAS_ALL: &str = "select count(*) > 0 from pg_stat_replication \
        where sync_state = 'sync' and flush_lsn >= $1::text::pg_lsn";
    let written = sqlx::query_scalar("select pg_current_wal_flush_lsn()::text");
    let written: String = timeout(STATEMENT, written.fetch_one(&mut *session)).await??;
    let has_all = async || {
        let query = sqlx::query_scalar(HAS_ALL).bind(&written);
        Ok(query.fetch_one(&mut *session).await?)
    };
    wait_until("the standby has every commit", has_all).await
}
