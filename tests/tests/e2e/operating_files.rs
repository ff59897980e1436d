//! The dashboard and the alert rules in `ops/` name only what is there: metrics that are served, with
//! their labels, and headings of the page with the remedies.

use std::collections::BTreeSet;

use serde_json::Value;
use server::{METRICS, Metric};

const DASHBOARD: &str = include_str!("../../../ops/grafana/outdial.json");
const PROMETHEUS: [&str; 2] = [
    include_str!("../../../ops/prometheus/prometheus.yaml"),
    include_str!("../../../ops/prometheus/prometheus-kubernetes.yaml"),
];
const ALERTS: &str = include_str!("../../../ops/prometheus/alerts.yaml");
const ALERT_TESTS: &str = include_str!("../../../ops/prometheus/alerts_test.yaml");
const REMEDIES: &str = include_str!("../../../docs/alerts.md");

/// The names that an expression may contain beside those of our metrics: of the process, of the
/// dashboard's variables, and labels that Prometheus or a function adds.
const OF_THE_PROCESS: [&str; 2] = ["process_resident_memory_bytes", "process_cpu_seconds_total"];
const OF_PROMETHEUS: &str = "up";
const OTHER_LABELS: [&str; 3] = ["instance", "job", "le"];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn rules() -> Vec<Value> {
    let file: Value = serde_norway::from_str(ALERTS).expect("the rules are YAML");
    let groups = file["groups"].as_array().expect("there are groups");
    groups.iter().flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
}

fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("the dashboard is JSON");
    dashboard["panels"].as_array().expect("there are panels").clone()
}

fn expressions() -> Vec<String> {
    let of_rules = rules().into_iter().map(|rule| text(&rule["expr"]).to_owned());
    let targets = panels().into_iter().filter_map(|panel| panel["targets"].as_array().cloned()).flatten();
    of_rules.chain(targets.map(|target| text(&target["expr"]).to_owned())).collect()
}

/// The words of an expression, without what is in quotes.
fn words(expression: &str) -> Vec<&str> {
    let unquoted = expression.split('"').step_by(2);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    unquoted.flat_map(move |part| part.split(move |c| !is_word(c))).filter(|word| !word.is_empty()).collect()
}

/// The metric that a word names. A histogram has series of its own.
fn metric(word: &str) -> Option<&'static Metric> {
    let named = |name: &str| METRICS.iter().find(|metric| metric.name == name);
    let of_histogram = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| word.strip_suffix(suffix));
    named(word)
        .filter(|metric| metric.kind.as_str() != "histogram")
        .or_else(|| named(of_histogram?).filter(|metric| metric.kind.as_str() == "histogram"))
}

#[test]
fn every_metric_that_is_used_is_served() {
    let mut used = BTreeSet::new();
    for expression in expressions() {
        let words = words(&expression);
        let mut found = words.iter().filter(|word| **word == OF_PROMETHEUS).count();
        for word in words.iter().filter(|word| word.starts_with("outdial_") || word.starts_with("process_")) {
            match metric(word) {
                Some(metric) => {
                    used.insert(metric.name);
                }
                None => assert!(OF_THE_PROCESS.contains(word), "{word} is not served: {expression}"),
            }
            found += 1;
        }
        assert!(found > 0, "an expression without a metric: {expression}");
    }
    let unused: Vec<_> =
        METRICS.iter().map(|metric| metric.name).filter(|name| !used.contains(name)).collect();
    assert_eq!(unused, [""; 0], "no panel and no alert shows these");
}

/// What selects or groups series is a label of a metric in the same expression.
#[test]
fn every_label_that_is_used_is_one_of_the_metric() {
    for expression in expressions() {
        let words = words(&expression);
        let metrics = words.iter().filter_map(|word| metric(word));
        let labels: BTreeSet<&str> = metrics.flat_map(|metric| metric.labels).copied().collect();
        let inside = |open: char, close: char| {
            let parts = expression.split(open).skip(1).filter_map(move |rest| rest.split(close).next());
            parts.collect::<Vec<_>>()
        };
        let selected = inside('{', '}').into_iter().flat_map(|selector| {
            selector.split("\",").filter_map(|matcher| matcher.split(['=', '!']).next()).collect::<Vec<_>>()
        });
        let grouped = expression.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
        let grouped = grouped.flat_map(|labels| labels.split(','));
        for label in selected.chain(grouped).map(str::trim) {
            assert!(labels.contains(label) || OTHER_LABELS.contains(&label), "{label}: {expression}");
        }
    }
}

/// The rules select the gateways by the name of their job.
#[test]
fn the_examples_of_prometheus_have_the_job_and_the_rules() {
    let jobs = expressions().into_iter().filter_map(|expression| {
        let (_, rest) = expression.split_once("job=\"")?;
        rest.split('"').next().map(str::to_owned)
    });
    let jobs: BTreeSet<String> = jobs.collect();
    for example in PROMETHEUS {
        let example: Value = serde_norway::from_str(example).expect("the example is YAML");
        let scraped = example["scrape_configs"].as_array().expect("there are jobs");
        let scraped: BTreeSet<_> = scraped.iter().map(|job| text(&job["job_name"]).to_owned()).collect();
        assert_eq!(scraped, jobs);
        assert_eq!(example["rule_files"], serde_json::json!(["alerts.yaml"]));
    }
}

#[test]
fn every_alert_has_a_remedy_a_summary_and_a_test() {
    let headings: Vec<&str> = REMEDIES.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let names: Vec<String> = rules().iter().map(|rule| text(&rule["alert"]).to_owned()).collect();
    assert_eq!(headings, names, "docs/alerts.md has the alerts in their order");
    for rule in rules() {
        let name = text(&rule["alert"]);
        let runbook = text(&rule["annotations"]["runbook"]);
        assert_eq!(runbook, format!("docs/alerts.md#{}", name.to_lowercase()));
        assert!(text(&rule["annotations"]["summary"]).ends_with('.'), "{name}");
        assert!(["page", "ticket"].contains(&text(&rule["labels"]["severity"])), "{name}");
        assert!(ALERT_TESTS.contains(name), "alerts_test.yaml does not name {name}");
        let (_, remedy) = REMEDIES.split_once(&format!("## {name}\n")).expect("it has a heading");
        let remedy = remedy.split("\n## ").next().unwrap_or_default();
        assert!(remedy.trim().split("\n\n").count() >= 2, "{name}: what it means, and what to do");
    }
}

#[test]
fn the_dashboard_has_its_rows_and_no_empty_panel() {
    let panels = panels();
    let rows = panels.iter().filter(|panel| panel["type"] == "row").map(|panel| text(&panel["title"]));
    assert_eq!(
        rows.collect::<Vec<_>>(),
        ["Now", "Outcomes", "Callee safety", "Delivery", "Stores", "Pacing", "Retention"]
    );
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(panel["targets"].as_array().is_some_and(|it| !it.is_empty()), "{}", panel["title"]);
    }
}
