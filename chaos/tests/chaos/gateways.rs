//! The gateways of a run, and the faults that are injected into them and their connections.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use testkit::fault_proxy::{Fault as ProxyFault, FaultProxy};

use super::disturbances::Disturbances;
use super::evidence::Part;
use super::fault::{Fault, Link};
use super::gateway::{Action, GatewayProcess, Mutant, Point, Points};
use super::parts::preload::Clock;
use super::stores::Ways;
use super::watch::Watch;

pub(crate) struct Gateways {
    all: Vec<Gateway>,
    points: Points,
    folder: PathBuf,
    watch: Watch,
    disturbances: Disturbances,
    /// For how long a gateway that takes a point is stopped.
    pauses: BTreeMap<Point, Duration>,
    /// The points that were taken, for the report.
    pub(crate) taken: Vec<Fault>,
    /// How often a gateway has ended that no fault had ended.
    pub(crate) unexpected_ends: usize,
}

pub(crate) struct Gateway {
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) extra: BTreeMap<String, String>,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) log: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) clients: Arc<FaultProxy>,
    pub(crate) provider: Arc<FaultProxy>,
    pub(crate) ways: Option<Ways>,
    pub(crate) state: State,
    /// Whether a fault ends the process that runs.
    pub(crate) may_end: bool,
}

/// What a gateway does.
pub(crate) enum State {
    Runs(GatewayProcess),
    /// It is continued at this moment.
    Stopped(GatewayProcess, Duration),
    /// It is started at this moment.
    Ended(Duration),
}

/// A gateway that a point has killed is started again after this time.
const DOWN_TIME: Duration = Duration::from_millis(400);
const READY_WITHIN: Duration = Duration::from_secs(60);

impl Gateways {
    pub(crate) fn new(all: Vec<Gateway>, folder: &Path, watch: Watch, disturbances: Disturbances) -> Self {
        let points = Points::in_folder(folder);
        let (folder, pauses, taken) = (folder.to_owned(), BTreeMap::new(), Vec::new());
        Self { all, points, folder, watch, disturbances, pauses, taken, unexpected_ends: 0 }
    }

    /// Where clients reach the gateways.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.all.iter().map(|gateway| gateway.clients.address()).collect()
    }

    /// When the last check of each call was done, as the time since boot.
    pub(crate) fn sends(&self) -> std::io::Result<BTreeMap<String, Duration>> {
        self.points.sends()
    }

    pub(crate) fn logs(&self) -> Vec<PathBuf> {
        self.all.iter().map(|gateway| gateway.log.clone()).collect()
    }

    /// Lets the processes go on that are due, and looks which ones have ended or have taken a point.
    pub(crate) fn look(&mut self) -> anyhow::Result<()> {
        let now = self.watch.now();
        for (point, pid) in self.points.taken()? {
            let pause = self.pauses.remove(&point);
            self.taken.push(pause.map_or(Fault::KillAt(point), |pause| Fault::PauseAt(point, pause)));
            let Some(index) = self.all.iter().position(|gateway| gateway.pid() == Some(pid)) else {
                continue;
            };
            match pause {
                Some(pause) => {
                    self.disturbances.begin(Part::Gateway(index));
                    self.all[index].stop_until(now + pause);
                }
                None => self.all[index].may_end = true,
            }
        }
        for (index, gateway) in self.all.iter_mut().enumerate() {
            if gateway.has_ended() {
                self.disturbances.begin(Part::Gateway(index));
                self.unexpected_ends += usize::from(!gateway.may_end);
                gateway.state = State::Ended(now + DOWN_TIME);
            }
            if gateway.goes_on(now, &self.folder)? {
                self.disturbances.end(Part::Gateway(index));
            }
        }
        Ok(())
    }

    /// `until`: when the schedule ends the fault. Returns whether it has an effect: a gateway that does
    /// not run cannot be killed.
    pub(crate) async fn begin(&mut self, fault: &Fault, until: Duration) -> anyhow::Result<bool> {
        match *fault {
            Fault::Kill { gateway } => {
                self.disturbances.begin(Part::Gateway(gateway));
                return self.all[gateway].kill(until).await;
            }
            Fault::Pause { gateway } => {
                let State::Runs(process) = &self.all[gateway].state else { return Ok(false) };
                self.disturbances.begin(Part::Gateway(gateway));
                process.stop()?;
                self.all[gateway].stop_until(until);
            }
            Fault::Terminate { gateway } => {
                let State::Runs(process) = &self.all[gateway].state else { return Ok(false) };
                process.ask_to_stop()?;
                self.all[gateway].may_end = true;
            }
            Fault::KillAt(point) => {
                self.pauses.remove(&point);
                self.points.arm(point, Action::Kill)?;
            }
            Fault::PauseAt(point, pause) => {
                self.pauses.insert(point, pause);
                self.points.arm(point, Action::Stop)?;
            }
            Fault::Network { gateway, link, kind, deliver_after_close } => {
                if link == Link::Lock {
                    self.disturbances.begin(Part::LocksOf(gateway));
                }
                for proxy in self.all[gateway].proxies(link) {
                    proxy.deliver_after_close(deliver_after_close);
                    proxy.set(kind.of_proxy());
                }
            }
            Fault::GatewayClock { gateway, seconds } => self.all[gateway].clock.step(seconds)?,
            ref other => unreachable!("{other:?} is not injected into a gateway"),
        }
        Ok(true)
    }

    pub(crate) fn end(&mut self, fault: &Fault) -> anyhow::Result<()> {
        match *fault {
            Fault::KillAt(_) | Fault::PauseAt(..) => self.points.disarm_all()?,
            Fault::Network { gateway, link, .. } => {
                for proxy in self.all[gateway].proxies(link) {
                    proxy.set(ProxyFault::None);
                    proxy.deliver_after_close(true);
                    if link == Link::Clients {
                        // Clients would wait for the responses that were lost.
                        proxy.cut_connections();
                    }
                }
                if link == Link::Lock {
                    self.disturbances.end(Part::LocksOf(gateway));
                }
            }
            Fault::GatewayClock { gateway, seconds } => self.all[gateway].clock.step(-seconds)?,
            _ => {}
        }
        Ok(())
    }

    /// Waits until every gateway runs and is ready. The schedule has ended.
    pub(crate) async fn recover(&mut self) -> anyhow::Result<()> {
        let deadline = self.watch.now() + READY_WITHIN;
        while !self.all.iter().all(|gateway| matches!(gateway.state, State::Runs(_))) {
            anyhow::ensure!(self.watch.now() < deadline, "a gateway does not start again");
            self.look()?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for index in 0..self.all.len() {
            let State::Runs(process) = &mut self.all[index].state else { continue };
            // It may be draining: then it ends, and is started again.
            if let Err(error) = process.wait_until_ready(READY_WITHIN).await {
                if process.is_running() {
                    return Err(error);
                }
                let gateway = &mut self.all[index];
                gateway.state = State::Ended(Duration::ZERO);
                gateway.goes_on(Duration::MAX, &self.folder)?;
                let State::Runs(process) = &mut gateway.state else { continue };
                process.wait_until_ready(READY_WITHIN).await?;
            }
            self.disturbances.end(Part::Gateway(index));
        }
        Ok(())
    }
}

impl Gateway {
    fn pid(&self) -> Option<u32> {
        match &self.state {
            State::Runs(process) | State::Stopped(process, _) => Some(process.pid()),
            State::Ended(_) => None,
        }
    }

    fn has_ended(&mut self) -> bool {
        match &mut self.state {
            State::Runs(process) | State::Stopped(process, _) => !process.is_running(),
            State::Ended(_) => false,
        }
    }

    fn stop_until(&mut self, moment: Duration) {
        self.state = match std::mem::replace(&mut self.state, State::Ended(Duration::MAX)) {
            State::Runs(process) => State::Stopped(process, moment),
            State::Stopped(process, earlier) => State::Stopped(process, earlier.max(moment)),
            ended @ State::Ended(_) => ended,
        };
    }

    /// Returns whether there was a process.
    async fn kill(&mut self, start_again_at: Duration) -> anyhow::Result<bool> {
        let (State::Runs(process) | State::Stopped(process, _)) = &mut self.state else { return Ok(false) };
        process.kill().await?;
        self.state = State::Ended(start_again_at);
        Ok(true)
    }

    /// Continues or starts the process if it is due. Returns whether it did.
    fn goes_on(&mut self, now: Duration, points: &Path) -> anyhow::Result<bool> {
        match std::mem::replace(&mut self.state, State::Ended(Duration::MAX)) {
            State::Stopped(process, due) if due <= now => {
                process.cont()?;
                self.state = State::Runs(process);
            }
            State::Ended(due) if due <= now => {
                self.state = State::Runs(self.start(points)?);
                self.may_end = false;
            }
            other => {
                self.state = other;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn start(&self, points: &Path) -> anyhow::Result<GatewayProcess> {
        let started = GatewayProcess::start(&self.settings, points, self.mutant, &self.log, &self.extra);
        started.context("a gateway cannot be started")
    }

    fn proxies(&self, link: Link) -> Vec<&FaultProxy> {
        match (link, &self.ways) {
            (Link::Clients, _) => vec![&self.clients],
            (Link::Provider, _) => vec![&self.provider],
            (Link::Database, Some(ways)) => ways.databases.iter().map(|proxy| &**proxy).collect(),
            (Link::Lock, Some(ways)) => vec![&ways.lock],
            (Link::Database | Link::Lock, None) => Vec::new(),
        }
    }
}
