use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use server::{Application, Settings, Source};
use simulator::{Behaviour, ScriptedBehaviour, Simulator};
use sqlx::Connection as _;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::Client;
use super::process::{Process, run_outdial};

/// The HS256 secret of every gateway under test.
pub(super) const SECRET: &str = "a secret for tests that is long enough for HS256";

/// What the simulator signs its webhooks with.
pub(crate) const WEBHOOK_SECRET: &str = "wsec_the-secret-of-webhooks";

/// What the voice provider shows when it asks who calls.
pub(crate) const TOOL_SECRET: &str = "tool-secret-of-the-workspace";

/// Two tenants. `u1` of `o1` has everything; each of the others lacks something.
const DIRECTORY: &str = r#"
{"kind":"organization","id":"o1","name":"Analytical Engines"}
{"kind":"user","id":"u1","organizationId":"o1","fullName":"Charles Babbage"}
{"kind":"user","id":"u1b","organizationId":"o1","fullName":"Per Georg Scheutz"}
{"kind":"user","id":"u1-numberless","organizationId":"o1","fullName":"Joseph Clement"}
{"kind":"user","id":"u1-off-trunk","organizationId":"o1","fullName":"Luigi Menabrea"}
{"kind":"agent","id":"a1","organizationId":"o1","name":"Nora","voiceEnabled":true,"providerAgentId":"agent_1"}
{"kind":"agent","id":"a1-second","organizationId":"o1","name":"Nils","voiceEnabled":true,"providerAgentId":"agent_2"}
{"kind":"agent","id":"a1-unsynced","organizationId":"o1","name":"Una","voiceEnabled":true}
{"kind":"agent","id":"a1-silent","organizationId":"o1","name":"Sil","voiceEnabled":false,"providerAgentId":"agent_3"}
{"kind":"number","organizationId":"o1","userId":"u1","phoneNumber":"+14165550100","carrier":"sinch","aiEnabled":true,"onTrunk":true,"providerNumberId":"phnum_1"}
{"kind":"number","organizationId":"o1","userId":"u1","phoneNumber":"+14165550101","carrier":"sinch","aiEnabled":true,"onTrunk":true,"providerNumberId":"phnum_2","position":1}
{"kind":"number","organizationId":"o1","userId":"u1","phoneNumber":"+14165550102","carrier":"twilio","aiEnabled":true,"onTrunk":true,"providerNumberId":"phnum_3","position":2}
{"kind":"number","organizationId":"o1","userId":"u1","phoneNumber":"+14165550103","carrier":"sinch","aiEnabled":true,"onTrunk":false,"providerNumberId":"phnum_4","position":3}
{"kind":"number","organizationId":"o1","userId":"u1b","phoneNumber":"+14165550104","carrier":"sinch","aiEnabled":true,"onTrunk":true,"providerNumberId":"phnum_5"}
{"kind":"number","organizationId":"o1","userId":"u1-off-trunk","phoneNumber":"+14165550105","carrier":"sinch","aiEnabled":true,"onTrunk":false}
{"kind":"contact","id":"c1","organizationId":"o1","firstName":"Ada","lastName":"Lovelace","phoneNumber":"+14165550190"}
{"kind":"contact","id":"c1-phoneless","organizationId":"o1","firstName":"Mary"}
{"kind":"contact","id":"c1-own","organizationId":"o1","firstName":"Colleague","phoneNumber":"+14165550104"}
{"kind":"organization","id":"o2","name":"Difference Engines"}
{"kind":"user","id":"u2","organizationId":"o2","fullName":"Edvard Scheutz"}
{"kind":"agent","id":"a2","organizationId":"o2","name":"Olga","voiceEnabled":true,"providerAgentId":"agent_4"}
{"kind":"number","organizationId":"o2","userId":"u2","phoneNumber":"+14165550106","carrier":"sinch","aiEnabled":true,"onTrunk":true,"providerNumberId":"phnum_6"}
{"kind":"contact","id":"c2","organizationId":"o2","firstName":"Sofia","phoneNumber":"+14165550190"}
{"kind":"organization","id":"o3","name":"Empty"}
{"kind":"user","id":"u3","organizationId":"o3","fullName":"Nobody"}
{"kind":"number","organizationId":"o3","userId":"u3","phoneNumber":"+14165550107","carrier":"sinch","aiEnabled":true,"onTrunk":true,"providerNumberId":"phnum_7"}
{"kind":"organization","id":"o4","name":"Unsynced"}
{"kind":"user","id":"u4","organizationId":"o4","fullName":"Early Adopter"}
{"kind":"agent","id":"a4","organizationId":"o4","name":"Una","voiceEnabled":true}
{"kind":"number","organizationId":"o4","userId":"u4","phoneNumber":"+14165550108","carrier":"sinch","aiEnabled":true,"onTrunk":true,"providerNumberId":"phnum_8"}
"#;

/// What the gateway keeps its things in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backing {
    /// One SQLite file.
    Embedded,
    /// Postgres and Redis.
    Services,
}

/// A database of its own with two tenants in it, a simulator, and the settings that join them.
pub(crate) struct World {
    pub simulator: Simulator,
    folder: TempDir,
    settings: BTreeMap<&'static str, String>,
    database: Option<String>,
}

/// A gateway in this process.
pub(crate) struct Gateway {
    pub client: Client,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<anyhow::Result<()>>,
}

impl World {
    pub(crate) async fn new(backing: Backing) -> Self {
        let world = Self::without_directory(backing).await;
        let file = world.folder.path().join("directory.ndjson");
        std::fs::write(&file, DIRECTORY).expect("the folder is writable");
        world.outdial(&["migrate"]).await;
        world.outdial(&["import", file.to_str().expect("an ASCII path")]).await;
        world
    }

    /// With an empty database, not migrated.
    pub(crate) async fn without_directory(backing: Backing) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let simulator = Simulator::start(simulator::Settings::default()).await.expect("a simulator");
        let mut settings = BTreeMap::from([
            ("OUTDIAL_BIND", "127.0.0.1:0".to_owned()),
            ("OUTDIAL_JWT_SECRET", SECRET.to_owned()),
            ("OUTDIAL_VOICE_PROVIDER", "elevenlabs".to_owned()),
            ("OUTDIAL_ELEVENLABS_BASE_URL", simulator.base_url()),
            ("OUTDIAL_ELEVENLABS_API_KEY", "simulated-api-key".to_owned()),
            ("OUTDIAL_DRAIN_NOTICE_MS", "0".to_owned()),
            ("OUTDIAL_ELEVENLABS_TOOL_SECRET", TOOL_SECRET.to_owned()),
            ("OUTDIAL_RECORDINGS_URL", format!("file://{}", folder.path().join("recordings").display())),
            ("OUTDIAL_DELIVERY_ALLOW_PRIVATE", "true".to_owned()),
            ("OUTDIAL_DELIVERY_FIRST_PAUSE_MS", "100".to_owned()),
            ("OUTDIAL_DELIVERY_TIMEOUT_MS", "2000".to_owned()),
            (
                "OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS",
                format!("wsec_an-old-secret-of-webhooks,{WEBHOOK_SECRET}"),
            ),
        ]);
        let mut database = None;
        match backing {
            Backing::Embedded => {
                let path = folder.path().join("outdial.db");
                settings.insert("OUTDIAL_DATABASE_URL", format!("sqlite://{}", path.display()));
            }
            Backing::Services => {
                let name = unique("outdial_e2e");
                settings.insert("OUTDIAL_DATABASE_URL", create_database(&name).await);
                settings.insert("OUTDIAL_REDIS_URL", testkit::services::redis_url());
                settings.insert("OUTDIAL_REDIS_KEY_PREFIX", name.clone());
                database = Some(name);
            }
        }
        Self { simulator, folder, settings, database }
    }

    /// Changes a setting for the gateways that are started from now on.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.settings.insert(name, value.into());
    }

    /// Leaves a setting at its default.
    pub(crate) fn unset(&mut self, name: &'static str) {
        self.settings.remove(name);
    }

    /// The value of a setting.
    pub(crate) fn setting(&self, name: &'static str) -> &str {
        &self.settings[name]
    }

    /// A lock of 1.5 s that is renewed every 300 ms, so that a ring of some seconds outlasts it as 45 s outlast 30.
    pub(crate) fn with_a_short_lock(mut self) -> Self {
        self.set("OUTDIAL_LOCK_TTL_MS", "1500");
        self.set("OUTDIAL_LOCK_RENEW_MS", "300");
        self
    }

    /// What every dial does from now on.
    pub(crate) fn script(&self, behaviour: Behaviour) {
        self.simulator.script(ScriptedBehaviour::new(behaviour));
    }

    /// Has the simulator tell this gateway what became of calls.
    pub(crate) fn report_to(&self, gateway: SocketAddr) {
        let url = format!("http://{gateway}/api/webhook/elevenlabs");
        let settings = simulator::WebhookSettings { url, secret: WEBHOOK_SECRET.to_owned() };
        self.simulator.send_webhooks_to(Some(&settings)).expect("a loopback address");
    }

    /// A folder that goes away with the world.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Starts a gateway in this process.
    pub(crate) async fn start(&self) -> Gateway {
        let source = Source::of(self.settings.clone());
        let application =
            Application::build(Settings::load(&source).expect("good settings")).await.expect("it starts");
        let address = application.address();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(application.run(async {
            let _ = stopped.await;
        }));
        Gateway { client: Client::new(address, "u1"), address, stop: Some(stop), running }
    }

    /// Starts a gateway in a process of its own.
    pub(crate) async fn spawn(&self) -> Process {
        Process::serve(&self.settings).await
    }

    /// Runs a command to its end and gives what it printed; it must succeed.
    pub(crate) async fn outdial(&self, arguments: &[&str]) -> String {
        let ended = run_outdial(arguments, &self.settings).await;
        assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).expect("UTF-8")
    }

    /// The settings as the process sees them.
    pub(crate) const fn settings(&self) -> &BTreeMap<&'static str, String> {
        &self.settings
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let Some(name) = self.database.take() else { return };
        // On a thread of its own, since a runtime cannot be blocked on from within itself.
        let dropping = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(drop_database(&name));
        });
        let _ = dropping.join();
    }
}

impl Gateway {
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it as SIGTERM would, and returns when it has ended.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.running.await.expect("no panic").expect("a clean end");
    }
}

pub(super) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn create_database(name: &str) -> String {
    let admin = testkit::services::postgres_url();
    let mut connection = sqlx::PgConnection::connect(&admin).await.expect("Postgres answers");
    let statement = sqlx::AssertSqlSafe(format!("create database {name}"));
    sqlx::query(statement).execute(&mut connection).await.expect("a new database");
    let (server, query) =
        admin.split_once('?').map_or((admin.as_str(), ""), |(server, query)| (server, query));
    let server = server.rsplit_once('/').expect("a URL with a database").0;
    if query.is_empty() { format!("{server}/{name}") } else { format!("{server}/{name}?{query}") }
}

async fn drop_database(name: &str) {
    let Ok(mut connection) = sqlx::PgConnection::connect(&testkit::services::postgres_url()).await else {
        return;
    };
    let statement = sqlx::AssertSqlSafe(format!("drop database if exists {name} with (force)"));
    let _ = sqlx::query(statement).execute(&mut connection).await;
}
