//! The commands of `outdial`, in processes of their own.

use std::net::SocketAddr;
use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::eventually;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{RunningCommand, World};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_the_command_signs_is_accepted(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let token = world.outdial(&["token", "--user", "u1", "--ttl", "5m"]).await;
    let gateway = world.start().await;
    let path = "/api/calls/ai/outbound";
    let response = gateway.client.post_with_bearer(path, token.trim(), &json!({})).await;
    assert_eq!(response.status, 400, "the token is accepted, the empty body is not: {}", response.body);
    gateway.stop().await;
}

/// `serve` names the command that migrates the database, and does not serve.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmigrated_database_is_refused() {
    let world = World::unmigrated(PostgresAndRedis).await;
    let output = world.try_outdial(&["serve"]).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains("outdial migrate"), "{errors}");
    for _ in 0..2 {
        let output = world.try_outdial(&["migrate"]).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{errors}");
    }
}

/// Runs a printed command in a shell. Returns its output as JSON.
async fn run_in_shell(script: &str) -> Value {
    let output = tokio::process::Command::new("sh").args(["-c", script]).output().await;
    let output = output.expect("sh is installed");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the output is JSON")
}

/// `serve` without any configuration prints `curl` commands. The tests run them as they are. In a
/// container, it listens on all addresses.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_curl_places_a_call(#[values("127.0.0.1:0", "0.0.0.0:0")] bind: &str) {
    let folder = TempDir::new().expect("a temporary folder can be created");
    let settings = [("OUTDIAL_BIND", bind)];
    let mut serve = RunningCommand::start(folder.path(), &["serve"], &settings);
    let output = serve.output_until("/docs").await;
    let place: Vec<&str> = output.lines().skip_while(|line| !line.contains("curl")).take(4).collect();
    let place = place.join("\n");
    let first = run_in_shell(&place).await;
    assert_eq!((&first["success"], &first["deduplicated"]), (&json!(true), &json!(false)), "{first}");
    let again = run_in_shell(&place).await;
    assert_eq!(again["deduplicated"], true, "{again}");
    for field in ["conversationId", "sipCallId", "message"] {
        assert!(first[field].is_string() && first[field] == again[field], "{field}: {first}");
    }
    // The request that the contract shows: it has a contact, an agent and a number of the demo.
    let (head, _) = place.split_once("-d '").expect("a body");
    let example = json!({
        "contactId": "64f0a1b2c3d4e5f6a7b8c9d0",
        "agentId": "64f0a1b2c3d4e5f6a7b8cc00",
        "fromNumber": "+14165550100",
        "callReason": "Follow up on insurance quote"
    });
    let example = run_in_shell(&format!("{head}-d '{example}'")).await;
    assert_eq!(example["callId"], first["callId"], "the same intent: {example}");
    let line_with = |text: &str| {
        let line = output.lines().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("no line with {text} in {output}"))
    };
    let list_dials = line_with("/sim/dials");
    let list_dials = &list_dials[list_dials.find("curl").expect("the line contains a command")..];
    let dials = run_in_shell(list_dials).await;
    assert_eq!(dials["total"], 1, "{dials}");
    let read_history = line_with("/api/calls/history").trim();
    let history = eventually("the history has a completed call", async || {
        let history = run_in_shell(read_history).await;
        (history["calls"][0]["status"] == "completed").then_some(history)
    })
    .await;
    assert_eq!(history["total"], 1, "{history}");
    assert_eq!(history["calls"][0]["callId"], first["callId"]);
    assert_ignored_by_git(folder.path());
    serve.kill().await;
}

/// `make run` creates its files, a secret among them, in the repository. None may be committed.
fn assert_ignored_by_git(folder: &Path) {
    let ignored = include_str!("../../../.gitignore");
    for file in std::fs::read_dir(folder).expect("the folder exists") {
        let name = file.expect("the folder is readable").file_name();
        let name = name.into_string().expect("the name is ASCII");
        let pattern = match name.split_once('.') {
            Some((_, extension)) => format!("*.{extension}"),
            None => format!("/{name}/"),
        };
        assert!(ignored.lines().any(|line| line == pattern), "{name} is not ignored");
    }
}

/// `outdial simulate` serves gateways in other processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_dials_through_a_simulator_in_another_process() {
    let world = World::new(Sqlite).await;
    let mut simulate =
        RunningCommand::start(world.folder(), &["simulate", "--bind", "127.0.0.1:0", "--any-id"], &[]);
    let output = simulate.output_until("\n").await;
    let mut words = output.split_whitespace().map(|word| word.trim_end_matches([':', ',']));
    let address: Option<SocketAddr> = words.find_map(|word| word.parse().ok());
    let address = address.unwrap_or_else(|| panic!("the first line contains no address: {output}"));
    let world = world.with("OUTDIAL_ELEVENLABS_BASE_URL", format!("http://{address}"));
    let gateway = world.start().await;
    assert!(gateway.client.call_number("+14165550110").await.is_new_call());
    gateway.client.call_number("+14165550151").await.assert_error(500, "PROVIDER_REJECTED");
    gateway.stop().await;
    simulate.kill().await;
}
