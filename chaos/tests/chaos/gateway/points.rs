//! Named points in the life of a call, at which the driver kills or stops a gateway.
//!
//! The two halves share a folder. The driver arms a point by creating a file with the point's name.
//! The first request of any gateway that reaches the point renames the file, and its process then
//! sends the signal to itself.

use std::collections::BTreeMap;
use std::fs;
use std::future::pending;
use std::io::{self, ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use domain::CallId;
use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::watch::since_boot;

/// The points of a call, in their order. Each call passes all that it comes to; only `Sent` is left
/// out by a dial that is answered sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    /// Before the parties are read.
    AfterAuth,
    /// Before the lock is asked for.
    AfterResolve,
    /// The lock is granted, and the call is not booked.
    AfterLock,
    /// The call is booked and its last check is done: the next step is the adapter's dial.
    BeforeSend,
    /// The dial has run for 100 ms and the provider has not answered.
    Sent,
    /// The outcome of the dial is known, and nothing of it is written.
    Answered,
    /// The outcome is written to the lock. The ledger may or may not have it: both are written at
    /// the same time.
    Cached,
    /// Lock and ledger have the outcome.
    BeforeReply,
}

impl Point {
    pub(crate) const ALL: [Self; 8] = [
        Self::AfterAuth,
        Self::AfterResolve,
        Self::AfterLock,
        Self::BeforeSend,
        Self::Sent,
        Self::Answered,
        Self::Cached,
        Self::BeforeReply,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AfterAuth => "after_auth",
            Self::AfterResolve => "after_resolve",
            Self::AfterLock => "after_lock",
            Self::BeforeSend => "before_send",
            Self::Sent => "sent",
            Self::Answered => "answered",
            Self::Cached => "cached",
            Self::BeforeReply => "before_reply",
        }
    }
}

/// What a gateway does to itself at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// SIGKILL.
    Kill,
    /// SIGSTOP. The driver continues the process with SIGCONT.
    Stop,
}

impl Action {
    const ALL: [Self; 2] = [Self::Kill, Self::Stop];

    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
        }
    }
}

/// The points of all gateways that were started with this folder.
#[derive(Debug, Clone)]
pub(crate) struct Points {
    folder: PathBuf,
}

/// The file with the calls whose last check was done.
const SENDS: &str = "sends";

/// Separates the point's name from the id of the process that took it.
const TAKEN: &str = ".taken.";

/// The driver's half.
impl Points {
    /// The points in this folder, which must exist.
    pub(crate) fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The next request that reaches the point takes it. Arming an armed point replaces its action.
    pub(crate) fn arm(&self, point: Point, action: Action) -> io::Result<()> {
        // No gateway may find the file before it has its content.
        let unnamed = self.folder.join(format!(".{}.new", point.name()));
        fs::write(&unnamed, action.name())?;
        fs::rename(unnamed, self.folder.join(point.name()))
    }

    /// The points that were taken since the last call of this function, each with the id of the
    /// process that took it.
    pub(crate) fn taken(&self) -> io::Result<Vec<(Point, u32)>> {
        let mut taken = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            let name = file.file_name();
            let Some((point, pid)) = name.to_str().and_then(|name| name.split_once(TAKEN)) else { continue };
            let point = Point::ALL.into_iter().find(|known| known.name() == point);
            if let (Some(point), Ok(pid)) = (point, pid.parse()) {
                fs::remove_file(file.path())?;
                taken.push((point, pid));
            }
        }
        taken.sort_unstable();
        Ok(taken)
    }

    /// When the last check of each call was done, as the time since boot.
    pub(crate) fn sends(&self) -> io::Result<BTreeMap<String, Duration>> {
        let text = match fs::read_to_string(self.folder.join(SENDS)) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let sends = text.lines().filter_map(|line| {
            let (call_id, nanos) = line.split_once(' ')?;
            Some((call_id.to_owned(), Duration::from_nanos(nanos.parse().ok()?)))
        });
        Ok(sends.collect())
    }

    /// Disarms the points that were not taken.
    pub(crate) fn disarm_all(&self) -> io::Result<()> {
        for point in Point::ALL {
            match fs::remove_file(self.folder.join(point.name())) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// The gateway's half.
impl Points {
    /// Notes that the last check of a call is done.
    pub(super) fn note_send(&self, call_id: &CallId) {
        let line = format!("{} {}\n", call_id.as_str(), since_boot().as_nanos());
        // One write of a short line: those of other processes do not mix with it.
        let file = fs::OpenOptions::new().create(true).append(true).open(self.folder.join(SENDS));
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.expect("the folder of the points can be written");
    }

    /// Returns immediately if the point is not armed. Otherwise returns after SIGCONT, or never.
    pub(super) async fn reach(&self, point: Point) {
        let Some(action) = self.take(point) else { return };
        match action {
            Action::Kill => {
                kill_process(getpid(), Signal::KILL).expect("a process can signal itself");
                pending().await
            }
            Action::Stop => {
                let continued = SignalKind::from_raw(Signal::CONT.as_raw());
                let mut continued = signal(continued).expect("SIGCONT can be caught");
                kill_process(getpid(), Signal::STOP).expect("a process can signal itself");
                // The kernel stops this thread as soon as the main thread has seen the signal, which
                // takes a moment. Without this line the request could go on until then.
                continued.recv().await;
            }
        }
    }

    /// Takes the point if it is armed. The content is read first, because the driver removes the
    /// file as soon as it is renamed. Of many requests and processes, one can rename it.
    fn take(&self, point: Point) -> Option<Action> {
        let armed = self.folder.join(point.name());
        let content = fs::read_to_string(&armed).ok()?;
        let action = Action::ALL.into_iter().find(|action| action.name() == content)?;
        let taken = format!("{}{TAKEN}{}", point.name(), std::process::id());
        fs::rename(armed, self.folder.join(taken)).ok()?;
        Some(action)
    }
}
