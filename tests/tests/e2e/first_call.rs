//! The commands of `docs/operations/first-call.md`, run as an operator runs them, with the simulator in
//! the place of both vendors.

use std::path::Path;
use std::process::Output;

use testkit::services;

use crate::support::Backing::PostgresAndRedis;
use crate::support::{World, outdial_path};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/first-call.sh");

/// Runs the commands of a page, or of the page for operators, on the empty database of this world.
async fn run(world: &World, page: Option<&Path>) -> Output {
    let mut command = tokio::process::Command::new("bash");
    command
        .arg(SCRIPT)
        .args(page)
        .env("TMPDIR", world.folder())
        .env("FIRST_CALL_PROGRAM", outdial_path())
        .env("TEST_DATABASE_URL", world.database_url())
        .env("TEST_REDIS_URL", services::redis_url())
        .env("OUTDIAL_REDIS_KEY_PREFIX", world.redis_key_prefix())
        .kill_on_drop(true);
    command.output().await.expect("bash starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_page_end_with_a_completed_call() {
    let world = World::unmigrated(PostgresAndRedis).await;
    let output = run(&world, None).await;
    let (shown, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}{log}");
    assert_eq!(world.count("select count(*) from calls").await, 1);
    assert_eq!(world.count("select count(*) from calls where conversation is not null").await, 1);
    let reported = "select count(*) from provider_events where call_id is not null and closed_at is not null";
    assert!(world.count(reported).await > 0, "the webhook was delivered: {log}");
    assert!(shown.contains(r#""status":"completed""#) && shown.contains(r#""transcript":[{"#), "{shown}");
}

/// Whatever an operator would stumble over makes the script fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_with_a_fault_fails() {
    let world = World::unmigrated(PostgresAndRedis).await;
    let text = std::fs::read_to_string(
        Path::new(SCRIPT).parent().expect("a folder").join("../docs/operations/first-call.md"),
    );
    let text = text.expect("the page exists");
    let page = world.folder().join("page.md");
    for (correct, faulty, message) in [
        ("--config outdial.env migrate", "--config outdial.env migrat", "migrat"),
        ("YOUR-REDIS-URL\n", "YOUR-CACHE-URL\n", "YOUR-CACHE-URL"),
        ("```sh first-call", "```sh", "has no commands"),
    ] {
        assert!(text.contains(correct), "{correct}");
        std::fs::write(&page, text.replace(correct, faulty)).expect("the folder is writable");
        let output = run(&world, Some(&page)).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(message), "{faulty}: {errors}");
    }
}
