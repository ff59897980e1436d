use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use simulator::{Behaviour, ScriptedBehaviour, Simulator};
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use crate::gateway::{GatewayProcess, Mutant, Points};

/// A SQLite file with the records of the demo, a simulator, and the settings of a gateway.
pub(super) struct World {
    pub(super) simulator: Simulator,
    pub(super) points: Points,
    folder: TempDir,
    settings: BTreeMap<String, String>,
    http: reqwest::Client,
    numbers: AtomicU8,
}

const SECRET: &str = "a secret for checks that is long enough for HS256";
/// The user of the demo.
const USER: &str = "64f0a1b2c3d4e5f6a7b8aa00";
const START_LIMIT: Duration = Duration::from_secs(60);

impl World {
    pub(super) async fn new() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let simulator = Simulator::start(simulator::Settings::default()).await?;
        simulator.script(ScriptedBehaviour::new(Behaviour::Answer { after_ms: 400 }));
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let settings = [
            ("OUTDIAL_BIND", address.to_string()),
            ("OUTDIAL_DATABASE_URL", format!("sqlite://{}", folder.path().join("outdial.db").display())),
            ("OUTDIAL_JWT_SECRET", SECRET.to_owned()),
            ("OUTDIAL_RECORDINGS_URL", format!("file://{}", folder.path().join("recordings").display())),
            ("OUTDIAL_DRAIN_NOTICE_MS", "0".to_owned()),
            ("OUTDIAL_HTTP_WORKERS", "1".to_owned()),
            // A stopped gateway continues within its deadline.
            ("OUTDIAL_BEFORE_DIAL_TIMEOUT_MS", "60000".to_owned()),
            ("OUTDIAL_LOCK_TTL_MS", "5000".to_owned()),
            ("OUTDIAL_LOCK_RENEW_MS", "300".to_owned()),
        ];
        let mut world = Self {
            points: Points::in_folder(folder.path()),
            simulator,
            folder,
            settings: settings.map(|(name, value)| (name.to_owned(), value)).into(),
            http: reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?,
            numbers: AtomicU8::new(120),
        };
        // A gateway with the built-in simulator stores the demo before it is ready.
        world.start(None).await?.kill().await?;
        let vendor = [
            ("OUTDIAL_VOICE_PROVIDER", "elevenlabs".to_owned()),
            ("OUTDIAL_ELEVENLABS_BASE_URL", world.simulator.base_url()),
        ];
        world.settings.extend(vendor.map(|(name, value)| (name.to_owned(), value)));
        Ok(world)
    }

    /// Returns once the gateway is ready.
    pub(super) async fn start(&self, mutant: Option<Mutant>) -> anyhow::Result<GatewayProcess> {
        let (folder, log) = (self.folder.path(), self.folder.path().join("gateway.log"));
        let mut gateway = GatewayProcess::start(&self.settings, folder, mutant, &log, &BTreeMap::default())?;
        gateway.wait_until_ready(START_LIMIT).await?;
        Ok(gateway)
    }

    /// A number of an intent of its own.
    pub(super) fn next_number(&self) -> String {
        format!("+14165550{}", self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    /// Requests a call. An error if the connection breaks.
    pub(super) async fn place(&self, number: &str) -> anyhow::Result<(u16, Value)> {
        let expires_at = SystemTime::now().duration_since(UNIX_EPOCH)? + Duration::from_secs(3600);
        let claims = json!({ "sub": USER, "exp": expires_at.as_secs() });
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = jsonwebtoken::encode(&Header::default(), &claims, &key)?;
        let url = format!("http://{}/api/calls/ai/outbound", self.settings["OUTDIAL_BIND"]);
        let request = self.http.post(url).bearer_auth(token).json(&json!({ "phoneNumber": number }));
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// Runs a statement in the file. Returns the number of rows that it wrote.
    pub(super) async fn execute(&self, statement: &'static str) -> anyhow::Result<u64> {
        let mut connection = SqliteConnection::connect(&self.settings["OUTDIAL_DATABASE_URL"]).await?;
        let written = sqlx::query(statement).execute(&mut connection).await?.rows_affected();
        connection.close().await?;
        Ok(written)
    }

    /// What the file has of the call to this number, if no other call has a lock.
    pub(super) async fn stored(&self, number: &str) -> anyhow::Result<Stored> {
        let mut connection = SqliteConnection::connect(&self.settings["OUTDIAL_DATABASE_URL"]).await?;
        let (contacts, locks, settled_locks, calls, settled_calls) = sqlx::query_as(
            "select (select count(*) from contacts where phone_number = ?1),
                    (select count(*) from call_locks),
                    (select count(*) from call_locks where outcome = 'placed'),
                    (select count(*) from calls where to_number = ?1),
                    (select count(*) from calls where to_number = ?1 and state = 'placed')",
        )
        .bind(number)
        .fetch_one(&mut connection)
        .await?;
        connection.close().await?;
        Ok(Stored { contacts, locks, settled_locks, calls, settled_calls })
    }
}

/// Numbers of rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) contacts: i64,
    pub(super) locks: i64,
    pub(super) settled_locks: i64,
    pub(super) calls: i64,
    pub(super) settled_calls: i64,
}

/// Whether all threads of the process are stopped by a signal.
pub(super) fn is_stopped(pid: u32) -> bool {
    let state = |path: String| std::fs::read_to_string(path).ok()?.rsplit_once(") ")?.1.chars().next();
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().all(|thread| state(thread.path().join("stat").display().to_string()) == Some('T'))
}
