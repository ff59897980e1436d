use std::fmt::Write as _;

/// One setting, as operators know it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// What it is where it is not set; empty for nothing.
    pub default: &'static str,
    /// What it does, in a line or two.
    pub help: &'static str,
}

const fn setting(name: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { name, default, help }
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    setting("OUTDIAL_BIND", "127.0.0.1:2212", "Address and port that the API listens on."),
    setting(
        "OUTDIAL_DATABASE_URL",
        "sqlite://outdial.db",
        "Where the books are kept: sqlite://PATH for the embedded file (one replica), or postgres://... with OUTDIAL_REDIS_URL.",
    ),
    setting("OUTDIAL_DATABASE_MAX_CONNECTIONS", "10", "Postgres connections that one replica opens at most."),
    setting(
        "OUTDIAL_REDIS_URL",
        "",
        "Lock and context cache: redis://... or rediss://...; required with Postgres.",
    ),
    setting(
        "OUTDIAL_REDIS_MAX_CONNECTIONS",
        "2",
        "Redis connections that one replica opens at most; each carries many commands at once.",
    ),
    setting("OUTDIAL_REDIS_KEY_PREFIX", "outdial", "What every Redis key starts with."),
    setting(
        "OUTDIAL_JWT_SECRET",
        "",
        "HS256 secret of the tokens, at least 32 bytes; several, separated by commas, while rotating (the first one signs).",
    ),
    setting(
        "OUTDIAL_JWT_PUBLIC_KEY_FILE",
        "",
        "PEM file with the public key of the tokens, instead of a secret: RS256, ES256 or EdDSA by the kind of key.",
    ),
    setting("OUTDIAL_JWT_ISSUER", "", "The `iss` that a token must have; empty: not looked at."),
    setting("OUTDIAL_JWT_AUDIENCE", "", "The `aud` that a token must have; empty: not looked at."),
    setting(
        "OUTDIAL_JWT_LEEWAY_SECS",
        "5",
        "How far clocks may differ when a token's times are checked: 0 to 10.",
    ),
    setting(
        "OUTDIAL_VOICE_PROVIDER",
        "simulator",
        "Who dials: `simulator` (in process, rings nobody), `elevenlabs` or `vapi`. Must be set with Postgres.",
    ),
    setting(
        "OUTDIAL_ELEVENLABS_API_KEY",
        "",
        "The ElevenLabs workspace's key; not needed where the API is a simulator at http://127.0.0.1 or http://localhost.",
    ),
    setting(
        "OUTDIAL_ELEVENLABS_BASE_URL",
        "https://api.elevenlabs.io",
        "The ElevenLabs API; other residencies have other hosts.",
    ),
    setting(
        "OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS",
        "",
        "Secrets that ElevenLabs signs its webhooks with; several, separated by commas, while rotating.",
    ),
    setting(
        "OUTDIAL_ELEVENLABS_TOOL_SECRET",
        "",
        "A bearer token that its webhooks (the simulator's too) may show instead, and its question who calls must show: at least 16 bytes.",
    ),
    setting(
        "OUTDIAL_VAPI_API_KEY",
        "",
        "The Vapi organization's private key; not needed where the API is a simulator at http://127.0.0.1 or http://localhost.",
    ),
    setting("OUTDIAL_VAPI_BASE_URL", "https://api.vapi.ai", "The Vapi API."),
    setting(
        "OUTDIAL_RINGING_TIMEOUT_SECS",
        "60",
        "How long a phone may ring: 1 to 999. With `vapi`, which cannot be told: at least as long as the carrier rings.",
    ),
    setting(
        "OUTDIAL_ANSWER_MARGIN_SECS",
        "30",
        "How much longer than the ringing the provider may take to answer: 1 to 300. With `vapi`: how long at all.",
    ),
    setting(
        "OUTDIAL_LOCK_TTL_MS",
        "30000",
        "How long one intent is locked, from its start, each renewal and its result.",
    ),
    setting(
        "OUTDIAL_LOCK_RENEW_MS",
        "10000",
        "How often the lock is renewed while the phone rings: at most half of OUTDIAL_LOCK_TTL_MS.",
    ),
    setting(
        "OUTDIAL_CONTEXT_TTL_HOURS",
        "24",
        "How long a conversation's context waits for the post-call webhook.",
    ),
    setting(
        "OUTDIAL_RECONCILE_EVERY_SECS",
        "30",
        "How often the provider is asked for calls whose end it did not tell: 1 to 3600.",
    ),
    setting(
        "OUTDIAL_WEBHOOK_WITHIN_SECS",
        "900",
        "How long after a call was placed its webhook must have come; then the provider is asked.",
    ),
    setting(
        "OUTDIAL_RECORDINGS_URL",
        "file://outdial-recordings",
        "Where recordings are kept: file://FOLDER (one that all replicas share), s3://BUCKET or s3://BUCKET/PREFIX, or `none`.",
    ),
    setting(
        "OUTDIAL_RECORDINGS_S3_ENDPOINT",
        "",
        "The S3-compatible service of the bucket; empty: Amazon's, in its region.",
    ),
    setting("OUTDIAL_RECORDINGS_S3_REGION", "us-east-1", "The bucket's region."),
    setting("OUTDIAL_RECORDINGS_S3_ACCESS_KEY_ID", "", "The key that may read and write there."),
    setting("OUTDIAL_RECORDINGS_S3_SECRET_ACCESS_KEY", "", "Its secret."),
    setting(
        "OUTDIAL_PUBLISH_EVERY_MS",
        "200",
        "How often each replica looks for events of calls to publish: 10 to 3600000. They are seen so much later at most.",
    ),
    setting(
        "OUTDIAL_DELIVERY_TIMEOUT_MS",
        "15000",
        "How long the receiver of an event may take to answer: 100 to 30000.",
    ),
    setting(
        "OUTDIAL_DELIVERY_FIRST_PAUSE_MS",
        "5000",
        "How long after its first failure an event is sent again; each later pause is three times as long, up to 6 hours.",
    ),
    setting(
        "OUTDIAL_DELIVERY_GIVE_UP_SECS",
        "259200",
        "How long an event is sent again before it is a dead letter: 3 days.",
    ),
    setting(
        "OUTDIAL_DELIVERY_ALLOW_PRIVATE",
        "false",
        "Whether events may be sent to plain http and to addresses that are not public: true or false.",
    ),
    setting(
        "OUTDIAL_MAX_IN_FLIGHT_DIALS",
        "10000",
        "How many calls one replica has under way; further ones are turned away before anything is looked up.",
    ),
    setting("OUTDIAL_HTTP_WORKERS", "0", "Threads that serve HTTP; 0: one for each core."),
    setting(
        "OUTDIAL_DRAIN_NOTICE_MS",
        "500",
        "On SIGTERM, how long /readyz says no before the listener stops: longer than the load balancer's probe interval.",
    ),
    setting(
        "OUTDIAL_LOG",
        "info",
        "What is logged: error, warn, info, debug or trace, or tracing directives.",
    ),
    setting("OUTDIAL_LOG_FORMAT", "text", "How it is logged: text or json."),
];

/// Every setting with its default and its meaning, as a settings file in which each is commented out.
#[must_use]
pub fn env_example() -> String {
    let mut text = String::from(
        "# Every setting of Outdial, with its default. Set them in the environment, in a file named `.env` where `outdial`\n\
         # starts, or in a file given with --config. With none set, `outdial serve` needs nothing else.\n",
    );
    for Setting { name, default, help } in SETTINGS {
        write!(text, "\n# {help}\n# {name}={default}\n").expect("writing to a string does not fail");
    }
    text
}
