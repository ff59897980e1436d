//! Settings as an operator meets them: documented, checked together, and refused by name.

use std::process::Command;

use server::{Auth, SETTINGS, Settings, Source, Storage, Voice, env_example};

/// The program's answer to these settings alone.
fn outdial(arguments: &[&str], settings: &[(&str, &str)]) -> (bool, String, String) {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_outdial"));
    command.args(arguments).env_clear().envs(settings.iter().copied()).current_dir(folder.path());
    let ended = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (ended.status.success(), text(ended.stdout), text(ended.stderr))
}

fn load(settings: &[(&'static str, &'static str)]) -> Result<Settings, String> {
    let source = Source::of(settings.iter().copied()).map_err(|error| error.to_string())?;
    Settings::load(&source).map_err(|error| error.to_string())
}

const PRODUCTION: [(&str, &str); 5] = [
    ("OUTDIAL_DATABASE_URL", "postgres://outdial@127.0.0.1/outdial"),
    ("OUTDIAL_REDIS_URL", "redis://127.0.0.1/0"),
    ("OUTDIAL_VOICE_PROVIDER", "elevenlabs"),
    ("OUTDIAL_ELEVENLABS_API_KEY", "a-key"),
    ("OUTDIAL_JWT_SECRET", "a secret that is long enough for HS256"),
];

#[test]
fn the_example_file_lists_every_setting() {
    let committed = include_str!("../../../.env.example");
    assert_eq!(
        committed,
        env_example(),
        "write it again: cargo run --bin outdial -- settings > .env.example"
    );
    for setting in SETTINGS {
        assert!(
            committed.contains(&format!("\n# {}={}\n", setting.name, setting.default)),
            "{}",
            setting.name
        );
    }
    let (succeeded, printed, _) = outdial(&["settings"], &[]);
    assert!(succeeded);
    assert_eq!(printed, committed);
}

#[test]
fn the_openapi_document_is_printed() {
    let (succeeded, printed, _) = outdial(&["openapi"], &[]);
    assert!(succeeded);
    assert_eq!(printed, include_str!("../../../docs/openapi.yaml"), "write it again: make generate");
}

#[test]
fn with_nothing_set_everything_is_embedded() {
    let settings = load(&[]).expect("the defaults are good");
    assert!(settings.is_demo());
    assert_eq!(settings.bind.to_string(), "127.0.0.1:2212");
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
    let said = load(&[&other_vendor[..3], &PRODUCTION[3..]].concat()).expect_err("the other vendor's key");
    assert!(said.contains("OUTDIAL_VAPI_API_KEY"), "{said}");
    for (missing, _) in &PRODUCTION[1..] {
        let rest: Vec<_> = PRODUCTION.into_iter().filter(|(name, _)| name != missing).collect();
        let said = load(&rest).expect_err("one is missing");
        assert!(said.contains(missing), "{missing}: {said}");
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
            Err(said) => {
                assert!(!accepted && said.contains("OUTDIAL_ELEVENLABS_API_KEY"), "{base_url}: {said}")
            }
        }
    }
}

#[test]
fn a_secret_that_was_made_up_is_no_reason_to_drop_what_a_token_must_say() {
    let settings = [("OUTDIAL_JWT_ISSUER", "the-issuer"), ("OUTDIAL_JWT_AUDIENCE", "the-audience")];
    let settings = load(&settings).expect("good settings");
    let Auth::GeneratedSecret { issuer, audience, .. } = settings.auth else { panic!("no secret is given") };
    assert_eq!((issuer.as_deref(), audience.as_deref()), (Some("the-issuer"), Some("the-audience")));
}

#[test]
fn a_log_that_no_terminal_shows_has_no_colours() {
    let (_, _, said) = outdial(&["migrate"], &[("OUTDIAL_LOG", "trace")]);
    assert!(said.contains("sqlx"), "something is logged: {said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[test]
fn every_problem_is_reported_at_once_and_no_value_is_quoted() {
    let said = load(&[
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
        assert!(said.contains(&format!("\n  {name} ")), "{name}: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let lapses =
        load(&[("OUTDIAL_LOCK_TTL_MS", "10000"), ("OUTDIAL_LOCK_RENEW_MS", "9000")]).expect_err("lapses");
    assert!(lapses.contains("OUTDIAL_LOCK_RENEW_MS") && lapses.contains("OUTDIAL_LOCK_TTL_MS"), "{lapses}");
    let two = load(&[
        ("OUTDIAL_JWT_SECRET", "a secret that is long enough for HS256"),
        ("OUTDIAL_JWT_PUBLIC_KEY_FILE", "key.pem"),
    ]);
    assert!(two.expect_err("two keys").contains("OUTDIAL_JWT_PUBLIC_KEY_FILE"));
    let lock = load(&[("OUTDIAL_REDIS_URL", "redis://127.0.0.1")]).expect_err("a lock that is not used");
    assert!(lock.contains("OUTDIAL_REDIS_URL"), "{lock}");
    let real = load(&[("OUTDIAL_VOICE_PROVIDER", "elevenlabs"), ("OUTDIAL_ELEVENLABS_API_KEY", "a-key")]);
    assert!(real.expect_err("a secret is made up for the simulator only").contains("OUTDIAL_JWT_SECRET"));
}

#[test]
fn a_misspelt_setting_is_refused() {
    let (succeeded, _, said) = outdial(&["token", "--user", "u1"], &[("OUTDIAL_JWT_SECRTE", "x")]);
    assert!(!succeeded && said.contains("OUTDIAL_JWT_SECRTE"), "{said}");
}

#[test]
fn a_settings_file_is_read_in_either_form_and_the_environment_wins() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let secret = "a secret from a file that is long enough";
    for (name, text) in [
        ("outdial.env", format!("# a comment\nOUTDIAL_JWT_SECRET='{secret}'\nOUTDIAL_JWT_LEEWAY_SECS=3\n")),
        ("outdial.toml", format!("OUTDIAL_JWT_SECRET = \"{secret}\"\nOUTDIAL_JWT_LEEWAY_SECS = 3\n")),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("the folder is writable");
        let arguments = ["--config", file.to_str().expect("an ASCII path"), "token", "--user", "u1"];
        let (succeeded, token, said) = outdial(&arguments, &[]);
        assert!(succeeded && token.trim().split('.').count() == 3, "{name}: {said}");
        let (succeeded, _, said) = outdial(&arguments, &[("OUTDIAL_JWT_SECRET", "short")]);
        assert!(!succeeded && said.contains("OUTDIAL_JWT_SECRET"), "{name}: {said}");
    }
    let broken = folder.path().join("broken.toml");
    std::fs::write(&broken, "OUTDIAL_LOG = \"info\"\nOUTDIAL_JWT_SECRET = \"hunter2\n").expect("writable");
    let (succeeded, _, said) =
        outdial(&["--config", broken.to_str().expect("an ASCII path"), "migrate"], &[]);
    assert!(!succeeded && said.contains("line 2") && !said.contains("hunter2"), "{said}");
}
