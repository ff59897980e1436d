//! Everything that one part of a run consists of: stores, a simulator, gateways, and their
//! settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use simulator::{Behaviour, ScriptedBehaviour, Simulator, WebhookSettings};
use tempfile::TempDir;
use testkit::fault_proxy::FaultProxy;
use tokio::process::Command;

use super::client::JWT_SECRET;
use super::disturbances::Disturbances;
use super::evidence::Dial;
use super::gateway::Mutant;
use super::gateways::{Gateway, Gateways, State};
use super::history::Request;
use super::intents::{Intent, NUMBERS, directory};
use super::parts::folder;
use super::parts::preload::Preload;
use super::parts::process::free_port;
use super::stores::Stores;
use super::topology::Topology;
use super::watch::Watch;

pub(crate) struct World {
    pub(crate) watch: Watch,
    pub(crate) stores: Stores,
    pub(crate) gateways: Gateways,
    pub(crate) simulator: Simulator,
    pub(crate) disturbances: Disturbances,
    simulator_started: Duration,
    /// Deleted with the world.
    folder: TempDir,
}

/// The lock's TTL, and how long the result of a dial is held.
pub(crate) const HOLD: Duration = Duration::from_millis(1500);
const RINGING: Duration = Duration::from_secs(2);
const MARGIN: Duration = Duration::from_secs(2);
/// How long a reservation holds from its booking.
pub(crate) const RESERVED: Duration = HOLD.saturating_add(RINGING).saturating_add(MARGIN);
pub(crate) const MAX_IN_FLIGHT: usize = 6;

const WEBHOOK_SECRET: &str = "wsec_the-secret-of-webhooks";

impl World {
    /// Starts everything for a load of this length. The gateways are not ready yet.
    pub(crate) async fn start(
        topology: Topology,
        mutant: Option<Mutant>,
        watch: Watch,
        time: Duration,
    ) -> anyhow::Result<Self> {
        let folder = folder()?;
        let preload = Preload::prepare(folder.path())?;
        let stores = Stores::start(topology.storage, folder.path(), &preload, topology.replicas).await?;
        let simulator = Simulator::start(simulator::Settings::with_any_id()).await?;
        let simulator_started = watch.now();
        script_answers(&simulator, time);

        let disturbances = Disturbances::new(watch);
        let points = folder.path().join("points");
        std::fs::create_dir(&points)?;
        let mut gateways = Vec::new();
        for index in 0..topology.replicas {
            gateways.push(gateway(index, &stores, &simulator, &preload, mutant, folder.path()).await?);
        }
        fill(&stores, &gateways[0], folder.path()).await?;
        let webhooks = format!("http://{}/api/webhook/elevenlabs", gateways[0].clients.address());
        let webhooks = WebhookSettings { url: webhooks, secret: WEBHOOK_SECRET.to_owned() };
        simulator.send_webhooks_to(Some(&webhooks))?;
        let gateways = Gateways::new(gateways, &points, watch, disturbances.clone());
        Ok(Self { watch, stores, gateways, simulator, disturbances, simulator_started, folder })
    }

    /// The dials that the provider has accepted.
    pub(crate) fn dials(&self) -> anyhow::Result<Vec<Dial>> {
        let sent = self.gateways.sends()?;
        let dials = self.simulator.dials().into_iter().map(|dial| {
            let at = self.simulator_started + Duration::from_millis(dial.received_at_ms);
            let call_id = dial.user_id.unwrap_or_default();
            Dial {
                at,
                checked_at: sent.get(&call_id).map_or(at, |since_boot| self.watch.at(*since_boot)),
                rings_until: at + Duration::from_millis(dial.rings_for_ms).min(RINGING),
                has_ringing_timeout: u64::from(dial.ringing_timeout_secs) == RINGING.as_secs(),
                call_id,
                conversation_id: dial.conversation_id,
                number: dial.to_number,
                reason: dial.dynamic_variables["call_reason"].as_str().unwrap_or_default().to_owned(),
            }
        });
        Ok(dials.collect())
    }

    /// Keeps the logs of the gateways and of the stores. Returns their folder.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

/// Each number rings for a time of its own, from 0.1 s to the ringing timeout: shorter and longer
/// than the lock's TTL.
fn script_answers(simulator: &Simulator, time: Duration) {
    for (n, intent) in Intent::all(time).enumerate() {
        let after_ms = 100 + (n as u64 * 700) % 1800;
        let answer = ScriptedBehaviour::new(Behaviour::Answer { after_ms });
        simulator.script(answer.to(&intent.number()));
    }
}

async fn gateway(
    index: usize,
    stores: &Stores,
    simulator: &Simulator,
    preload: &Preload,
    mutant: Option<Mutant>,
    folder: &Path,
) -> anyhow::Result<Gateway> {
    let bind = format!("127.0.0.1:{}", free_port()?);
    let clients = Arc::new(FaultProxy::start(&bind).await);
    let provider = Arc::new(FaultProxy::start(simulator.address()).await);
    let ways = stores.ways(index);
    let clock = preload.clock(&format!("gateway-{index}"))?;
    let extra = preload.environment(&clock, stores.disk_of_gateways()).into_iter().collect();
    let recordings = folder.join("recordings");
    let seconds = |time: Duration| time.as_secs().to_string();
    let mut settings = vec![
        ("OUTDIAL_BIND", bind),
        ("OUTDIAL_HTTP_WORKERS", "2".to_owned()),
        ("OUTDIAL_JWT_SECRET", JWT_SECRET.to_owned()),
        ("OUTDIAL_VOICE_PROVIDER", "elevenlabs".to_owned()),
        ("OUTDIAL_ELEVENLABS_BASE_URL", format!("http://{}", provider.address())),
        ("OUTDIAL_ELEVENLABS_API_KEY", "simulated-api-key".to_owned()),
        ("OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS", WEBHOOK_SECRET.to_owned()),
        ("OUTDIAL_RECORDINGS_URL", format!("file://{}", recordings.display())),
        ("OUTDIAL_BEFORE_DIAL_TIMEOUT_MS", (HOLD / 2).as_millis().to_string()),
        ("OUTDIAL_LOCK_TTL_MS", HOLD.as_millis().to_string()),
        ("OUTDIAL_LOCK_RENEW_MS", (HOLD / 6).as_millis().to_string()),
        ("OUTDIAL_RINGING_TIMEOUT_SECS", seconds(RINGING)),
        ("OUTDIAL_ANSWER_MARGIN_SECS", seconds(MARGIN)),
        ("OUTDIAL_MAX_IN_FLIGHT_DIALS", MAX_IN_FLIGHT.to_string()),
        ("OUTDIAL_DRAIN_NOTICE_MS", "0".to_owned()),
        ("OUTDIAL_RECONCILE_EVERY_SECS", "1".to_owned()),
        ("OUTDIAL_WEBHOOK_WITHIN_SECS", seconds(RESERVED + Duration::from_secs(1))),
        ("OUTDIAL_DELIVERY_ALLOW_PRIVATE", "true".to_owned()),
        ("OUTDIAL_DELIVERY_FIRST_PAUSE_MS", "100".to_owned()),
        ("OUTDIAL_DELIVERY_TIMEOUT_MS", "1000".to_owned()),
        ("OUTDIAL_LOG_FORMAT", "json".to_owned()),
    ];
    settings.extend(stores.settings(ways.as_ref()));
    let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let log = folder.join(format!("gateway-{index}.log"));
    let state = State::Ended(Duration::ZERO);
    Ok(Gateway { settings, extra, mutant, log, clock, clients, provider, ways, state, may_end: false })
}

/// Creates the schema and the directory, as an operator does.
async fn fill(stores: &Stores, gateway: &Gateway, folder: &Path) -> anyhow::Result<()> {
    let mut settings = gateway.settings.clone();
    settings.extend(stores.settings(None).into_iter().map(|(name, value)| (name.to_owned(), value)));
    let records = folder.join("directory.ndjson");
    std::fs::write(&records, directory())?;
    outdial(&["migrate"], &settings, folder).await?;
    outdial(&["import", records.to_str().context("the folder is UTF-8")?], &settings, folder).await
}

async fn outdial(
    arguments: &[&str],
    settings: &BTreeMap<String, String>,
    folder: &Path,
) -> anyhow::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([crate::COMMANDS, "outdial"]).args(arguments).env_clear().envs(settings).current_dir(folder);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    ensure!(output.status.success(), "outdial {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The number of lines in these logs that contain a number, a token, a key or a secret.
pub(crate) fn private_lines(logs: &[PathBuf], secrets: &[String]) -> anyhow::Result<usize> {
    let mut private: Vec<String> = secrets.to_vec();
    private.extend(
        [JWT_SECRET, WEBHOOK_SECRET, "simulated-api-key", Request::REASON, NUMBERS].map(str::to_owned),
    );
    // As in a URL.
    private.push(NUMBERS.replace('+', "%2B"));
    let mut lines = 0;
    for log in logs {
        let text = std::fs::read_to_string(log)?;
        lines += text.lines().filter(|line| private.iter().any(|secret| line.contains(secret))).count();
    }
    Ok(lines)
}
