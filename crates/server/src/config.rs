//! Settings. Each one is an environment variable `OUTDIAL_*`, declared once in `table`, and all are
//! checked together at the start.

mod env_file;
mod kind;
mod load;
mod reader;
mod retention;
mod risks;
mod setting;
mod source;
mod table;
mod warnings;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapter_elevenlabs::TrunkLogin;
use adapter_http::{AuthSettings, Authenticator, JwtKeys};
use adapter_jwks::KeySetLocation;
use adapter_object_store::RecordingsSettings;
use adapter_postgres::PostgresSettings;
use adapter_redis::RedisSettings;
use adapter_sinch::SinchSettings;
use domain::{CallPolicy, DeliveryPolicy, DestinationRules, PacingLimits, ReconcileTimes, RetentionTimes};
use secrecy::SecretString;
use url::Url;

pub(crate) use self::kind::is_loopback;
pub use self::reader::SettingsError;
pub use self::setting::Setting;
pub use self::source::Source;
pub use self::table::{
    Credentials, Deliveries, LogFormat, Observation, Process, Reconciliation, Synchronization,
    WebhookSecrets, settings,
};
use self::table::{VOICE_PROVIDERS, VoiceProvider};
pub use self::warnings::{Risk, SettingsWarning};

/// The checked settings.
#[derive(Debug)]
pub struct Settings {
    pub process: Process,
    pub observation: Observation,
    pub storage: Storage,
    pub voice: Voice,
    /// The trunk that a sync reads; `None` if it is not configured.
    pub sinch: Option<SinchSettings>,
    /// The accounts that organizations have of their own.
    pub credentials: Credentials,
    /// The carrier's services, for these accounts: where tokens are issued, and the API of trunks.
    pub sinch_urls: (Url, Url),
    /// What the trunk asks for in calls from numbers that are imported into the voice provider.
    pub trunk_login: Option<TrunkLogin>,
    pub synchronization: Synchronization,
    pub auth: Auth,
    pub policy: CallPolicy,
    /// How fast calls may start, and how many there may be, beside what the carriers allow.
    pub pacing: PacingLimits,
    /// Which numbers may be called.
    pub destinations: DestinationRules,
    /// The provider's id of the collected value that is true if the callee opted out.
    pub opt_out_value_id: String,
    pub reconciliation: Reconciliation,
    /// `None` if recordings are not stored.
    pub recordings: Option<RecordingsSettings>,
    /// The largest recording that is stored.
    pub recording_max_bytes: u64,
    pub deliveries: Deliveries,
    /// What is removed by its age.
    pub retention: RetentionTimes,
    /// How long an idempotency key is kept after the end of its call.
    pub keep_keys_for: Duration,
    /// The files that secrets were read from.
    pub secret_files: Vec<PathBuf>,
    /// What is risky about these settings.
    pub warnings: Vec<SettingsWarning>,
}

/// Where calls, contacts, locks and contexts are stored.
#[derive(Debug)]
pub enum Storage {
    /// One SQLite file, for one replica.
    Embedded { path: PathBuf },
    /// The ledger and the directory in Postgres, locks and contexts in Redis, for any number of
    /// replicas.
    Services {
        postgres: PostgresSettings,
        redis: RedisSettings,
        /// A replica of the database that only the history is read from.
        history: Option<PostgresSettings>,
    },
}

/// The voice provider. The simulator runs in this process and signs its webhooks with a secret that
/// is generated at each start.
#[derive(Debug)]
pub enum Voice {
    Simulator { tool_secret: Option<SecretString> },
    ElevenLabs { api_key: SecretString, base_url: Url, webhook: WebhookSecrets },
    Vapi { api_key: SecretString, base_url: Url },
}

/// The names of the vendors that can be set as the voice provider: all but the simulator.
pub fn vendors() -> impl Iterator<Item = &'static str> {
    let is_vendor = |(_, provider): &&(_, VoiceProvider)| *provider != VoiceProvider::Simulator;
    VOICE_PROVIDERS.iter().filter(is_vendor).map(|(name, _)| *name)
}

impl Voice {
    /// The name that operators set and clients read.
    pub fn name(&self) -> &'static str {
        let provider = match self {
            Self::Simulator { .. } => VoiceProvider::Simulator,
            Self::ElevenLabs { .. } => VoiceProvider::ElevenLabs,
            Self::Vapi { .. } => VoiceProvider::Vapi,
        };
        let mut named = VOICE_PROVIDERS.iter().filter(|(_, named)| *named == provider);
        named.next().map(|(name, _)| *name).expect("every provider has a name")
    }
}

/// How clients are authenticated.
#[derive(Debug)]
pub enum Auth {
    /// By tokens that are signed with the configured keys.
    Configured(Arc<Authenticator>),
    /// By tokens that are signed with a key of this set, which is read again at this interval.
    KeySet { location: KeySetLocation, refresh_every: Duration, rules: TokenRules },
    /// By tokens that are signed with a generated secret, because no key is configured. The secret
    /// is stored in the file at `path`, beside the embedded database, so that a token stays valid
    /// after a restart.
    GeneratedSecret { path: PathBuf, rules: TokenRules },
}

/// What a token must have beside its signature.
#[derive(Debug, Clone)]
pub struct TokenRules {
    pub issuer: Option<String>,
    pub audience: Option<String>,
    pub leeway_secs: u64,
}

impl Settings {
    /// Reads and checks the settings. The error lists every problem with the name of its variable.
    pub fn load(source: &Source) -> Result<Self, SettingsError> {
        reader::Reader::read_all(source, load::settings)
    }

    /// Whether these are the embedded database and the simulator: `serve` then stores a demo and
    /// prints a `curl` for it.
    pub const fn is_demo(&self) -> bool {
        matches!((&self.storage, &self.voice), (Storage::Embedded { .. }, Voice::Simulator { .. }))
    }

    /// When the provider is polled for a call.
    pub const fn reconcile_times(&self) -> ReconcileTimes {
        ReconcileTimes {
            decided_within: self.policy.reserve_for(),
            reported_within: self.reconciliation.webhook_within,
            pause: self.reconciliation.every,
            given_up_after: Duration::from_hours(48),
        }
    }
}

impl TokenRules {
    pub(crate) fn with_keys(&self, keys: JwtKeys) -> AuthSettings {
        let Self { issuer, audience, leeway_secs } = self.clone();
        AuthSettings { keys, issuer, audience, leeway_secs }
    }
}

impl Deliveries {
    /// How often and how long each delivery is attempted.
    pub const fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy {
            first_pause: self.first_pause,
            longest_pause: Duration::from_hours(6),
            given_up_after: self.give_up_after,
            attempt_within: self.timeout,
        }
    }
}

/// A settings file with the help of every setting and its default, commented out.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Every setting of Outdial, with its default. Set them in the environment, in a file named `.env` in the\n\
         # folder where `outdial` starts, or in a file given with --config. The environment takes precedence over\n\
         # the file. A secret can be in a file of its own, which NAME_FILE names: OUTDIAL_JWT_SECRET_FILE=/run/secrets/jwt.\n\
         # `outdial serve` runs without any setting.\n",
    );
    for Setting { name, default, help, .. } in settings() {
        let help = help.join("\n# ");
        write!(text, "\n# {help}\n# {name}={default}\n").expect("writing to a string does not fail");
    }
    text
}
