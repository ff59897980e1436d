mod after_the_call;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use adapter_http::{AuthSettings, Authenticator, JwtKeys};
use adapter_postgres::PostgresSettings;
use adapter_redis::RedisSettings;
use domain::{CallPolicy, ReconcileTimes};
use secrecy::{SecretSlice, SecretString};
use url::{Host, Url};

use super::{Auth, LogFormat, Settings, Source, Storage, Voice, WebhookSecrets};

/// Settings that cannot be used: all of them at once, each by its variable.
#[derive(Debug)]
pub struct SettingsError(Vec<String>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings cannot be used:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for SettingsError {}

/// The provider is asked for this long what became of a call.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(48);

pub(super) fn load(source: &Source) -> Result<Settings, SettingsError> {
    let mut reading = Reading { source, problems: Vec::new() };
    let settings = reading.settings();
    match settings {
        Some(settings) if reading.problems.is_empty() => Ok(settings),
        _ => Err(SettingsError(reading.problems)),
    }
}

/// Reads on after a problem, so that all are found in one go.
struct Reading<'a> {
    source: &'a Source,
    problems: Vec<String>,
}

impl Reading<'_> {
    fn settings(&mut self) -> Option<Settings> {
        let bind = self.parsed("OUTDIAL_BIND", "an address with a port, like 127.0.0.1:2212");
        let storage = self.storage();
        let voice = self.voice();
        let auth = self.auth();
        let policy = self.policy();
        let reconcile_every = self.number("OUTDIAL_RECONCILE_EVERY_SECS", 1, 3600).map(Duration::from_secs);
        let reported_within = self.number("OUTDIAL_WEBHOOK_WITHIN_SECS", 1, 86_400).map(Duration::from_secs);
        let recordings = self.recordings();
        let deliveries = self.deliveries();
        let max_in_flight_dials = self.number("OUTDIAL_MAX_IN_FLIGHT_DIALS", 1, 1_000_000);
        let http_workers = self.number("OUTDIAL_HTTP_WORKERS", 0, 512);
        let drain_notice = self.number("OUTDIAL_DRAIN_NOTICE_MS", 0, 60_000).map(Duration::from_millis);
        let log_format = self.log_format();
        let log = self.log();
        Some(Settings {
            bind: bind?,
            storage: storage?,
            voice: voice?,
            auth: auth?,
            policy: policy?,
            reconcile_times: ReconcileTimes {
                decided_within: policy?.reserve_for(),
                reported_within: reported_within?,
                pause: reconcile_every?,
                given_up_after: GIVEN_UP_AFTER,
            },
            reconcile_every: reconcile_every?,
            recordings: recordings?,
            deliveries: deliveries?,
            max_in_flight_dials: usize::try_from(max_in_flight_dials?).ok()?,
            http_workers: usize::try_from(http_workers?).ok()?,
            drain_notice: drain_notice?,
            log: log?,
            log_format: log_format?,
        })
    }

    fn storage(&mut self) -> Option<Storage> {
        let url = self.source.value("OUTDIAL_DATABASE_URL")?.to_owned();
        if let Some(path) = url.strip_prefix("sqlite://") {
            if self.source.is_set("OUTDIAL_REDIS_URL") {
                self.problem::<()>("OUTDIAL_REDIS_URL", "is set, but the embedded database keeps the lock itself: unset it, or set OUTDIAL_DATABASE_URL=postgres://...");
            }
            if path.is_empty() {
                return self.problem("OUTDIAL_DATABASE_URL", "names no file: expected sqlite://PATH");
            }
            return Some(Storage::Embedded { path: PathBuf::from(path) });
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return self.problem("OUTDIAL_DATABASE_URL", "must start with sqlite:// or postgres://");
        }
        if !self.source.is_set("OUTDIAL_VOICE_PROVIDER") {
            self.problem::<()>(
                "OUTDIAL_VOICE_PROVIDER",
                "must be set with Postgres: elevenlabs or vapi (or simulator, which rings nobody)",
            );
        }
        let max_connections = self.number("OUTDIAL_DATABASE_MAX_CONNECTIONS", 1, 1000);
        let redis = self.redis();
        let mut postgres = PostgresSettings::new(url);
        postgres.max_connections = u32::try_from(max_connections?).ok()?;
        Some(Storage::Services { postgres, redis: redis? })
    }

    fn redis(&mut self) -> Option<RedisSettings> {
        let max_connections = self.number("OUTDIAL_REDIS_MAX_CONNECTIONS", 1, 64);
        let prefix = self.source.value("OUTDIAL_REDIS_KEY_PREFIX").unwrap_or_default().to_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if prefix.is_empty() || !prefix.chars().all(plain) {
            self.problem::<()>("OUTDIAL_REDIS_KEY_PREFIX", "must be letters, digits, and - _ . :");
        }
        let Some(url) = self.source.value("OUTDIAL_REDIS_URL") else {
            return self
                .problem("OUTDIAL_REDIS_URL", "is required with Postgres: redis://... or rediss://...");
        };
        if !url.starts_with("redis://") && !url.starts_with("rediss://") {
            return self.problem("OUTDIAL_REDIS_URL", "must start with redis:// or rediss://");
        }
        let mut redis = RedisSettings::new(url.to_owned());
        redis.key_prefix = prefix;
        redis.max_connections = usize::try_from(max_connections?).ok()?;
        Some(redis)
    }

    fn voice(&mut self) -> Option<Voice> {
        match self.source.value("OUTDIAL_VOICE_PROVIDER")? {
            "simulator" => Some(Voice::Simulator { tool_secret: self.webhook_secrets()?.tool }),
            "elevenlabs" => {
                let (base_url, api_key) =
                    self.vendor("OUTDIAL_ELEVENLABS_BASE_URL", "OUTDIAL_ELEVENLABS_API_KEY")?;
                let webhook = self.webhook_secrets();
                Some(Voice::ElevenLabs { api_key, base_url, webhook: webhook? })
            }
            "vapi" => {
                let (base_url, api_key) = self.vendor("OUTDIAL_VAPI_BASE_URL", "OUTDIAL_VAPI_API_KEY")?;
                Some(Voice::Vapi { api_key, base_url })
            }
            _ => self.problem("OUTDIAL_VOICE_PROVIDER", "must be simulator, elevenlabs or vapi"),
        }
    }

    fn webhook_secrets(&mut self) -> Option<WebhookSecrets> {
        let listed = self.source.value("OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS").unwrap_or_default();
        let signing: Vec<&str> =
            listed.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect();
        let tool = self.source.value("OUTDIAL_ELEVENLABS_TOOL_SECRET");
        if signing.iter().any(|secret| secret.len() < 16) {
            return self.problem(
                "OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS",
                "must be at least 16 bytes long, each of several",
            );
        }
        if tool.is_some_and(|secret| secret.len() < 16) {
            return self.problem("OUTDIAL_ELEVENLABS_TOOL_SECRET", "must be at least 16 bytes long");
        }
        Some(WebhookSecrets {
            signing: signing.into_iter().map(SecretString::from).collect(),
            tool: tool.map(SecretString::from),
        })
    }

    /// What every vendor's API needs.
    fn vendor(&mut self, base_url: &'static str, api_key: &'static str) -> Option<(Url, SecretString)> {
        let url = self.source.value(base_url).and_then(|url| Url::parse(url).ok());
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        if url.is_none() {
            self.problem::<()>(base_url, "must be an http or https URL");
        }
        let key = match self.source.value(api_key) {
            Some(key) => key,
            None if url.as_ref().is_some_and(is_on_this_machine) => "simulated",
            None => return self.problem(api_key, "is required with this OUTDIAL_VOICE_PROVIDER"),
        };
        let key = SecretString::from(key);
        Some((url?, key))
    }

    fn auth(&mut self) -> Option<Auth> {
        let leeway = self.number("OUTDIAL_JWT_LEEWAY_SECS", 0, 10);
        let issuer = self.source.value("OUTDIAL_JWT_ISSUER").map(str::to_owned);
        let audience = self.source.value("OUTDIAL_JWT_AUDIENCE").map(str::to_owned);
        let secrets = self.source.value("OUTDIAL_JWT_SECRET").map(str::to_owned);
        let key_file = self.source.value("OUTDIAL_JWT_PUBLIC_KEY_FILE").map(PathBuf::from);
        let (name, keys) = match (secrets, key_file) {
            (Some(_), Some(_)) => {
                return self.problem(
                    "OUTDIAL_JWT_SECRET",
                    "and OUTDIAL_JWT_PUBLIC_KEY_FILE are both set: one of them decides the algorithm",
                );
            }
            (Some(secrets), None) => {
                let secrets =
                    secrets.split(',').map(|secret| SecretSlice::from(secret.trim().as_bytes().to_vec()));
                ("OUTDIAL_JWT_SECRET", JwtKeys::Hs256(secrets.collect()))
            }
            (None, Some(path)) => {
                let Ok(pem) = std::fs::read(&path) else {
                    return self.problem("OUTDIAL_JWT_PUBLIC_KEY_FILE", "names a file that cannot be read");
                };
                ("OUTDIAL_JWT_PUBLIC_KEY_FILE", JwtKeys::PublicKey(pem))
            }
            (None, None) => return self.generated_secret(issuer, audience, leeway?),
        };
        let settings = AuthSettings { keys, issuer, audience, leeway_secs: leeway? };
        match Authenticator::new(settings) {
            Ok(authenticator) => Some(Auth::Configured(authenticator)),
            Err(error) => self.problem(name, &format!("cannot be used: {error}")),
        }
    }

    /// Only where nothing real can be reached: the embedded file and the simulator.
    fn generated_secret(
        &mut self,
        issuer: Option<String>,
        audience: Option<String>,
        leeway_secs: u64,
    ) -> Option<Auth> {
        let embedded = self.source.value("OUTDIAL_DATABASE_URL")?.strip_prefix("sqlite://");
        match (embedded, self.source.value("OUTDIAL_VOICE_PROVIDER")?) {
            (Some(path), "simulator") => {
                let path = Path::new(path).with_extension("jwt-secret");
                Some(Auth::GeneratedSecret { path, issuer, audience, leeway_secs })
            }
            _ => self.problem(
                "OUTDIAL_JWT_SECRET",
                "or OUTDIAL_JWT_PUBLIC_KEY_FILE is required with Postgres or a real voice provider",
            ),
        }
    }

    fn policy(&mut self) -> Option<CallPolicy> {
        let lock_ttl = self.number("OUTDIAL_LOCK_TTL_MS", 100, 3_600_000).map(Duration::from_millis);
        let renew_every = self.number("OUTDIAL_LOCK_RENEW_MS", 20, 3_600_000).map(Duration::from_millis);
        let ringing = self.number("OUTDIAL_RINGING_TIMEOUT_SECS", 1, 999).map(Duration::from_secs);
        let margin = self.number("OUTDIAL_ANSWER_MARGIN_SECS", 1, 300).map(Duration::from_secs);
        let context = self.number("OUTDIAL_CONTEXT_TTL_HOURS", 1, 720).map(Duration::from_hours);
        match CallPolicy::new(lock_ttl?, renew_every?, ringing?, margin?, context?) {
            Ok(policy) => Some(policy),
            Err(error) => {
                self.problem("OUTDIAL_LOCK_RENEW_MS", &format!("does not fit OUTDIAL_LOCK_TTL_MS: {error}"))
            }
        }
    }

    fn log(&mut self) -> Option<String> {
        let directives = self.source.value("OUTDIAL_LOG")?.to_owned();
        match tracing_subscriber::EnvFilter::try_new(&directives) {
            Ok(_) => Some(directives),
            Err(_) => self
                .problem("OUTDIAL_LOG", "must be error, warn, info, debug or trace, or tracing directives"),
        }
    }

    fn log_format(&mut self) -> Option<LogFormat> {
        match self.source.value("OUTDIAL_LOG_FORMAT")? {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => self.problem("OUTDIAL_LOG_FORMAT", "must be text or json"),
        }
    }

    fn number(&mut self, name: &'static str, least: u64, most: u64) -> Option<u64> {
        let number: Option<u64> = self.source.value(name).and_then(|text| text.parse().ok());
        match number {
            Some(number) if (least..=most).contains(&number) => Some(number),
            _ => self.problem(name, &format!("must be a whole number from {least} to {most}")),
        }
    }

    fn parsed<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        match self.source.value(name).and_then(|text| text.parse().ok()) {
            Some(value) => Some(value),
            None => self.problem(name, &format!("must be {expected}")),
        }
    }

    /// Notes a problem, never with the value: it may be a secret.
    fn problem<T>(&mut self, name: &'static str, what: &str) -> Option<T> {
        self.problems.push(format!("{name} {what}"));
        None
    }
}

/// Plain HTTP to this very machine: a simulator, which takes any key.
fn is_on_this_machine(base_url: &Url) -> bool {
    let is_loopback = match base_url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    base_url.scheme() == "http" && is_loopback
}
