//! Settings: every one is an environment variable `OUTDIAL_*`, read here and nowhere else, and checked together at start.

mod load;
mod source;
mod table;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use adapter_http::Authenticator;
use adapter_object_store::RecordingsSettings;
use adapter_postgres::PostgresSettings;
use adapter_redis::RedisSettings;
use domain::{CallPolicy, DeliveryPolicy, ReconcileTimes};
use secrecy::SecretString;
use url::Url;

pub use self::load::SettingsError;
pub use self::source::Source;
pub use self::table::{SETTINGS, Setting, env_example};

/// Everything that can be set, checked.
#[derive(Debug)]
pub struct Settings {
    /// Where the API listens.
    pub bind: SocketAddr,
    /// Where calls, contacts, locks and contexts are kept.
    pub storage: Storage,
    /// Who dials.
    pub voice: Voice,
    /// Who may ask.
    pub auth: Auth,
    /// The times that a call keeps to.
    pub policy: CallPolicy,
    /// When the provider is asked what became of a call.
    pub reconcile_times: ReconcileTimes,
    /// How often overdue calls are looked for.
    pub reconcile_every: Duration,
    /// Where recordings are kept, if they are.
    pub recordings: Option<RecordingsSettings>,
    /// How events are sent to those who asked for them.
    pub deliveries: Deliveries,
    /// How many calls may be under way in this process before further ones are shed.
    pub max_in_flight_dials: usize,
    /// How many threads serve HTTP.
    pub http_workers: usize,
    /// How long readiness says no before the listener stops.
    pub drain_notice: Duration,
    /// What is logged: a level, or directives as tracing knows them.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
}

/// Where things are kept.
#[derive(Debug)]
pub enum Storage {
    /// All in one SQLite file: one replica.
    Embedded {
        /// The file.
        path: PathBuf,
    },
    /// Postgres and Redis: any number of replicas.
    Services {
        /// The books and the directory.
        postgres: PostgresSettings,
        /// Lock and context cache.
        redis: RedisSettings,
    },
}

/// Who dials.
#[derive(Debug)]
pub enum Voice {
    /// The simulator, in this process. What it signs its events with is made at each start.
    Simulator {
        /// The bearer token that its webhooks may show instead, and its question who calls must.
        tool_secret: Option<SecretString>,
    },
    /// ElevenLabs.
    ElevenLabs {
        /// The workspace's key.
        api_key: SecretString,
        /// Where the API is.
        base_url: Url,
        /// How its events are known.
        webhook: WebhookSecrets,
    },
    /// Vapi.
    Vapi {
        /// The organization's private key.
        api_key: SecretString,
        /// Where the API is.
        base_url: Url,
    },
}

/// How the provider's events are known to be its own. With neither, none is.
#[derive(Debug, Clone, Default)]
pub struct WebhookSecrets {
    /// Secrets that it signs with; several while rotating.
    pub signing: Vec<SecretString>,
    /// The bearer token that it may show instead.
    pub tool: Option<SecretString>,
}

/// How events are sent to those who asked for them.
#[derive(Debug, Clone, Copy)]
pub struct Deliveries {
    /// How often there may be something new to send.
    pub publish_every: Duration,
    /// How often and how long each is attempted.
    pub policy: DeliveryPolicy,
    /// Whether events may be sent unencrypted, and to addresses that are not public.
    pub allow_private: bool,
}

/// Who may ask.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one in a process, and it is moved once")]
pub enum Auth {
    /// Tokens signed with the configured keys.
    Configured(Authenticator),
    /// Nothing was configured: a secret is made once and kept in this file beside the embedded database.
    GeneratedSecret {
        /// The file.
        path: PathBuf,
        /// The `iss` that a token must have.
        issuer: Option<String>,
        /// The `aud` that a token must have.
        audience: Option<String>,
        /// How far clocks may differ, in seconds.
        leeway_secs: u64,
    },
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

impl Settings {
    /// Reads and checks every setting, naming each variable that is wrong.
    pub fn load(source: &Source) -> Result<Self, SettingsError> {
        load::load(source)
    }

    /// Whether this is the embedded default with the simulator: the demo that `serve` seeds and prints a `curl` for.
    #[must_use]
    pub const fn is_demo(&self) -> bool {
        matches!((&self.storage, &self.voice), (Storage::Embedded { .. }, Voice::Simulator { .. }))
    }
}
