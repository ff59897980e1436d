//! The driver's handle of one gateway process.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::{DRIVER, Mutant, POINTS};

/// A gateway in a process of its own. It is killed when this is dropped and when the driver ends.
///
/// The thread that starts it must live as long as the driver: the kernel kills the gateway when this
/// thread ends. A thread of `spawn_blocking` is no such thread.
pub(crate) struct GatewayProcess {
    child: Child,
    pid: u32,
    ready_url: String,
}

/// The pause between two looks at a process that starts.
const PAUSE: Duration = Duration::from_millis(20);

impl GatewayProcess {
    /// Starts a gateway with these settings alone, which must include `OUTDIAL_BIND` with a port.
    /// `extra` is added to its environment, for example `LD_PRELOAD`. Its log is appended to the
    /// file at `log`.
    pub(crate) fn start(
        environment: &BTreeMap<String, String>,
        points_folder: &Path,
        mutant: Option<Mutant>,
        log: &Path,
        extra: &BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let address = environment.get("OUTDIAL_BIND").context("OUTDIAL_BIND is not set")?;
        let log = OpenOptions::new().create(true).append(true).open(log).context("cannot open the log")?;
        let program = std::env::current_exe().context("this program has no path")?;
        let mut command = Command::new(program);
        command
            .args([crate::COMMANDS, "gateway"])
            .env_clear()
            .envs(environment)
            .envs(extra)
            .env(POINTS, points_folder);
        command.env(DRIVER, std::process::id().to_string());
        if let Some(mutant) = mutant {
            command.args(["--mutant", mutant.name()]);
        }
        // No `.env` is in this folder.
        command.current_dir(points_folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let child = command.spawn().context("cannot start a gateway")?;
        let pid = child.id().context("the gateway has no id")?;
        Ok(Self { child, pid, ready_url: format!("http://{address}/readyz") })
    }

    /// The id of the process, also after its end.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the process has not ended. A stopped process runs in this sense.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until `/readyz` reports *ready*: it serves, and reaches its stores.
    pub(crate) async fn wait_until_ready(&mut self, limit: Duration) -> anyhow::Result<()> {
        // A request to a stopped process gets no response.
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
        let ready = async {
            loop {
                let response = http.get(&self.ready_url).send().await;
                if response.is_ok_and(|response| response.status().is_success()) {
                    return Ok(());
                }
                if let Some(status) = self.child.try_wait()? {
                    bail!("the gateway {} ended before it was ready: {status}", self.pid);
                }
                sleep(PAUSE).await;
            }
        };
        timeout(limit, ready).await.with_context(|| format!("not ready within {limit:?}"))?
    }

    /// Kills the process without notice, as a crash does. Succeeds also if it has ended already.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill a gateway")
    }

    /// Stops the process with SIGSTOP.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Continues the process with SIGCONT, whether a signal or a point has stopped it.
    pub(crate) fn cont(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Sends SIGTERM. The process ends when its calls have ended.
    pub(crate) fn ask_to_stop(&self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)
    }

    /// Sends SIGTERM and waits until the process has ended, which takes as long as its longest call.
    /// After an error it may still run.
    pub(crate) async fn terminate(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        self.ask_to_stop()?;
        let ended = timeout(limit, self.child.wait()).await;
        Ok(ended.with_context(|| format!("the gateway still runs {limit:?} after SIGTERM"))??)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        // No id if the process was waited for: the kernel may have given its id to another one.
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let pid = pid.with_context(|| format!("the gateway {} has ended", self.pid))?;
        kill_process(pid, signal).with_context(|| format!("cannot send {signal:?}"))
    }
}
