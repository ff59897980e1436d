//! `outdial check` where no service is needed: settings, files, and the exit status.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::running::file_with;

/// Runs the command in a folder: its exit status and its lines.
fn check(folder: &Path, settings: &[(&str, &str)]) -> (Option<i32>, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outdial"));
    command.arg("check").env_clear().envs(settings.iter().copied()).current_dir(folder);
    let output = command.output().expect("the program starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.code(), text.lines().map(str::to_owned).collect())
}

/// Asserts that a line of a check has this state and these words.
fn assert_line(lines: &[String], id: &str, state: &str, words: &[&str]) {
    let is_it = |line: &&String| {
        let mut columns = line.split_whitespace();
        (columns.next(), columns.next()) == (Some(state), Some(id))
            && words.iter().all(|word| line.contains(word))
    };
    assert!(lines.iter().any(|line| is_it(&line)), "no {state} {id} with {words:?}: {lines:#?}");
}

#[test]
fn settings_that_cannot_be_read_have_a_status_of_their_own() {
    let folder = TempDir::new().expect("a temporary folder");
    let (status, lines) = check(folder.path(), &[("OUTDIAL_BIND", "nowhere"), ("OUTDIAL_LOKK", "x")]);
    assert_eq!((status, lines.len()), (Some(3), 2), "{lines:?}");
    assert_line(&lines, "settings", "failed", &["OUTDIAL_BIND", "must be an address"]);
    assert_line(&lines, "settings", "failed", &["OUTDIAL_LOKK", "is not a setting"]);
    file_with(&folder, ".env", "not a line\n");
    let (status, lines) = check(folder.path(), &[]);
    assert_eq!(status, Some(3), "{lines:?}");
    assert_line(&lines, "settings", "failed", &[".env", "line 1"]);
}

#[test]
fn a_new_folder_gets_no_file() {
    let folder = TempDir::new().expect("a temporary folder");
    let (status, lines) = check(folder.path(), &[]);
    assert_eq!(status, Some(0), "{lines:?}");
    assert_line(&lines, "database", "warning", &["does not exist yet", "outdial migrate"]);
    assert_line(&lines, "directory", "skipped", &["correct `database`"]);
    assert_line(&lines, "zones", "ok", &[]);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was created");
}

#[test]
fn files_that_others_can_read_are_named_with_their_modes() {
    let folder = TempDir::new().expect("a temporary folder");
    let secret = file_with(&folder, "secret", "9f2c4be07d11a6538e4f0c2d7ab95163\n");
    let database = file_with(&folder, "outdial.db", "");
    let settings =
        [("OUTDIAL_JWT_SECRET_FILE", secret.as_str()), ("OUTDIAL_DATABASE_URL", "sqlite://outdial.db")];
    let set = |path: &str, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our own file");
    };
    for (mode, state, words) in [
        (0o600, "ok", &[][..]),
        (0o640, "warning", &["its group can read", "chmod 600"]),
        (0o660, "warning", &["its group can change", "chmod 600"]),
        (0o644, "failed", &["every user of the machine can read", "chmod 600"]),
        (0o602, "failed", &["every user of the machine can change", "chmod 600"]),
    ] {
        set(&secret, mode);
        set(&database, mode);
        let (_, lines) = check(folder.path(), &settings);
        assert_line(&lines, "secret-files", state, words);
        assert_line(&lines, "database-file", state, words);
        assert!(!lines.concat().contains("9f2c4be0"), "{lines:?}");
    }
    set(&secret, 0o600);
    set(&database, 0o600);
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("our own folder");
    let (status, lines) = check(folder.path(), &settings);
    assert_line(&lines, "database-file", "failed", &["can replace the database", "chmod o-w"]);
    assert_eq!(status, Some(1));
}

#[test]
fn a_generated_secret_is_read_and_a_damaged_one_fails() {
    let folder = TempDir::new().expect("a temporary folder");
    let secret = file_with(&folder, "outdial.jwt-secret", &"0123456789abcdef".repeat(4));
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("our own file");
    let (_, lines) = check(folder.path(), &[]);
    assert_line(&lines, "tokens", "ok", &["outdial serve"]);
    assert_line(&lines, "secret-files", "ok", &["1, which only their owner can read"]);
    file_with(&folder, "outdial.jwt-secret", "too short");
    let (status, lines) = check(folder.path(), &[]);
    assert_eq!(status, Some(1));
    assert_line(&lines, "tokens", "failed", &["outdial.jwt-secret", "remove it"]);
}

/// The stores and vendors of these settings are not there: each of the others is still checked.
#[test]
fn dangerous_settings_are_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let recordings = format!("file://{}/recordings", file_with(&folder, "file", "x"));
    let nowhere = [
        ("OUTDIAL_DATABASE_URL", "postgres://outdial:hunter2@127.0.0.1:1/outdial"),
        ("OUTDIAL_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0"),
        ("OUTDIAL_VOICE_PROVIDER", "elevenlabs"),
        ("OUTDIAL_ELEVENLABS_API_KEY", "hunter2"),
        ("OUTDIAL_ELEVENLABS_BASE_URL", "http://127.0.0.1:1"),
        ("OUTDIAL_JWT_SECRET", "0123456789abcdef0123456789abcdef"),
        ("OUTDIAL_DELIVERY_ALLOW_PRIVATE", "true"),
        ("OUTDIAL_ALLOWED_COUNTRIES", "*"),
        ("OUTDIAL_CORS_ORIGINS", "*"),
        ("OUTDIAL_SYNC_APPLY", "true"),
        ("OUTDIAL_RECORDINGS_URL", recordings.as_str()),
    ];
    let (status, lines) = check(folder.path(), &nowhere);
    assert_eq!(status, Some(1));
    assert_line(&lines, "settings", "failed", &["OUTDIAL_JWT_SECRET", "openssl rand"]);
    for name in [
        "OUTDIAL_DELIVERY_ALLOW_PRIVATE",
        "OUTDIAL_ALLOWED_COUNTRIES",
        "OUTDIAL_CORS_ORIGINS",
        "OUTDIAL_SYNC_APPLY",
    ] {
        assert_line(&lines, "settings", "warning", &[name, "to do"]);
    }
    assert_line(&lines, "recordings", "failed", &["cannot be written to"]);
    assert_line(&lines, "database", "failed", &["OUTDIAL_DATABASE_URL"]);
    assert_line(&lines, "redis", "failed", &["OUTDIAL_REDIS_URL"]);
    assert_line(&lines, "provider-key", "failed", &["cannot read the ElevenLabs workspace"]);
    assert_line(&lines, "trunk", "skipped", &["OUTDIAL_SINCH_"]);
    assert!(!lines.concat().contains("hunter2"), "{lines:?}");
}

#[test]
fn a_key_set_and_a_url_in_clear_text_are_checked() {
    let folder = TempDir::new().expect("a temporary folder");
    let key_set = format!("file://{}", folder.path().join("keys.json").display());
    let settings = [
        ("OUTDIAL_VOICE_PROVIDER", "vapi"),
        ("OUTDIAL_VAPI_API_KEY", "a-key"),
        ("OUTDIAL_VAPI_BASE_URL", "http://192.0.2.1:1"),
        ("OUTDIAL_JWT_JWKS", key_set.as_str()),
    ];
    let (status, lines) = check(folder.path(), &settings);
    assert_eq!(status, Some(1));
    assert_line(&lines, "tokens", "failed", &["OUTDIAL_JWT_JWKS"]);
    assert_line(&lines, "settings", "warning", &["OUTDIAL_JWT_AUDIENCE"]);
    assert_line(&lines, "tls", "failed", &["OUTDIAL_VAPI_BASE_URL", "use https"]);
    let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","use":"sig","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    file_with(&folder, "keys.json", keys);
    let (_, lines) = check(folder.path(), &settings);
    assert_line(&lines, "tokens", "ok", &[]);
}
