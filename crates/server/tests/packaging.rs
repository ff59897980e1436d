//! The files that an operator installs agree with the settings of the program.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
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

/// The files with the time after which a gateway that stops is killed, and what comes before it.
const STOP_TIMES: [(&str, &str); 3] = [
    ("ops/systemd/outdial.service", "\nTimeoutStopSec="),
    ("compose.yaml", "    stop_grace_period: "),
    ("ops/kubernetes/gateway.yaml", "terminationGracePeriodSeconds: "),
];

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

/// The document of this kind in the manifests for Kubernetes.
fn manifest(file: &str) -> Value {
    serde_norway::from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The port of the metrics, which all files agree on.
const METRICS_PORT: u64 = 2214;

/// Prometheus beside the gateway reaches the metrics, and no other machine does.
#[test]
fn metrics_of_a_service_and_of_compose_are_for_this_machine_only() {
    let local = format!("127.0.0.1:{METRICS_PORT}");
    let unit = read("ops/systemd/outdial.service");
    assert!(unit.contains(&format!("\nEnvironment=OUTDIAL_METRICS_BIND={local}\n")));
    let compose = manifest("compose.yaml");
    let inside = format!("0.0.0.0:{METRICS_PORT}");
    assert_eq!(compose["x-gateway"]["environment"]["OUTDIAL_METRICS_BIND"], inside.as_str());
    let gateway = &compose["services"]["gateway"];
    let ports: Vec<_> =
        gateway["ports"].as_array().expect("ports").iter().filter_map(Value::as_str).collect();
    assert!(ports.contains(&format!("{local}:{METRICS_PORT}").as_str()), "{ports:?}");
    assert!(ports.iter().all(|port| port.starts_with("127.0.0.1:")), "{ports:?}");
    let prometheus = manifest("ops/prometheus/prometheus.yaml");
    assert_eq!(prometheus["scrape_configs"][0]["static_configs"][0]["targets"], json!([local]));
    for proxy in ["ops/proxy/Caddyfile", "ops/proxy/nginx.conf"] {
        assert!(!read(proxy).contains(&METRICS_PORT.to_string()), "{proxy} passes the metrics on");
    }
}

/// In a cluster, Prometheus asks the pods themselves, from its own namespace.
#[test]
fn metrics_of_pods_are_for_prometheus_only() {
    let bind = variables("ops/kubernetes/settings.yaml").into_iter();
    let bind = bind.filter(|(name, _)| name == "OUTDIAL_METRICS_BIND").map(|(_, value)| value);
    assert_eq!(bind.collect::<Vec<_>>(), [format!("0.0.0.0:{METRICS_PORT}")]);
    let gateway = manifest("ops/kubernetes/gateway.yaml");
    let template = &gateway["spec"]["template"];
    let ports = &template["spec"]["containers"][0]["ports"];
    let expected = json!([
        { "name": "http", "containerPort": 2212 },
        { "name": "metrics", "containerPort": METRICS_PORT }
    ]);
    assert_eq!(*ports, expected);
    let service = manifest("ops/kubernetes/service.yaml");
    assert_eq!(service["spec"]["ports"], json!([{ "name": "http", "port": 80, "targetPort": "http" }]));
    let policy = manifest("ops/kubernetes/network-policy.yaml");
    let labels = &template["metadata"]["labels"];
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"], *labels, "it selects the gateways");
    for rule in policy["spec"]["ingress"].as_array().expect("rules") {
        let opens_metrics = rule["ports"].as_array().expect("ports").iter().any(|it| it["port"] == "metrics");
        assert_eq!(
            opens_metrics,
            rule["from"].is_array(),
            "each request may come from anywhere but a scrape"
        );
    }
    let prometheus = read("ops/prometheus/prometheus-kubernetes.yaml");
    let label = |name: &str| labels[name].as_str().expect("a label");
    let (name, component) = (label("app.kubernetes.io/name"), label("app.kubernetes.io/component"));
    assert!(prometheus.contains(&format!("regex: {name};{component}\n")));
    assert!(prometheus.contains("__meta_kubernetes_pod_container_port_name]\n        regex: metrics\n"));
}

/// It must fire for each of the stop times, and for no call that is as long as it may be.
#[test]
fn the_alert_on_a_long_drain_can_fire_before_the_process_is_killed() {
    let alert =
        number_after("ops/prometheus/alerts.yaml", "max_over_time(outdial_draining_seconds[15m])) > ");
    let scrape = number_after("ops/prometheus/prometheus.yaml", "scrape_interval: ");
    for (file, key) in STOP_TIMES {
        let killed = number_after(file, key);
        assert!(
            alert + scrape < killed,
            "{file}: the last scrape before {killed} s shows less than {alert} s"
        );
    }
    let millis = |name| default_of(name).div_ceil(1000);
    let before_ring = millis("OUTDIAL_BEFORE_DIAL_TIMEOUT_MS") + millis("OUTDIAL_PACING_MAX_WAIT_MS");
    let answer = default_of("OUTDIAL_RINGING_TIMEOUT_SECS") + default_of("OUTDIAL_ANSWER_MARGIN_SECS");
    let notice = number_after("ops/kubernetes/settings.yaml", "OUTDIAL_DRAIN_NOTICE_MS: \"").div_ceil(1000);
    assert!(alert >= notice + before_ring + answer, "{alert}");
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
    let notice = number_after("ops/kubernetes/settings.yaml", "OUTDIAL_DRAIN_NOTICE_MS: \"").div_ceil(1000);
    let default_notice = millis("OUTDIAL_DRAIN_NOTICE_MS");
    for ((file, key), notice) in STOP_TIMES.into_iter().zip([default_notice, default_notice, notice]) {
        assert!(number_after(file, key) >= notice + call + WORKERS_SECS, "{file}: {key}");
    }
    for (file, key) in
        [("ops/proxy/Caddyfile", "response_header_timeout "), ("ops/proxy/nginx.conf", "proxy_read_timeout ")]
    {
        assert!(number_after(file, key) >= call, "{file}: {key}");
    }
}
