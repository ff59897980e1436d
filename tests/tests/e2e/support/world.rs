use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use domain::PlaceCallPorts;
use server::{Application, Settings, Source};
use simulator::{Behaviour, DEMO_TRUNK_ID, ScriptedBehaviour, Simulator};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use testkit::eventually;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::Client;
use super::command::{Environment, RunningCommand, run_outdial};
use super::database::Database;
use super::fixed_clock::FixedClock;
use super::process::Process;
use super::scrape::Scrape;

/// The HS256 secret of every gateway under test.
pub(super) const JWT_SECRET: &str = "a secret for tests that is long enough for HS256";

/// The simulator signs its webhooks with this secret.
pub(crate) const WEBHOOK_SECRET: &str = "wsec_the-secret-of-webhooks";

/// The bearer token with which the voice provider asks who an inbound caller is.
pub(crate) const TOOL_SECRET: &str = "tool-secret-of-the-workspace";

/// The secret of the access key of the carrier's account.
pub(crate) const SINCH_SECRET: &str = "sinch-secret-of-the-project";

/// Organization `o1` has all kinds of records. Its user `u1` can place calls, and so can `u1b`; its
/// other users lack something. `o2` can place calls, `o3` has no agent, and the agent of `o4` is
/// not known to the provider.
const DIRECTORY: &str = include_str!("directory.ndjson");

/// The stores of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backing {
    /// One SQLite file.
    Sqlite,
    PostgresAndRedis,
}

/// Stores of one test alone, a simulator of the voice provider, and the settings of the gateways
/// that use them.
pub(crate) struct World {
    pub simulator: Simulator,
    folder: TempDir,
    settings: Environment,
    database: Option<Database>,
}

/// A gateway in the process of the test.
pub(crate) struct Gateway {
    pub client: Client,
    /// Where its metrics are served.
    pub metrics: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<()>>,
}

impl World {
    /// A world with a migrated database that contains the records of `directory.ndjson`.
    pub(crate) async fn new(backing: Backing) -> Self {
        let world = Self::unmigrated(backing).await;
        world.outdial(&["migrate"]).await;
        let (succeeded, errors) = world.import(DIRECTORY).await;
        assert!(succeeded, "{errors}");
        world
    }

    /// A world whose database has no schema yet.
    pub(crate) async fn unmigrated(backing: Backing) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be created");
        let simulator =
            Simulator::start(simulator::Settings::with_any_id()).await.expect("the simulator starts");
        let mut settings = BTreeMap::from([
            ("OUTDIAL_BIND", "127.0.0.1:0".to_owned()),
            ("OUTDIAL_JWT_SECRET", JWT_SECRET.to_owned()),
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
            Backing::Sqlite => {
                let path = folder.path().join("outdial.db");
                settings.insert("OUTDIAL_DATABASE_URL", format!("sqlite://{}", path.display()));
            }
            Backing::PostgresAndRedis => {
                let created = Database::create().await;
                settings.insert("OUTDIAL_DATABASE_URL", created.url().to_owned());
                settings.insert("OUTDIAL_REDIS_URL", testkit::services::redis_url());
                settings.insert("OUTDIAL_REDIS_KEY_PREFIX", created.name().to_owned());
                database = Some(created);
            }
        }
        Self { simulator, folder, settings, database }
    }

    /// Changes a setting of the gateways that are started later.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.insert(name, value.into());
        self
    }

    /// Leaves a setting at its default.
    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.settings.remove(name);
        self
    }

    /// The settings of the accounts at both vendors, and of no webhook.
    pub(crate) fn with_both_vendors(self) -> Self {
        let base_url = self.simulator.base_url();
        self.without("OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS")
            .with("OUTDIAL_SINCH_PROJECT_ID", "project-1")
            .with("OUTDIAL_SINCH_KEY_ID", "key-1")
            .with("OUTDIAL_SINCH_KEY_SECRET", SINCH_SECRET)
            .with("OUTDIAL_SINCH_TRUNK_ID", DEMO_TRUNK_ID)
            .with("OUTDIAL_SINCH_AUTH_URL", base_url.clone())
            .with("OUTDIAL_SINCH_TRUNK_URL", base_url)
    }

    /// The gateways serve metrics, and one of them measures the ledger every second.
    pub(crate) fn with_metrics(self) -> Self {
        self.with("OUTDIAL_METRICS_BIND", "127.0.0.1:0").with("OUTDIAL_METRICS_LEDGER_EVERY_SECS", "1")
    }

    /// A lock of 1.5 s, renewed every 300 ms: a phone that rings for some seconds outlasts it, as a
    /// ring of 45 s outlasts the default of 30 s.
    pub(crate) fn with_short_lock(self) -> Self {
        self.with("OUTDIAL_LOCK_TTL_MS", "1500").with("OUTDIAL_LOCK_RENEW_MS", "300")
    }

    /// A phone rings for 1 s, and the provider's response may take 1 s more.
    pub(crate) fn with_short_ringing(self) -> Self {
        self.with("OUTDIAL_RINGING_TIMEOUT_SECS", "1").with("OUTDIAL_ANSWER_MARGIN_SECS", "1")
    }

    /// The gateway looks for unfinished calls every second.
    pub(crate) fn with_frequent_reconciliation(self) -> Self {
        self.with("OUTDIAL_RECONCILE_EVERY_SECS", "1")
    }

    /// The gateway reaches Postgres at this address, where a proxy listens.
    pub(crate) fn with_database_at(self, proxy: SocketAddr) -> Self {
        let url = self.postgres().url_through(proxy);
        self.with("OUTDIAL_DATABASE_URL", url)
    }

    /// The gateway reads the history from the server at this address, whose sessions are read-only, as
    /// those of a standby are.
    pub(crate) fn with_replica_at(self, proxy: SocketAddr) -> Self {
        let url = self.postgres().url_through(proxy);
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}options[default_transaction_read_only]=on");
        self.with("OUTDIAL_HISTORY_DATABASE_URL", url)
    }

    /// The `host:port` of Postgres.
    pub(crate) fn database_server(&self) -> String {
        self.postgres().server()
    }

    /// The URL of the database, whatever its kind.
    pub(crate) fn database_url(&self) -> &str {
        &self.settings["OUTDIAL_DATABASE_URL"]
    }

    /// The prefix of the keys in Redis, which no other test has.
    pub(crate) fn redis_key_prefix(&self) -> &str {
        &self.settings["OUTDIAL_REDIS_KEY_PREFIX"]
    }

    fn postgres(&self) -> &Database {
        self.database.as_ref().expect("the world has a Postgres database")
    }

    /// Sets what every later dial does.
    pub(crate) fn script(&self, behaviour: Behaviour) {
        self.simulator.script(ScriptedBehaviour::new(behaviour));
    }

    /// Sends the webhooks of the simulator to this gateway.
    pub(crate) fn send_webhooks_to(&self, gateway: &Client) {
        let url = format!("http://{}/api/webhook/elevenlabs", gateway.address());
        let settings = simulator::WebhookSettings { url, secret: WEBHOOK_SECRET.to_owned() };
        self.simulator.send_webhooks_to(Some(&settings)).expect("the simulator accepts a loopback address");
    }

    /// Returns once the simulator has dialled this number.
    pub(crate) async fn wait_for_dial_to(&self, number: &str) {
        eventually(&format!("{number} is dialled"), async || self.simulator.dials_to(number) > 0).await;
    }

    /// Returns once the simulator has made this many dials.
    pub(crate) async fn wait_for_dials(&self, count: usize) {
        eventually(&format!("{count} dials"), async || self.simulator.dials().len() >= count).await;
    }

    /// The number of contacts in the database, of all organizations.
    pub(crate) async fn count_contacts(&self) -> i64 {
        self.count("select count(*) from contacts").await
    }

    /// Runs a statement in the database: the first one in Postgres, the second one in SQLite.
    pub(crate) async fn execute(&self, postgres: &'static str, sqlite: &'static str) {
        let url = self.database_url();
        let written = if self.database.is_some() {
            let mut connection = PgConnection::connect(url).await.expect("Postgres is reachable");
            sqlx::query(postgres).execute(&mut connection).await.map(|done| done.rows_affected())
        } else {
            let mut connection = SqliteConnection::connect(url).await.expect("the file can be opened");
            sqlx::query(sqlite).execute(&mut connection).await.map(|done| done.rows_affected())
        };
        assert_ne!(written.expect("the statement is valid"), 0, "no row was written");
    }

    /// Runs a statement that changes the Postgres database itself, in which `{database}` is its name.
    pub(crate) async fn change_postgres(&self, statement: &str) {
        let statement = statement.replace("{database}", self.postgres().name());
        let mut connection = PgConnection::connect(self.database_url()).await.expect("Postgres is reachable");
        let changed = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await;
        changed.expect("the statement is valid");
    }

    /// The result of a statement that counts, in a database of either kind.
    pub(crate) async fn count(&self, statement: &'static str) -> i64 {
        let url = &self.settings["OUTDIAL_DATABASE_URL"];
        let count = if self.database.is_some() {
            let mut connection = PgConnection::connect(url).await.expect("Postgres is reachable");
            sqlx::query_scalar(statement).fetch_one(&mut connection).await
        } else {
            let mut connection = SqliteConnection::connect(url).await.expect("the file can be opened");
            sqlx::query_scalar(statement).fetch_one(&mut connection).await
        };
        count.expect("the statement is valid")
    }

    /// The settings in a file for `--config`.
    pub(crate) fn settings_file(&self) -> String {
        let file = self.folder.path().join("outdial.env");
        let lines = self.settings.iter().map(|(name, value)| format!("{name}={value}\n"));
        std::fs::write(&file, lines.collect::<String>()).expect("the folder is writable");
        file.to_str().expect("the path is ASCII").to_owned()
    }

    /// The folder of the recordings.
    pub(crate) fn recordings_folder(&self) -> String {
        let url = &self.settings["OUTDIAL_RECORDINGS_URL"];
        url.strip_prefix("file://").expect("recordings are in a folder").to_owned()
    }

    /// The world after the loss of its stores: nothing is where its gateways look.
    pub(crate) async fn in_an_empty_place(mut self) -> Self {
        let place = self.folder.path().join("empty");
        if self.database.is_some() {
            let created = Database::create().await;
            self = self.with("OUTDIAL_DATABASE_URL", created.url());
            self = self.with("OUTDIAL_REDIS_KEY_PREFIX", created.name());
            // The former database is dropped here.
            self.database = Some(created);
            // Several machines share recordings, so that they are not lost with one.
            return self;
        }
        self.with("OUTDIAL_DATABASE_URL", format!("sqlite://{}", place.join("outdial.db").display()))
            .with("OUTDIAL_RECORDINGS_URL", format!("file://{}", place.join("recordings").display()))
    }

    /// A folder that is deleted with the world.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a gateway in the process of the test.
    pub(crate) async fn start(&self) -> Gateway {
        self.start_with(std::convert::identity).await
    }

    /// Starts a gateway that places calls by this clock.
    pub(crate) async fn start_at(&self, clock: Arc<FixedClock>) -> Gateway {
        self.start_with(|ports| PlaceCallPorts { clock, ..ports }).await
    }

    async fn start_with(&self, decorate: impl FnOnce(PlaceCallPorts) -> PlaceCallPorts) -> Gateway {
        let source = Source::of(self.settings.clone());
        let settings = Settings::load(&source).expect("all values are valid");
        let application = Application::build_with(settings, decorate).await.expect("the gateway starts");
        let client = Client::new(application.address(), "u1");
        let metrics = application.metrics_address();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(application.run(async {
            let _ = stopped.await;
        }));
        Gateway { client, metrics, stop, running }
    }

    /// Starts a gateway that receives the webhooks of the simulator.
    pub(crate) async fn start_with_webhooks(&self) -> Gateway {
        let gateway = self.start().await;
        self.send_webhooks_to(&gateway.client);
        gateway
    }

    /// Starts a gateway in a process of its own.
    pub(crate) async fn spawn(&self) -> Process {
        Process::serve(&self.settings).await
    }

    /// Runs a command until it ends, and returns its output. Panics if the command fails.
    pub(crate) async fn outdial(&self, arguments: &[&str]) -> String {
        let output = self.try_outdial(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("the output is UTF-8")
    }

    /// Runs a command until it ends, successfully or not.
    pub(crate) async fn try_outdial(&self, arguments: &[&str]) -> Output {
        run_outdial(arguments, &self.settings).await
    }

    /// Starts a command that runs until it is stopped.
    pub(crate) fn start_outdial(&self, arguments: &[&str]) -> RunningCommand {
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        RunningCommand::start(self.folder.path(), arguments, &settings)
    }

    /// Imports these lines. Returns whether the command succeeded, and its error output.
    pub(crate) async fn import(&self, lines: &str) -> (bool, String) {
        self.import_with(&[], lines).await
    }

    /// The same, with these options.
    pub(crate) async fn import_with(&self, options: &[&str], lines: &str) -> (bool, String) {
        let file = self.folder.path().join("import.ndjson");
        std::fs::write(&file, lines).expect("the folder is writable");
        let output = self
            .try_outdial(&[&["import", file.to_str().expect("the path is ASCII")], options].concat())
            .await;
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Gateway {
    /// The metrics at this moment.
    pub(crate) async fn scrape(&self) -> Scrape {
        Scrape::of(self.metrics.expect("the gateway serves metrics")).await
    }

    /// Stops the gateway as SIGTERM does, and waits until it has ended.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.running.await.expect("the gateway does not panic").expect("the gateway ends without an error");
    }
}
