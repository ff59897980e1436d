//! `outdial sync`, in a process of its own, against the simulator of both vendors.

use std::net::TcpListener;

use rstest::rstest;
use serde_json::{Value, json};
use simulator::{Account, AccountFault, AccountNumber, DEMO_AGENT_ID, DEMO_PHONE_NUMBER_ID, DEMO_TRUNK_ID};
use testkit::eventually;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{SINCH_SECRET, World};

const OWNERS: &str = r#"{"kind":"organization","id":"o1","name":"Analytical Engines"}
{"kind":"user","id":"u1","organizationId":"o1","fullName":"Charles Babbage"}
{"kind":"contact","id":"c1","organizationId":"o1","firstName":"Ada","phoneNumber":"+14165550190"}
"#;

/// A database with an organization, its user and a contact, and nothing of the vendors.
async fn new_world(backing: Backing) -> World {
    let world = World::unmigrated(backing).await.with_both_vendors();
    world.outdial(&["migrate"]).await;
    let (succeeded, errors) = world.import(OWNERS).await;
    assert!(succeeded, "{errors}");
    world
}

async fn sync_json(world: &World, options: &[&str]) -> Value {
    let output = world.outdial(&[&["sync", "--json"], options].concat()).await;
    serde_json::from_str(&output).expect("the output is JSON")
}

fn codes(outcome: &Value) -> Vec<(&str, &str)> {
    let findings = outcome["findings"].as_array().expect("a list").iter();
    let of = |finding: &Value| {
        let keys = ["phoneNumber", "providerAgentId", "agentId"];
        keys.into_iter().find(|key| finding[key].is_string()).expect("a finding has a subject")
    };
    findings
        .map(|finding| {
            let subject = finding[of(finding)].as_str().expect("a text");
            (subject, finding["code"].as_str().expect("a text"))
        })
        .collect()
}

/// From a database with an organization, a user and a contact to a call whose end the webhook
/// reports: with two commands.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synced_gateway_places_a_call_and_learns_its_end(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
    let world = new_world(backing).await.with("OUTDIAL_BIND", format!("127.0.0.1:{port}"));
    let planned = sync_json(&world, &["--dry-run"]).await;
    assert_eq!((&planned["stored"], &planned["trunkRead"]), (&json!(false), &json!(true)), "{planned}");
    let limit = json!({ "action": "set-limit", "kind": "trunk", "trunkId": DEMO_TRUNK_ID, "callsPerSecond": 1,
        "before": null });
    assert_eq!(planned["changes"], json!([limit]));
    assert!(codes(&planned).contains(&("+14165550100", "number-not-in-directory")), "{planned}");
    assert!(codes(&planned).contains(&(DEMO_AGENT_ID, "agent-not-in-directory")), "{planned}");
    assert_eq!(world.count("select count(*) from trunks").await, 0, "a dry run stores nothing");

    let (url, file) = (format!("http://127.0.0.1:{port}"), world.folder().join("webhook-secret"));
    let file = file.to_str().expect("the path is ASCII");
    let options = ["--organization", "o1", "--user", "u1", "--webhook", &url, "--secret-file", file];
    let output = world.outdial(&[&["sync"], &options[..]].concat()).await;
    assert!(output.contains("stored 4 changes") && output.contains(file), "{output}");
    let secret = std::fs::read_to_string(file).expect("the secret is in the file");
    assert!(secret.starts_with("wsec_") && !output.contains(secret.trim()), "{output}");
    assert_private(file);
    assert_eq!(world.count("select count(*) from trunks where calls_per_second = 1").await, 1);

    // Once more changes nothing, and needs no file.
    let again = world.outdial(&["sync", "--webhook", &url]).await;
    assert!(again.contains("nothing to change") && again.contains("receives events"), "{again}");
    assert_eq!(world.simulator.requests()["/v1/workspace/webhooks"], 3, "list, create, list");

    let world = world.with("OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS_FILE", file);
    let gateway = world.start().await;
    let placed = gateway.client.place(json!({ "contactId": "c1" })).await;
    assert!(placed.is_new_call(), "{}", placed.body);
    let dial = &world.simulator.dials()[0];
    assert_eq!(dial.agent_id, DEMO_AGENT_ID);
    assert_eq!(dial.agent_phone_number_id, DEMO_PHONE_NUMBER_ID);
    gateway.client.read_call_when(&placed.call_id(), "completed").await;
    gateway.stop().await;
}

#[cfg(unix)]
fn assert_private(file: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).expect("the file exists").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(not(unix))]
fn assert_private(_: &str) {}

/// A number that left the trunk, or the workspace, stops serving AI calls, and is named with the
/// remedy. If none would be left, nothing is stored without a confirmation.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_left_the_trunk_is_named_and_taken_out_of_service(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = new_world(backing).await;
    let second = AccountNumber {
        id: "phnum_second".to_owned(),
        phone_number: "+14165550109".to_owned(),
        trunk_host: Some("trunk.sandbox.invalid".to_owned()),
        agent_id: None,
        trunk_login: None,
    };
    let numbers = [Account::default().numbers, vec![second]].concat();
    let account = |first_is_on_trunk, second_is_on_trunk| Account {
        numbers: numbers.clone(),
        carrier_numbers: vec![
            ("+14165550100".to_owned(), first_is_on_trunk),
            ("+14165550109".to_owned(), second_is_on_trunk),
        ],
        ..Account::default()
    };
    world.simulator.set_account(account(true, true));
    sync_json(&world, &["--organization", "o1", "--user", "u1"]).await;
    let on_trunk = "select count(*) from caller_numbers where on_trunk";
    assert_eq!(world.count(on_trunk).await, 2);

    world.simulator.set_account(account(true, false));
    let text = world.outdial(&["sync"]).await;
    assert!(text.contains("NOT on the trunk") && text.contains("assign it to the trunk"), "{text}");
    assert_eq!(world.count(on_trunk).await, 1);
    let again = sync_json(&world, &[]).await;
    assert_eq!(again["changes"], json!([]), "{again}");
    assert!(codes(&again).contains(&("+14165550109", "number-not-on-trunk")), "{again}");

    world.simulator.set_account(account(false, false));
    let refused = world.try_outdial(&["sync"]).await;
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && errors.contains("--allow-outage"), "{errors}");
    assert_eq!(world.count(on_trunk).await, 1, "nothing was stored");
    world.outdial(&["sync", "--allow-outage"]).await;
    assert_eq!(world.count(on_trunk).await, 0);

    world.simulator.set_account(account(true, true));
    sync_json(&world, &[]).await;
    assert_eq!(world.count(on_trunk).await, 2, "it is back");
}

/// The failure of a vendor is one sentence with the setting to check, and shows no secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_failure_of_a_vendor_names_the_setting() {
    let world = new_world(Sqlite).await.with("OUTDIAL_LOG", "trace");
    for (fault, expected) in [
        (AccountFault::KeyRefused, "OUTDIAL_ELEVENLABS_API_KEY"),
        (AccountFault::Forbidden, "has no permission"),
        (AccountFault::RateLimited, "try again in a minute"),
        (AccountFault::ServerError, "status 500"),
    ] {
        world.simulator.fail_accounts(Some(fault));
        let output = world.try_outdial(&["sync"]).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(expected), "{fault:?}: {errors}");
        assert!(!errors.contains("simulated-api-key") && !errors.contains(SINCH_SECRET), "{fault:?}");
    }
    world.simulator.fail_accounts(None);
    let world = world.with("OUTDIAL_SINCH_TRUNK_ID", "another-trunk");
    let output = world.try_outdial(&["sync"]).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("OUTDIAL_SINCH_TRUNK_ID") && !errors.contains(SINCH_SECRET), "{errors}");
    let world = world.without("OUTDIAL_SINCH_KEY_SECRET");
    let errors = String::from_utf8_lossy(&world.try_outdial(&["sync"]).await.stderr).into_owned();
    assert!(errors.contains("OUTDIAL_SINCH_KEY_SECRET is required"), "{errors}");
}

/// Another webhook of the workspace is not cut off, and a file that exists is not overwritten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_replaces_nothing() {
    let world = new_world(Sqlite).await;
    let file = world.folder().join("secret");
    let file = file.to_str().expect("the path is ASCII");
    std::fs::write(file, "another secret").expect("the folder is writable");
    let first = ["sync", "--webhook", "https://one.example.com", "--secret-file"];
    let refused = world.try_outdial(&[&first[..], &[file]].concat()).await;
    assert!(!refused.status.success());
    assert_eq!(std::fs::read_to_string(file).expect("the file exists"), "another secret");
    assert_eq!(world.simulator.active_webhook(), None);
    let other = world.folder().join("other");
    let other = other.to_str().expect("the path is ASCII");
    world.outdial(&[&first[..], &[other]].concat()).await;
    let active = world.simulator.active_webhook();
    assert!(active.is_some());
    let third = world.folder().join("third");
    let third = third.to_str().expect("the path is ASCII");
    let second = ["sync", "--webhook", "https://two.example.com", "--secret-file", third];
    let refused = world.try_outdial(&second).await;
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && errors.contains("was not replaced"), "{errors}");
    assert_eq!(world.simulator.active_webhook(), active);
}

/// The scheduled check only reports, unless it may store.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scheduled_check_reports_and_stores_if_it_may(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = new_world(backing).await;
    sync_json(&world, &["--organization", "o1", "--user", "u1"]).await;
    world.simulator.set_account(Account { calls_per_second: 5, ..Account::default() });
    let limit = "select count(*) from trunks where calls_per_second = 5";
    let world = world.with("OUTDIAL_SYNC_EVERY_SECS", "1");
    let gateway = world.spawn().await;
    let report = "the directory differs from the vendors' accounts";
    eventually("the check reports", async || gateway.log().contains(report)).await;
    assert!(!gateway.log().contains("4165550"), "no number in the log");
    gateway.kill().await;
    assert_eq!(world.count(limit).await, 0, "it only reports");
    let world = world.with("OUTDIAL_SYNC_APPLY", "true");
    let gateway = world.spawn().await;
    eventually("the check stores", async || world.count(limit).await == 1).await;
    gateway.kill().await;
}
