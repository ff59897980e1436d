//! A server process that this program starts, freezes and kills, with all of its children.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Postgres refuses to run as root.
const UNPRIVILEGED: &str = "nobody";

/// How long a server may take to do what it is asked for.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// A user and its group, or the user of this program.
#[derive(Debug, Clone, Copy)]
pub(super) struct User(Option<(u32, u32)>);

impl User {
    /// A user that is not root: the one that runs this program, if possible.
    pub(super) fn unprivileged() -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self(None));
        }
        Ok(Self(Some((id_of("-u")?, id_of("-g")?))))
    }

    /// Creates a folder that this user owns and only this user reads.
    pub(super) fn create_folder(self, folder: &Path) -> Result<()> {
        use std::os::unix::fs::{DirBuilderExt, chown};
        fs::DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("creating {}", folder.display()))?;
        if let Some((user, group)) = self.0 {
            chown(folder, Some(user), Some(group))?;
        }
        Ok(())
    }

    /// [`command`] as this user.
    pub(super) fn command(self, program: impl AsRef<OsStr>, log: &Path) -> Result<Command> {
        let mut command = command(program, log)?;
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        Ok(command)
    }
}

/// A command without input, with its output in `log`.
pub(super) fn command(program: impl AsRef<OsStr>, log: &Path) -> Result<Command> {
    let output = File::options().create(true).append(true).open(log)?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
    Ok(command)
}

fn id_of(option: &str) -> Result<u32> {
    let output = std::process::Command::new("id").args([option, UNPRIVILEGED]).output()?;
    String::from_utf8(output.stdout)?.trim().parse().context("this machine has no user `nobody`")
}

/// Runs a command to its end.
pub(super) async fn run(mut command: Command, log: &Path) -> Result<()> {
    let status = command.status().await?;
    ensure!(status.success(), "{command:?} failed: {status}, see {}", log.display());
    Ok(())
}

/// Waits for the end of the program that starts it, and kills a process and its children then.
const GUARD: &str = r#"
cat
kill -STOP "$1"
for stat in /proc/[0-9]*/stat; do
    if read -r id _ _ parent _ <"$stat" && [ "$parent" = "$1" ]; then kill -KILL "$id"; fi
done
kill -KILL "$1"
"#;

/// A running server. Dropping it kills its processes.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) main: Pid,
    log: PathBuf,
    /// Runs [`GUARD`]. No signal to a group of processes, as of a terminal, reaches the children of
    /// Postgres, and a frozen one does not see that its parent has ended.
    _guard: Child,
}

impl Server {
    pub(super) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let main = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let main = main.context("a process that was just started has an id")?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard", &main.as_raw_nonzero().to_string()]);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // In a process group of its own, so that it outlives this program.
        let guard = guard.process_group(0).kill_on_drop(true).spawn()?;
        Ok(Self { child, main, log: log.to_owned(), _guard: guard })
    }

    /// Fails if the server has ended.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("a server ended: {status}, see {}", self.log.display()),
        }
    }

    /// Kills all processes of the server, so that none of them can write anything more.
    pub(super) async fn kill(mut self) -> Result<()> {
        let children = self.kill_all();
        self.child.wait().await?;
        let have_ended = async || Ok(!children.iter().any(|child| is_running(*child)));
        wait_until("the children of a killed server have ended", have_ended).await
    }

    /// Stops all processes of the server where they are. Its sockets stay open.
    pub(super) fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Continues after [`Self::freeze`].
    pub(super) fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    fn kill_all(&self) -> Vec<Pid> {
        self.signal_all(Signal::KILL)
    }

    /// Sends the signal to all processes, and returns the children.
    fn signal_all(&self, signal: Signal) -> Vec<Pid> {
        // A stopped parent starts no further child.
        self.signal(self.main, Signal::STOP);
        let children = children_of(self.main);
        for child in &children {
            self.signal(*child, signal);
        }
        self.signal(self.main, signal);
        children
    }

    /// Sends a signal to the main process only.
    pub(super) fn signal_main(&self, signal: Signal) {
        self.signal(self.main, signal);
    }

    fn signal(&self, process: Pid, signal: Signal) {
        // While the child has not been waited for, its id belongs to no other process.
        if self.child.id().is_some() {
            // An error means that the process has ended.
            let _ = kill_process(process, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill_all();
    }
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let children = ids.filter(|id| state(*id).is_some_and(|(_, of)| of == parent.as_raw_nonzero().get()));
    children.filter_map(Pid::from_raw).collect()
}

fn is_running(process: Pid) -> bool {
    state(process.as_raw_nonzero().get()).is_some_and(|(state, _)| state != "Z")
}

/// The state of a process, and the id of its parent.
fn state(id: i32) -> Option<(String, i32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may contain any character.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// Repeats `probe` until it returns `true`. Fails with its last error, or after [`LIMIT`].
pub(super) async fn wait_until(
    description: &str,
    mut probe: impl AsyncFnMut() -> Result<bool>,
) -> Result<()> {
    let started = Instant::now();
    loop {
        let last = match timeout(LIMIT, probe()).await {
            Ok(Ok(true)) => return Ok(()),
            Ok(Ok(false)) => None,
            Ok(Err(error)) => Some(error),
            Err(elapsed) => Some(elapsed.into()),
        };
        if started.elapsed() > LIMIT {
            let last = last.unwrap_or_else(|| anyhow!("it was not so within {LIMIT:?}"));
            return Err(last.context(format!("waiting until {description}")));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// A port that is free now. It is below 32768, because Linux uses ports from there on for outgoing
/// connections.
pub(crate) fn free_port() -> Result<u16> {
    // Not the seeded generator: the ports must not be part of the schedule.
    let mut random = fastrand::Rng::new();
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut ports = std::iter::repeat_with(|| random.u16(20_000..32_000)).take(1000);
    ports.find(is_free).context("no port is free")
}
