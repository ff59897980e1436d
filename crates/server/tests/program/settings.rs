//! Settings from an operator's view: documented, checked together, and refused by name.

use adapter_http::AllowedOrigins;
use domain::{AllowedCountries, Country};
use server::{Auth, Storage, Voice, env_example, settings, vendors};

use crate::running::{PRODUCTION, load, outdial};

#[test]
fn the_example_file_lists_every_setting() {
    let committed = include_str!("../../../../.env.example");
    assert_eq!(committed, env_example(), "regenerate it: cargo run --bin outdial -- settings > .env.example");
    for setting in settings() {
        let line = format!("\n# {}={}\n", setting.name, setting.default);
        assert!(committed.contains(&line), "{}", setting.name);
    }
    let (succeeded, printed, _) = outdial(&["settings"], &[]);
    assert!(succeeded);
    assert_eq!(printed, committed);
}

#[test]
fn the_openapi_document_is_printed() {
    let (succeeded, printed, _) = outdial(&["openapi"], &[]);
    assert!(succeeded);
    assert_eq!(printed, include_str!("../../../../docs/openapi.yaml"), "regenerate it: make generate");
    let (succeeded, printed, _) = outdial(&["openapi", "--provider"], &[]);
    assert!(succeeded);
    assert_eq!(
        printed,
        include_str!("../../../../docs/openapi-provider.yaml"),
        "regenerate it: make generate"
    );
}

#[test]
fn with_nothing_set_everything_is_embedded() {
    let settings = load(&[]).expect("the defaults are good");
    assert!(settings.is_demo());
    assert_eq!(settings.process.bind.to_string(), "127.0.0.1:2212");
}

#[test]
fn production_is_five_variables_and_each_is_missed_by_name() {
    let settings = load(&PRODUCTION).expect("good settings");
    assert!(matches!(settings.storage, Storage::Services { .. }));
    assert!(matches!(settings.voice, Voice::ElevenLabs { .. }));
    let mut other_vendor = PRODUCTION;
    (other_vendor[2].1, other_vendor[3].0) = ("vapi", "OUTDIAL_VAPI_API_KEY");
    let settings = load(&other_vendor).expect("good settings");
    assert!(
        matches!(settings.voice, Voice::Vapi { base_url, .. } if base_url.as_str() == "https://api.vapi.ai/")
    );
    let error = load(&[&other_vendor[..3], &PRODUCTION[3..]].concat()).expect_err("the other vendor's key");
    assert!(error.contains("OUTDIAL_VAPI_API_KEY"), "{error}");
    for (missing, _) in &PRODUCTION[1..] {
        let rest: Vec<_> = PRODUCTION.into_iter().filter(|(name, _)| name != missing).collect();
        let error = load(&rest).expect_err("one is missing");
        assert!(error.contains(missing), "{missing}: {error}");
    }
}

#[test]
fn a_simulator_on_this_machine_needs_no_key_and_every_other_host_does() {
    let without_key = PRODUCTION.into_iter().filter(|(name, _)| *name != "OUTDIAL_ELEVENLABS_API_KEY");
    let without_key: Vec<_> = without_key.collect();
    for (base_url, accepted) in [
        ("http://127.0.0.1:2213", true),
        ("http://[::1]:2213", true),
        ("http://localhost:2213", true),
        ("https://127.0.0.1:2213", false),
        ("http://127.0.0.1.example.com", false),
        ("http://simulator:2213", false),
    ] {
        let mut settings = without_key.clone();
        settings.push(("OUTDIAL_ELEVENLABS_BASE_URL", base_url));
        match load(&settings) {
            Ok(_) => assert!(accepted, "{base_url}"),
            Err(error) => {
                assert!(!accepted && error.contains("OUTDIAL_ELEVENLABS_API_KEY"), "{base_url}: {error}")
            }
        }
    }
}

#[test]
fn with_a_generated_secret_issuer_and_audience_are_checked_too() {
    let settings = [("OUTDIAL_JWT_ISSUER", "the-issuer"), ("OUTDIAL_JWT_AUDIENCE", "the-audience")];
    let settings = load(&settings).expect("good settings");
    let Auth::GeneratedSecret { rules, .. } = settings.auth else { panic!("no secret is configured") };
    assert_eq!(
        (rules.issuer.as_deref(), rules.audience.as_deref()),
        (Some("the-issuer"), Some("the-audience"))
    );
}

#[test]
fn a_log_that_no_terminal_shows_has_no_colours() {
    let (_, _, stderr) = outdial(&["migrate"], &[("OUTDIAL_LOG", "trace")]);
    assert!(stderr.contains("sqlx"), "something is logged: {stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
}

#[test]
fn every_problem_is_reported_at_once_and_no_value_is_quoted() {
    let error = load(&[
        ("OUTDIAL_BIND", "nowhere"),
        ("OUTDIAL_DATABASE_URL", "mysql://user:hunter2@host/db"),
        ("OUTDIAL_JWT_SECRET", "hunter2"),
        ("OUTDIAL_RINGING_TIMEOUT_SECS", "1000"),
        ("OUTDIAL_LOG", "=="),
        ("OUTDIAL_LOG_FORMAT", "xml"),
        ("OUTDIAL_MAX_IN_FLIGHT_DIALS", "0"),
    ])
    .expect_err("none of these is good");
    for name in [
        "OUTDIAL_BIND",
        "OUTDIAL_DATABASE_URL",
        "OUTDIAL_JWT_SECRET",
        "OUTDIAL_RINGING_TIMEOUT_SECS",
        "OUTDIAL_LOG",
        "OUTDIAL_LOG_FORMAT",
        "OUTDIAL_MAX_IN_FLIGHT_DIALS",
    ] {
        assert!(error.contains(&format!("\n  {name} ")), "{name}: {error}");
    }
    assert!(!error.contains("hunter2"), "{error}");
}

/// Settings with which every group of the table is read.
fn complete() -> Vec<(&'static str, &'static str)> {
    let recordings = [
        ("OUTDIAL_RECORDINGS_URL", "s3://bucket/prefix"),
        ("OUTDIAL_RECORDINGS_S3_ACCESS_KEY_ID", "an-id"),
        ("OUTDIAL_RECORDINGS_S3_SECRET_ACCESS_KEY", "a-key"),
    ];
    [&PRODUCTION[..], &recordings, &SINCH, &TRUNK_LOGIN].concat()
}

/// The account of the carrier.
const SINCH: [(&str, &str); 4] = [
    ("OUTDIAL_SINCH_PROJECT_ID", "project-1"),
    ("OUTDIAL_SINCH_KEY_ID", "key-1"),
    ("OUTDIAL_SINCH_KEY_SECRET", "a-key"),
    ("OUTDIAL_SINCH_TRUNK_ID", "trunk-1"),
];

const TRUNK_LOGIN: [(&str, &str); 2] =
    [("OUTDIAL_SINCH_SIP_USERNAME", "acme"), ("OUTDIAL_SINCH_SIP_PASSWORD", "a-password")];

#[test]
fn the_login_of_the_trunk_is_whole_or_absent() {
    assert!(load(&PRODUCTION).expect("good settings").trunk_login.is_none());
    let login = load(&complete()).expect("good settings").trunk_login.expect("it is configured");
    assert_eq!(login.username, "acme");
    for (missing, _) in TRUNK_LOGIN {
        let values: Vec<_> = complete().into_iter().filter(|(name, _)| *name != missing).collect();
        let error = load(&values).expect_err(missing);
        assert!(error.contains(&format!("{missing} is required")), "{error}");
    }
}

#[test]
fn the_account_of_the_carrier_is_configured_as_a_whole_or_not_at_all() {
    assert!(load(&PRODUCTION).expect("good settings").sinch.is_none());
    let sinch = load(&complete()).expect("good settings").sinch.expect("it is configured");
    assert_eq!((sinch.project_id.as_str(), sinch.trunk_id.as_str()), ("project-1", "trunk-1"));
    for (missing, _) in SINCH {
        let values: Vec<_> = complete().into_iter().filter(|(name, _)| *name != missing).collect();
        let error = load(&values).expect_err(missing);
        assert!(error.contains(&format!("{missing} is required")), "{error}");
        assert_eq!(error.matches("is required").count(), 1, "{error}");
    }
}

#[test]
fn every_default_is_within_the_bounds_of_its_setting() {
    for setting in settings() {
        assert!(setting.accepts(setting.default), "{}", setting.name);
    }
    load(&complete()).expect("good settings");
}

#[test]
fn the_help_and_the_error_name_the_same_bounds() {
    for (name, unit, min, max) in [
        ("OUTDIAL_HTTP_WORKERS", "", 0, 512),
        ("OUTDIAL_DATABASE_MAX_CONNECTIONS", "", 1, 1000),
        ("OUTDIAL_LOCK_TTL_MS", " of milliseconds", 100, 3_600_000),
        ("OUTDIAL_RINGING_TIMEOUT_SECS", " of seconds", 1, 999),
        ("OUTDIAL_CONTEXT_TTL_HOURS", " of hours", 1, 720),
    ] {
        let setting = settings().into_iter().find(|setting| setting.name == name).expect("a setting");
        let expected = format!("a whole number{unit} from {min} to {max}");
        assert!(setting.help.contains(&format!("Value: {expected}.")), "{name}: {:?}", setting.help);
        assert!(setting.accepts(&min.to_string()) && setting.accepts(&max.to_string()), "{name}");
        let above = (max + 1).to_string();
        for bad in ["", "-1", "1.5", "many", &above] {
            assert!(!setting.accepts(bad), "{name}: {bad}");
            let error = load(&[&complete()[..], &[(name, bad)]].concat()).expect_err(name);
            assert!(error.contains(&format!("\n  {name} must be {expected}")), "{error}");
        }
    }
}

#[test]
fn the_value_of_a_setting_is_in_no_error_and_a_secret_is_in_no_debug_output() {
    const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";
    let secrets: Vec<_> = settings().into_iter().filter(|setting| setting.is_secret).collect();
    let names: Vec<_> = secrets.iter().map(|setting| setting.name).collect();
    assert_eq!(
        names,
        [
            "OUTDIAL_DATABASE_URL",
            "OUTDIAL_HISTORY_DATABASE_URL",
            "OUTDIAL_REDIS_URL",
            "OUTDIAL_JWT_SECRET",
            "OUTDIAL_ELEVENLABS_API_KEY",
            "OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS",
            "OUTDIAL_ELEVENLABS_TOOL_SECRET",
            "OUTDIAL_SINCH_KEY_SECRET",
            "OUTDIAL_SINCH_SIP_PASSWORD",
            "OUTDIAL_CREDENTIALS_KEY",
            "OUTDIAL_VAPI_API_KEY",
            "OUTDIAL_RECORDINGS_S3_SECRET_ACCESS_KEY",
        ]
    );
    for provider in vendors() {
        let mut values = complete();
        values.push(("OUTDIAL_VOICE_PROVIDER", provider));
        values.extend(names.iter().map(|name| match *name {
            "OUTDIAL_DATABASE_URL" | "OUTDIAL_HISTORY_DATABASE_URL" => {
                (*name, "postgres://user:hunter2@host/database")
            }
            "OUTDIAL_REDIS_URL" => (*name, "redis://user:hunter2@host"),
            // Base64 of 32 bytes.
            "OUTDIAL_CREDENTIALS_KEY" => (*name, "hunter2hunter2hunter2hunter2hunter2hunter2w="),
            _ => (*name, SECRET),
        }));
        let shown = format!("{:?}", load(&values).expect("good settings"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    for setting in settings() {
        for value in ["hunter2", SECRET, "://hunter2"] {
            let error = load(&[&complete()[..], &[(setting.name, value)]].concat()).err().unwrap_or_default();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

#[test]
fn countries_are_checked_at_start() {
    let destinations = |values| load(values).expect("good settings").destinations;
    assert_eq!(destinations(&[]).allowed, AllowedCountries::OwnNumbers);
    let set = destinations(&[("OUTDIAL_ALLOWED_COUNTRIES", "US, CA"), ("OUTDIAL_DEFAULT_COUNTRY", "US")]);
    assert_eq!(Ok(set.allowed), AllowedCountries::parse("US,CA"));
    assert_eq!(set.default_country, Country::parse("US").ok());
    assert_eq!(destinations(&[("OUTDIAL_ALLOWED_COUNTRIES", "*")]).allowed, AllowedCountries::All);
    for (name, bad, expected) in [
        ("OUTDIAL_ALLOWED_COUNTRIES", "USA", "must be ISO codes of countries"),
        ("OUTDIAL_ALLOWED_COUNTRIES", "US,*", "must be ISO codes of countries"),
        ("OUTDIAL_DEFAULT_COUNTRY", "1", "must be the ISO code of a country"),
    ] {
        let error = load(&[(name, bad)]).expect_err(bad);
        assert!(error.contains(&format!("\n  {name} {expected}")), "{error}");
    }
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    let origins =
        |text| load(&[("OUTDIAL_CORS_ORIGINS", text)]).map(|settings| settings.process.cors_origins);
    assert_eq!(load(&[]).expect("good settings").process.cors_origins, AllowedOrigins::None);
    assert_eq!(origins("*"), Ok(AllowedOrigins::Any));
    let two = ["https://crm.example.com", "http://localhost:3000"];
    let listed = AllowedOrigins::Listed(two.map(str::to_owned).into());
    assert_eq!(origins("https://crm.example.com , http://localhost:3000"), Ok(listed));
    for bad in [
        "crm.example.com",
        "https://crm.example.com/",
        "https://crm.example.com/app",
        "https://CRM.example.com",
        "https://crm.example.com:443",
        "https://*.example.com",
        "ftp://crm.example.com",
        "null",
        "*,https://crm.example.com",
    ] {
        let error = origins(bad).expect_err(bad);
        assert!(error.contains("OUTDIAL_CORS_ORIGINS must be origins like"), "{error}");
    }
}

#[test]
fn a_key_set_comes_over_https_or_from_this_machine() {
    for (location, accepted) in [
        ("https://id.example.com/jwks?policy=a", true),
        ("file:///etc/outdial/jwks.json", true),
        ("http://127.0.0.1:8080/jwks", true),
        ("http://id.example.com/jwks", false),
        ("https://user:hunter2@id.example.com/jwks", false),
        ("file://", false),
        ("jwks.json", false),
    ] {
        match load(&[("OUTDIAL_JWT_JWKS", location)]) {
            Ok(settings) => assert!(accepted && matches!(settings.auth, Auth::KeySet { .. }), "{location}"),
            Err(error) => assert!(!accepted && error.contains("OUTDIAL_JWT_JWKS must be"), "{error}"),
        }
    }
}

#[test]
fn extra_number_ranges_are_checked_at_start() {
    let number = |text| domain::PhoneNumber::parse(text).expect("E.164");
    let settings = load(&[("OUTDIAL_EXTRA_RANGES", "+9991, +9992,")]).expect("good settings");
    assert!(settings.destinations.plan.contains(&number("+999123456789")));
    assert!(settings.destinations.plan.contains(&number("+999223456789")));
    assert!(!settings.destinations.plan.contains(&number("+999323456789")));
    for bad in ["999", "+1", "+9991;+9992", "+9991 +9992", "+999x", "+8701", "+1900"] {
        let error = load(&[("OUTDIAL_EXTRA_RANGES", bad)]).expect_err(bad);
        assert!(error.contains("\n  OUTDIAL_EXTRA_RANGES must be E.164 prefixes"), "{error}");
    }
}

#[test]
fn a_problem_is_not_reported_with_its_consequences() {
    let error = load(&[
        ("OUTDIAL_DATABASE_URL", "mysql://host/db"),
        ("OUTDIAL_REDIS_URL", "redis://127.0.0.1"),
        ("OUTDIAL_VOICE_PROVIDER", "elevenlabs"),
        ("OUTDIAL_ELEVENLABS_API_KEY", "a-key"),
        ("OUTDIAL_JWT_SECRET", "short"),
        ("OUTDIAL_LOCK_TTL_MS", "1"),
        ("OUTDIAL_LOCK_RENEW_MS", "20000"),
    ])
    .expect_err("three settings are bad");
    let named: Vec<_> = error.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(named, ["OUTDIAL_DATABASE_URL", "OUTDIAL_JWT_SECRET", "OUTDIAL_LOCK_TTL_MS"], "{error}");
}

#[test]
fn a_setting_that_is_not_used_is_not_checked() {
    load(&[
        ("OUTDIAL_REDIS_MAX_CONNECTIONS", "0"),
        ("OUTDIAL_RECORDINGS_S3_ENDPOINT", "nowhere"),
        ("OUTDIAL_VAPI_BASE_URL", "nowhere"),
    ])
    .expect("the embedded database and the simulator use none of these");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let lapses =
        load(&[("OUTDIAL_LOCK_TTL_MS", "10000"), ("OUTDIAL_LOCK_RENEW_MS", "9000")]).expect_err("lapses");
    assert!(lapses.contains("OUTDIAL_LOCK_RENEW_MS") && lapses.contains("OUTDIAL_LOCK_TTL_MS"), "{lapses}");
    let secret = ("OUTDIAL_JWT_SECRET", "a secret that is long enough for HS256");
    for other in [("OUTDIAL_JWT_PUBLIC_KEY_FILE", "key.pem"), ("OUTDIAL_JWT_JWKS", "file://jwks.json")] {
        let two = load(&[secret, other]).expect_err("two keys");
        assert!(two.contains(&format!("OUTDIAL_JWT_SECRET and {} are set", other.0)), "{two}");
    }
    let lock = load(&[("OUTDIAL_REDIS_URL", "redis://127.0.0.1")]).expect_err("Redis is not used");
    assert!(lock.contains("OUTDIAL_REDIS_URL"), "{lock}");
    let replica = load(&[("OUTDIAL_HISTORY_DATABASE_URL", "postgres://127.0.0.1/outdial")]);
    let replica = replica.expect_err("the file has no replica");
    assert!(replica.contains("OUTDIAL_HISTORY_DATABASE_URL"), "{replica}");
    let real = load(&[("OUTDIAL_VOICE_PROVIDER", "elevenlabs"), ("OUTDIAL_ELEVENLABS_API_KEY", "a-key")]);
    assert!(real.expect_err("a secret is generated for the simulator only").contains("OUTDIAL_JWT_SECRET"));
    for invalid in ["OUTDIAL_DATABASE_URL", "OUTDIAL_VOICE_PROVIDER"] {
        let error = load(&[(invalid, "something-else")]).expect_err("it may be a real gateway");
        assert!(error.contains(invalid) && error.contains("\n  OUTDIAL_JWT_SECRET "), "{error}");
    }
}

#[test]
fn times_for_which_data_is_kept_that_contradict_each_other_are_refused() {
    let kept = |name: &str| format!("OUTDIAL_KEEP_{name}");
    for (first, second, named) in [
        (("CALLS_DAYS", "400"), ("TRANSCRIPTS_DAYS", "401"), "TRANSCRIPTS_DAYS"),
        (("CALLS_DAYS", "400"), ("RECORDINGS_DAYS", "401"), "RECORDINGS_DAYS"),
        (("CALLS_DAYS", "400"), ("DELIVERIES_DAYS", "401"), "DELIVERIES_DAYS"),
        (("CALLS_DAYS", "400"), ("DECISIONS_DAYS", "401"), "DECISIONS_DAYS"),
        (("TRANSCRIPTS_DAYS", "30"), ("CALLS_DAYS", ""), "PROVIDER_EVENTS_DAYS"),
        (("CALLS_DAYS", "400"), ("PROVIDER_EVENTS_DAYS", ""), "PROVIDER_EVENTS_DAYS"),
        (("DELIVERIES_DAYS", "3"), ("CALLS_DAYS", ""), "DELIVERIES_DAYS"),
        (("IDEMPOTENCY_KEYS_HOURS", "720"), ("DELIVERIES_DAYS", "30"), "DELIVERIES_DAYS"),
    ] {
        let (first, second) = ((kept(first.0), first.1), (kept(second.0), second.1));
        let error = load(&[(&first.0, first.1), (&second.0, second.1)]).expect_err("they contradict");
        assert!(error.contains(&format!("\n  {} ", kept(named))), "{first:?} {second:?}: {error}");
    }
    let short = [("OUTDIAL_KEEP_IDEMPOTENCY_KEYS_HOURS", "1"), ("OUTDIAL_LOCK_TTL_MS", "3600000")];
    let error = load(&short).expect_err("a key would be removed before its reservation");
    assert!(error.contains("\n  OUTDIAL_KEEP_IDEMPOTENCY_KEYS_HOURS "), "{error}");
    let good = [
        ("OUTDIAL_KEEP_CALLS_DAYS", "1826"),
        ("OUTDIAL_KEEP_TRANSCRIPTS_DAYS", "30"),
        ("OUTDIAL_KEEP_PROVIDER_EVENTS_DAYS", "30"),
        ("OUTDIAL_KEEP_RECORDINGS_DAYS", "30"),
        ("OUTDIAL_KEEP_DECISIONS_DAYS", "1826"),
    ];
    let settings = load(&good).expect("they agree");
    let days = |days: u64| Some(std::time::Duration::from_hours(24 * days));
    assert_eq!(settings.retention.calls, days(1826));
    assert_eq!((settings.retention.transcripts, settings.retention.deliveries), (days(30), days(90)));
}

#[test]
fn a_misspelt_setting_is_refused() {
    let (succeeded, _, stderr) = outdial(&["token", "--user", "u1"], &[("OUTDIAL_JWT_SECRTE", "x")]);
    assert!(!succeeded && stderr.contains("OUTDIAL_JWT_SECRTE"), "{stderr}");
}
