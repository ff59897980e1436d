//! The table of settings: name, type, default, bounds and help of each one.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use adapter_http::AllowedOrigins;
use adapter_jwks::KeySetLocation;
use domain::{AllowedCountries, Country, MaxShare, NumberingPlan, TrunkId};
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::kind::{
    Kind, any_text, choice, count, credential_keys, days, hours, http_url, is_loopback, limit, millis,
    seconds, secret, secret_url, secrets, text,
};
use super::reader::Reader;
use super::setting::{Setting, settings};
use crate::credential_keys::CredentialKeys;

settings! {
    /// The process: its listener, its limits and its logs.
    pub struct Process {
        /// Address and port of the API.
        bind: SocketAddr = OUTDIAL_BIND, "127.0.0.1:2212",
            Kind::new("an address with a port, like 127.0.0.1:2212", |text| text.parse().ok());
        /// Threads that serve HTTP; 0 means one for each core.
        http_workers: usize = OUTDIAL_HTTP_WORKERS, "0", count(0..=512);
        /// The origins whose web pages may call the API from a browser, separated by commas, for example
        /// `https://crm.example.com`. If empty, no page of another origin. * allows every origin.
        cors_origins: AllowedOrigins = OUTDIAL_CORS_ORIGINS, "", origins();
        /// How many calls one replica runs at the same time. It refuses further calls immediately.
        max_in_flight_dials: usize = OUTDIAL_MAX_IN_FLIGHT_DIALS, "10000", count(1..=1_000_000);
        /// How many percent of its calls in flight, event streams and delivery attempts one replica
        /// gives to one organization, so that the others always find some. With only one
        /// organization, set 100.
        max_share: MaxShare = OUTDIAL_MAX_SHARE_OF_ONE_ORGANIZATION_PERCENT, "75",
            Kind::new("a whole number from 1 to 100", |text| MaxShare::from_percent(text.parse().ok()?).ok());
        /// At start: how long to wait for Postgres and Redis if they are not reachable yet.
        start_timeout: Duration = OUTDIAL_START_TIMEOUT_SECS, "60", seconds(0..=3600);
        /// On SIGTERM: how long /readyz reports "not ready" before the listener closes. Set it
        /// longer than the load balancer's probe interval.
        drain_notice: Duration = OUTDIAL_DRAIN_NOTICE_MS, "500", millis(0..=60_000);
        /// The log level.
        log: String = OUTDIAL_LOG, "info", Kind::new("error, warn, info, debug, trace, or tracing directives", |text| {
            (!text.is_empty() && EnvFilter::try_new(text).is_ok()).then(|| text.to_owned())
        });
        /// The log format: text for people, json for a collector.
        log_format: LogFormat = OUTDIAL_LOG_FORMAT, "text",
            choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    }

    /// What operators see of the gateway beside its logs.
    pub struct Observation {
        /// Address and port of the metrics for Prometheus, under `/metrics`. If empty, there are none. They
        /// contain no personal data, but need no token: do not open the port to the internet.
        metrics_bind: Option<SocketAddr> = OUTDIAL_METRICS_BIND, "",
            Kind::new("an address with a port, like 127.0.0.1:2214", |text| text.parse().ok()).optional();
        /// How often one replica counts what waits in the database, and each one asks its stores, for the
        /// metrics.
        ledger_every: Duration = OUTDIAL_METRICS_LEDGER_EVERY_SECS, "15", seconds(1..=300);
        /// The collector of traces: the base URL of OTLP over HTTP, for example http://127.0.0.1:4318. If
        /// empty, nothing is traced. The other settings of the exporter are the variables of
        /// OpenTelemetry, like OTEL_EXPORTER_OTLP_HEADERS and OTEL_TRACES_SAMPLER.
        otlp_endpoint: Option<Url> = OUTDIAL_OTLP_ENDPOINT, "", http_url().optional();
    }

    /// Which stores and which voice provider the gateway uses.
    pub(super) struct Backends {
        /// The database: sqlite://PATH for the embedded file (one replica only), or postgres://...
        /// together with OUTDIAL_REDIS_URL. The URL of Postgres may name several servers, HOST:PORT
        /// separated by commas: the primary among them is used.
        database_url: SecretString = OUTDIAL_DATABASE_URL, "sqlite://outdial.db",
            secret_url(&["sqlite://", "postgres://", "postgresql://"]);
        /// The voice provider. The simulator is built in and rings no phone. Required with
        /// Postgres.
        voice_provider: VoiceProvider = OUTDIAL_VOICE_PROVIDER, "simulator", choice(VOICE_PROVIDERS);
        /// Where recordings are stored: a folder shared by all replicas, an S3 bucket, or nowhere.
        recordings: RecordingsUrl = OUTDIAL_RECORDINGS_URL, "file://outdial-recordings", recordings_url();
        /// The largest recording that is stored, in MiB. A larger one stays at the provider, and
        /// its call shows `recording: too-large`.
        recording_max_mib: u64 = OUTDIAL_RECORDING_MAX_MIB, "256", count(16..=4096);
    }

    /// Postgres and Redis.
    pub(super) struct Services {
        /// Most Postgres connections that one replica opens. One in five is kept for reads.
        postgres_connections: u32 = OUTDIAL_DATABASE_MAX_CONNECTIONS, "10", count(1..=1000);
        /// A replica of the database, which may be a standby: lists of calls are read from it, and may be
        /// as late as it is. While it fails, they are read from the database.
        history_url: Option<SecretString> = OUTDIAL_HISTORY_DATABASE_URL, "",
            secret_url(&["postgres://", "postgresql://"]).optional();
        /// The Redis server for locks and conversation contexts. Required with Postgres. Behind sentinels,
        /// redis+sentinel://HOST:PORT,HOST:PORT/MASTER. For a cluster, redis+cluster://HOST:PORT,HOST:PORT.
        redis_url: Option<SecretString> = OUTDIAL_REDIS_URL, "",
            secret_url(REDIS_SCHEMES).optional();
        /// Most Redis connections that one replica opens. Each one carries many parallel commands.
        redis_connections: usize = OUTDIAL_REDIS_MAX_CONNECTIONS, "2", count(1..=64);
        /// The prefix of every Redis key.
        redis_key_prefix: String = OUTDIAL_REDIS_KEY_PREFIX, "outdial",
            text("letters, digits and the characters - _ . :", |c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
    }

    pub(super) struct Tokens {
        /// The HS256 secret of the clients' tokens. To rotate it, list several: the first signs.
        secrets: Vec<SecretString> = OUTDIAL_JWT_SECRET, "", secrets(32);
        /// A PEM file with the public keys of the clients' tokens, instead of a secret. The kind of
        /// a key decides its algorithm: RS256, ES256 or EdDSA. To rotate a key, list both.
        public_key_file: Option<String> = OUTDIAL_JWT_PUBLIC_KEY_FILE, "", any_text().optional();
        /// The JSON Web Key Set of the clients' tokens, instead of a secret: a URL with https, or a
        /// file. Its keys change without a restart.
        key_set: Option<KeySetLocation> = OUTDIAL_JWT_JWKS, "", key_set().optional();
        /// How often the key set is read. It is also read when a token names a key that it lacks.
        key_set_refresh: Duration = OUTDIAL_JWT_JWKS_REFRESH_SECS, "300", seconds(10..=86_400);
        /// The `iss` that a token must have. If empty, it is not checked.
        issuer: Option<String> = OUTDIAL_JWT_ISSUER, "", any_text().optional();
        /// The `aud` that a token must have. If empty, it is not checked.
        audience: Option<String> = OUTDIAL_JWT_AUDIENCE, "", any_text().optional();
        /// How far the clocks of the issuer and the gateway may differ.
        leeway: Duration = OUTDIAL_JWT_LEEWAY_SECS, "5", seconds(0..=10);
    }

    pub(super) struct ElevenLabs {
        /// The API key of the ElevenLabs workspace. Not needed for a simulator on this machine: a
        /// base URL with http and localhost or a loopback address.
        api_key: Option<SecretString> = OUTDIAL_ELEVENLABS_API_KEY, "", secret(1).optional();
        /// The ElevenLabs API. Workspaces with data residency have other hosts.
        base_url: Url = OUTDIAL_ELEVENLABS_BASE_URL, "https://api.elevenlabs.io", http_url();
    }

    /// How webhooks of ElevenLabs are authenticated. With neither secret, every webhook is refused.
    pub struct WebhookSecrets {
        /// The secret with which ElevenLabs signs its webhooks. To rotate it, list several.
        signing: Vec<SecretString> = OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS, "", secrets(16);
        /// The bearer token of the request for a caller's details (conversation initiation).
        /// Webhooks of ElevenLabs and of the simulator may use it instead of a signature.
        tool: Option<SecretString> = OUTDIAL_ELEVENLABS_TOOL_SECRET, "", secret(16).optional();
    }

    pub(super) struct Sinch {
        /// The project of the Sinch account whose trunk `outdial sync` reads. It needs the three settings
        /// below too.
        project_id: Option<String> = OUTDIAL_SINCH_PROJECT_ID, "", any_text().optional();
        /// The id of an access key of the project.
        key_id: Option<String> = OUTDIAL_SINCH_KEY_ID, "", any_text().optional();
        /// The secret of the access key.
        key_secret: Option<SecretString> = OUTDIAL_SINCH_KEY_SECRET, "", secret(1).optional();
        /// The id of the trunk over which ElevenLabs places the calls.
        trunk_id: Option<TrunkId> = OUTDIAL_SINCH_TRUNK_ID, "",
            Kind::new("the id of a trunk", |text| TrunkId::parse(text).ok()).optional();
        /// The user name with which ElevenLabs sends calls to the trunk, for numbers that the gateway
        /// imports there. Without it the trunk must accept the addresses of ElevenLabs, which change.
        sip_username: Option<String> = OUTDIAL_SINCH_SIP_USERNAME, "", any_text().optional();
        /// The password of that user name.
        sip_password: Option<SecretString> = OUTDIAL_SINCH_SIP_PASSWORD, "", secret(1).optional();
        /// The Sinch service that issues access tokens.
        auth_url: Url = OUTDIAL_SINCH_AUTH_URL, "https://auth.sinch.com", http_url();
        /// The Sinch API of trunks.
        trunk_url: Url = OUTDIAL_SINCH_TRUNK_URL, "https://elastic-trunking.api.sinch.com", http_url();
    }

    /// The accounts that organizations have of their own at the vendors.
    pub struct Credentials {
        /// The key that seals what organizations store of their accounts, for example from
        /// `openssl rand -hex 32`. If empty, nothing can be stored. To rotate it, list several: the first
        /// seals and all open, until `outdial credentials rotate` has run.
        keys: CredentialKeys = OUTDIAL_CREDENTIALS_KEY, "", credential_keys();
        /// How often what organizations stored is read: another replica uses a change after this time.
        read_every: Duration = OUTDIAL_CREDENTIALS_REFRESH_SECS, "5", seconds(1..=3600);
        /// The URL of this gateway, at which ElevenLabs reaches it: the webhook of an organization that
        /// stores an API key leads there. If empty, no such webhook is registered.
        public_url: Option<Url> = OUTDIAL_PUBLIC_URL, "",
            Kind::new("a URL like https://gateway.example.com (http only on this machine)", public_url).optional();
    }

    /// The scheduled check of the accounts at the vendors.
    pub struct Synchronization {
        /// How often one replica compares the directory with the ElevenLabs workspace and the Sinch trunk,
        /// and logs what differs. 0 means never.
        every: Duration = OUTDIAL_SYNC_EVERY_SECS, "0", seconds(0..=604_800);
        /// Whether that check also stores what differs, as `outdial sync` does.
        apply: bool = OUTDIAL_SYNC_APPLY, "false", choice(&[("true", true), ("false", false)]);
    }

    pub(super) struct Vapi {
        /// The private API key of the Vapi organization. Not needed for a simulator on this
        /// machine: a base URL with http and localhost or a loopback address.
        api_key: Option<SecretString> = OUTDIAL_VAPI_API_KEY, "", secret(1).optional();
        /// The Vapi API.
        base_url: Url = OUTDIAL_VAPI_BASE_URL, "https://api.vapi.ai", http_url();
    }

    pub(super) struct Destinations {
        /// Number prefixes that may be called although the built-in numbering plan does not contain
        /// them yet. They lift no other rule: premium-rate numbers stay refused.
        plan: NumberingPlan = OUTDIAL_EXTRA_RANGES, "", extra_ranges();
        /// The countries that may be called, as ISO codes separated by commas, for example US,CA.
        /// If empty: those in which the organization has a caller number. * allows all countries.
        allowed: AllowedCountries = OUTDIAL_ALLOWED_COUNTRIES, "",
            Kind::new("ISO codes of countries separated by commas, like US,CA, or *", |text| {
                AllowedCountries::parse(text).ok()
            });
        /// The country whose numbers may be written as at home, without + and country code. If
        /// empty, a number without + is read as an international one.
        default_country: Option<Country> = OUTDIAL_DEFAULT_COUNTRY, "",
            Kind::new("the ISO code of a country, like US", |text| Country::parse(text).ok()).optional();
    }

    pub(super) struct OptOuts {
        /// The voice provider's id of the collected value that is true if the callee wants no more
        /// calls. Such a conversation suppresses the callee.
        collected_id: String = OUTDIAL_OPT_OUT_VALUE_ID, "opt_out", text("an id without spaces", |c| c.is_ascii_graphic());
    }

    pub(super) struct CallTimes {
        /// How long a request for a call may take before the dial, to read its parties, lock its
        /// intent and book it. After that it is refused and nothing is dialled.
        before_dial: Duration = OUTDIAL_BEFORE_DIAL_TIMEOUT_MS, "2000", millis(100..=60_000);
        /// How long a phone may ring. Vapi does not accept such a limit: with vapi, set it no
        /// shorter than the carrier lets the phone ring.
        ringing_timeout: Duration = OUTDIAL_RINGING_TIMEOUT_SECS, "60", seconds(1..=999);
        /// How long the provider may take to respond, in addition to the ringing. With vapi, which
        /// responds before the phone rings: how long it may take to respond at all.
        answer_margin: Duration = OUTDIAL_ANSWER_MARGIN_SECS, "30", seconds(1..=300);
        /// How long an intent stays locked after a call's start, each renewal and the result.
        lock_ttl: Duration = OUTDIAL_LOCK_TTL_MS, "30000", millis(100..=3_600_000);
        /// How often the lock is renewed during ringing: at most half of OUTDIAL_LOCK_TTL_MS.
        lock_renew: Duration = OUTDIAL_LOCK_RENEW_MS, "10000", millis(20..=3_600_000);
        /// How long the context of a conversation is kept for the post-call webhook.
        context_ttl: Duration = OUTDIAL_CONTEXT_TTL_HOURS, "24", hours(1..=720);
    }

    pub(super) struct Pacing {
        /// How long a call may wait before the dial because calls start too fast from its caller number or
        /// over its trunk. It waits no longer than half of OUTDIAL_LOCK_TTL_MS; a longer wait is refused.
        longest_wait: Duration = OUTDIAL_PACING_MAX_WAIT_MS, "5000", millis(0..=30_000);
        /// Most calls from one caller number that start in a minute, evenly. If empty, no limit. What the
        /// carrier allows over its trunk, `outdial sync` reads and the gateway always keeps.
        number_calls_per_minute: Option<NonZeroU32> = OUTDIAL_NUMBER_CALLS_PER_MINUTE, "",
            limit(1..=60_000).optional();
        /// Most calls of one organization that have not ended, in all replicas. If empty, no limit.
        organization_calls: Option<NonZeroU32> = OUTDIAL_MAX_CALLS_OF_ONE_ORGANIZATION, "",
            limit(1..=1_000_000).optional();
        /// Most calls over one trunk that have not ended, in all replicas. If empty, no limit.
        trunk_calls: Option<NonZeroU32> = OUTDIAL_MAX_CALLS_OVER_ONE_TRUNK, "",
            limit(1..=1_000_000).optional();
    }

    /// When the provider is polled for calls whose end is not known.
    pub struct Reconciliation {
        /// How often the provider is polled for calls whose end is not known.
        every: Duration = OUTDIAL_RECONCILE_EVERY_SECS, "30", seconds(1..=3600);
        /// How long to wait for a call's webhook before polling the provider.
        webhook_within: Duration = OUTDIAL_WEBHOOK_WITHIN_SECS, "900", seconds(1..=86_400);
    }

    pub(super) struct S3 {
        /// The S3-compatible service of the bucket. If empty: Amazon S3, in the region below.
        endpoint: Option<Url> = OUTDIAL_RECORDINGS_S3_ENDPOINT, "", http_url().optional();
        /// The region of the bucket.
        region: String = OUTDIAL_RECORDINGS_S3_REGION, "us-east-1", any_text();
        /// The id of the access key that reads and writes the bucket.
        access_key_id: Option<String> = OUTDIAL_RECORDINGS_S3_ACCESS_KEY_ID, "", any_text().optional();
        /// The secret of the access key.
        secret_access_key: Option<SecretString> = OUTDIAL_RECORDINGS_S3_SECRET_ACCESS_KEY, "",
            secret(1).optional();
    }

    /// How call events are published and delivered to webhook endpoints.
    pub struct Deliveries {
        /// How often each replica looks for call events that a process wrote and did not publish
        /// before it ended: their longest delay. The others are published without such a look.
        publish_every: Duration = OUTDIAL_PUBLISH_EVERY_MS, "2000", millis(10..=3_600_000);
        /// The shortest pause between two batches of call events of a replica. A longer one costs
        /// the database less, and delays the events of a busy replica.
        publish_pause: Duration = OUTDIAL_PUBLISH_PAUSE_MS, "50", millis(20..=3_600_000);
        /// How long a webhook endpoint may take to respond.
        timeout: Duration = OUTDIAL_DELIVERY_TIMEOUT_MS, "15000", millis(100..=30_000);
        /// The pause between the first attempt of a delivery and the second one. Each later pause
        /// is three times as long, up to 6 hours.
        first_pause: Duration = OUTDIAL_DELIVERY_FIRST_PAUSE_MS, "5000", millis(10..=3_600_000);
        /// How long a delivery is attempted before it becomes a dead letter. The default is 3 days.
        give_up_after: Duration = OUTDIAL_DELIVERY_GIVE_UP_SECS, "259200", seconds(1..=2_592_000);
        /// Whether call events may be sent over plain http and to addresses that are not public.
        allow_private: bool = OUTDIAL_DELIVERY_ALLOW_PRIVATE, "false",
            choice(&[("true", true), ("false", false)]);
    }

    /// For how long data is kept. Opt-outs, consents and the record of changes are never removed by age.
    pub(super) struct Kept {
        /// How many days calls are kept after their booking, with everything that belongs to them. If empty,
        /// for ever: in the US, records of calls must be kept for up to 5 years. A calling policy may look
        /// back for 366 days.
        calls: Option<Duration> = OUTDIAL_KEEP_CALLS_DAYS, "", days(366..=36_500).optional();
        /// How many days the transcript, the summary and the analysis of a call are kept after its booking.
        /// If empty, as long as the call.
        transcripts: Option<Duration> = OUTDIAL_KEEP_TRANSCRIPTS_DAYS, "", days(1..=36_500).optional();
        /// How many days the recording of a call is kept after its booking. If empty, as long as the call.
        recordings: Option<Duration> = OUTDIAL_KEEP_RECORDINGS_DAYS, "", days(1..=36_500).optional();
        /// How many days a provider event is kept after the ledger has it. It contains the transcript. If
        /// empty, for ever.
        provider_events: Option<Duration> = OUTDIAL_KEEP_PROVIDER_EVENTS_DAYS, "90", days(1..=36_500).optional();
        /// How many days call events are kept, and deliveries after they were concluded. Event streams can be
        /// resumed, and deliveries replayed, for so long. If empty, as long as the call.
        deliveries: Option<Duration> = OUTDIAL_KEEP_DELIVERIES_DAYS, "90", days(3..=36_500).optional();
        /// How many days is kept what decisions on calls rested on: the decision of a call, counts of refused
        /// requests, attempts that no cap counts any more, numbers that left a do-not-call list. If empty, the
        /// decision as long as the call and the rest for ever.
        decisions: Option<Duration> = OUTDIAL_KEEP_DECISIONS_DAYS, "", days(1..=36_500).optional();
        /// How many hours an idempotency key is kept after the end of its call.
        idempotency_keys: Duration = OUTDIAL_KEEP_IDEMPOTENCY_KEYS_HOURS, "24", hours(1..=720);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// One JSON object per line.
    Json,
}

/// How the URL of Redis begins: one server or sentinels, without or with TLS.
const REDIS_SCHEMES: &[&str] = &[
    "redis://",
    "rediss://",
    "redis+sentinel://",
    "rediss+sentinel://",
    "redis+cluster://",
    "rediss+cluster://",
];

/// The voice providers, with the names that operators set and clients read. Every text that lists
/// them is made from this, or compared with it by a test.
pub(super) const VOICE_PROVIDERS: &[(&str, VoiceProvider)] = &[
    ("simulator", VoiceProvider::Simulator),
    ("elevenlabs", VoiceProvider::ElevenLabs),
    ("vapi", VoiceProvider::Vapi),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VoiceProvider {
    Simulator,
    ElevenLabs,
    Vapi,
}

#[derive(Debug, Clone)]
pub(super) enum RecordingsUrl {
    Nowhere,
    Folder(PathBuf),
    Bucket { bucket: String, prefix: String },
}

fn origins() -> Kind<AllowedOrigins> {
    Kind::new("origins like https://crm.example.com or http://localhost:3000, without a path, or *", |text| {
        if text == "*" {
            return Some(AllowedOrigins::Any);
        }
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        // A browser compares the texts: another spelling of an origin would never match.
        let origin = |item: &str| {
            let url = Url::parse(item).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
            let origin = url.origin().ascii_serialization();
            (origin == item && !item.contains('*')).then_some(origin)
        };
        let origins = items.map(origin).collect::<Option<Vec<_>>>()?;
        Some(if origins.is_empty() { AllowedOrigins::None } else { AllowedOrigins::Listed(origins) })
    })
}

fn key_set() -> Kind<KeySetLocation> {
    Kind::new("https://HOST/PATH, or file://PATH (http only on this machine)", |text| {
        if let Some(path) = text.strip_prefix("file://") {
            return (!path.is_empty()).then(|| KeySetLocation::File(path.into()));
        }
        // Over http, another host could answer with its own keys.
        let url = Url::parse(text).ok()?;
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        let has_login = !url.username().is_empty() || url.password().is_some();
        (is_safe && !has_login).then_some(KeySetLocation::Url(url))
    })
}

/// Events have phone numbers and transcripts: over plain http on this machine only.
fn public_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (is_private && is_plain && url.host().is_some()).then_some(url)
}

fn extra_ranges() -> Kind<NumberingPlan> {
    Kind::new(
        "E.164 prefixes of 3 to 15 digits that may be called, like +61496, separated by commas",
        |text| {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            NumberingPlan::with_extra_ranges(items).ok()
        },
    )
}

fn recordings_url() -> Kind<RecordingsUrl> {
    Kind::new("file://FOLDER, s3://BUCKET, s3://BUCKET/PREFIX or none", |text| {
        if text == "none" {
            return Some(RecordingsUrl::Nowhere);
        }
        if let Some(folder) = text.strip_prefix("file://") {
            return (!folder.is_empty()).then(|| RecordingsUrl::Folder(folder.into()));
        }
        let bucket = text.strip_prefix("s3://")?;
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        Some(RecordingsUrl::Bucket { bucket: bucket.into(), prefix: prefix.into() })
    })
}
