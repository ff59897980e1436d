//! The files that an operator installs agree with the settings of the program.

use std::fs;
use std::path::{Path, PathBuf};

use server::{Settings, Source, settings};
use tempfile::TempDir;

/// Recording the outcome of a call: two attempts of 5 s.
const RECORD_SECS: u64 = 10;
/// What the gateway does after its last call has ended.
const WORKERS_SECS: u64 = 10;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).expect("it is a file of this repository")
}

/// The words in capital letters that begin as a setting does.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|char: char| !char.is_ascii_uppercase() && !char.is_ascii_digit() && char != '_');
    words.filter(|word| word.starts_with("OUTDIAL_"))
}

/// The lines `OUTDIAL_NAME: value` of a YAML file.
fn variables(file: &str) -> Vec<(String, String)> {
    let text = read(file);
    let lines = text.lines().filter_map(|line| line.trim().split_once(": "));
    let variables = lines.filter(|(name, _)| name.starts_with("OUTDIAL_"));
    variables.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

/// The number behind this text.
fn number_after(file: &str, text: &str) -> u64 {
    let content = read(file);
    let (_, rest) = content.split_once(text).unwrap_or_else(|| panic!("{file} has no {text:?}"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{file} has no number behind {text:?}"))
}

fn default_of(name: &str) -> u64 {
    let settings = settings();
    let setting = settings.iter().find(|setting| setting.name == name).expect("a setting");
    setting.default.parse().expect("a number")
}

#[test]
fn packaged_files_name_existing_settings_only() {
    let known = settings();
    for file in [
        "Dockerfile",
        "compose.yaml",
        "docs/packaging.md",
        "ops/kubernetes/gateway.yaml",
        "ops/kubernetes/settings.yaml",
        "ops/proxy/Caddyfile",
    ] {
        let text = read(file);
        let mut named =
            names(&text).filter(|name| !["OUTDIAL_PORT", "OUTDIAL_RECORDINGS_S3_"].contains(name)).peekable();
        assert!(named.peek().is_some(), "{file} names no setting");
        for name in named {
            assert!(known.iter().any(|setting| setting.has_name(name)), "{file}: {name} is no setting");
        }
    }
}

/// With secrets of the right form in the files that they name.
#[test]
fn packaged_settings_are_complete_and_valid() {
    for file in ["compose.yaml", "ops/kubernetes/settings.yaml"] {
        let folder = TempDir::new().expect("a temporary folder");
        let secret_in_file = |(name, value): (String, String)| {
            let secret = match name.as_str() {
                "OUTDIAL_DATABASE_URL_FILE" => "postgres://outdial:secret@postgres/outdial",
                "OUTDIAL_REDIS_URL_FILE" => "redis://redis:6379/0",
                "OUTDIAL_ELEVENLABS_API_KEY_FILE" => "a-key",
                name if name.ends_with("_FILE") => "0f9c5d7b1a3e8246c0d1b2a3f4e59687",
                _ => return (name, value),
            };
            let path = folder.path().join(&name);
            fs::write(&path, secret).expect("the folder is writable");
            (name, path.to_str().expect("an ASCII path").to_owned())
        };
        let variables: Vec<_> = variables(file).into_iter().map(secret_in_file).collect();
        let source = Source::of(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Settings::load(&source).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

/// The commands of the documentation run the check as the files run the gateway.
#[test]
fn the_check_runs_with_the_user_and_the_settings_of_the_gateway() {
    let (document, unit) = (read("docs/packaging.md"), read("ops/systemd/outdial.service"));
    let (_, section) = document.split_once("## Check it").expect("the section exists");
    let (section, _) = section.split_once("\n## ").expect("it is not the last one");
    for property in
        ["DynamicUser=yes", "StateDirectory=outdial", "LoadCredential=outdial.env:/etc/outdial/outdial.env"]
    {
        assert!(unit.lines().any(|line| line == property), "the unit has {property}");
        assert!(section.contains(&format!("--property={property}")), "the command has {property}");
    }
    let gateway = "/usr/local/bin/outdial serve --config ${CREDENTIALS_DIRECTORY}/outdial.env";
    assert!(unit.contains(gateway), "the unit has {gateway}");
    let check = "/usr/local/bin/outdial check --config '${CREDENTIALS_DIRECTORY}/outdial.env'";
    assert!(section.contains(check), "the command is {check}");
    assert!(section.contains("docker compose run --rm --no-deps gateway check"));
    assert!(read("compose.yaml").contains("\n  gateway:\n"), "the service of the gateway");
    assert!(section.contains("--namespace outdial exec deployment/outdial -- /usr/local/bin/outdial check"));
    let deployment = read("ops/kubernetes/gateway.yaml");
    assert!(deployment.contains("kind: Deployment\nmetadata:\n  name: outdial\n"));
    assert!(read("Dockerfile").contains(r#"ENTRYPOINT ["/usr/local/bin/outdial"]"#));
}

#[test]
fn a_process_manager_waits_longer_than_the_gateway_drains() {
    let millis = |name| default_of(name).div_ceil(1000);
    let answer = default_of("OUTDIAL_RINGING_TIMEOUT_SECS") + default_of("OUTDIAL_ANSWER_MARGIN_SECS");
    let before_ring = millis("OUTDIAL_BEFORE_DIAL_TIMEOUT_MS") + millis("OUTDIAL_PACING_MAX_WAIT_MS");
    let call = before_ring + answer + RECORD_SECS;
    let notice = |file| number_after(file, "OUTDIAL_DRAIN_NOTICE_MS: \"").div_ceil(1000);
    let default_notice = millis("OUTDIAL_DRAIN_NOTICE_MS");
    for (file, key, notice) in [
        ("ops/systemd/outdial.service", "\nTimeoutStopSec=", default_notice),
        ("compose.yaml", "    stop_grace_period: ", default_notice),
        (
            "ops/kubernetes/gateway.yaml",
            "terminationGracePeriodSeconds: ",
            notice("ops/kubernetes/settings.yaml"),
        ),
    ] {
        assert!(number_after(file, key) >= notice + call + WORKERS_SECS, "{file}: {key}");
    }
    for (file, key) in
        [("ops/proxy/Caddyfile", "response_header_timeout "), ("ops/proxy/nginx.conf", "proxy_read_timeout ")]
    {
        assert!(number_after(file, key) >= call, "{file}: {key}");
    }
}
