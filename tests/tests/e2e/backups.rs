//! Backup and restore with the scripts of `ops/backup`, of a gateway that places calls meanwhile.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rstest::rstest;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinHandle;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Client, World, run_with_outdial};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/backup");
/// The phone rings for 45 s.
const RINGS: &str = "+14165550112";
const LAST_BEFORE: &str = "+14165550183";
const LOST: &str = "+14165550184";

/// A client that places one call after the other, each to another number.
struct Load {
    is_stopped: Arc<AtomicBool>,
    placed: JoinHandle<Vec<String>>,
}

impl Load {
    fn start(client: &Client) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (client, stopped) = (client.clone(), is_stopped.clone());
        let placed = tokio::spawn(async move {
            let mut ids = Vec::new();
            for number in 2000.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                ids.push(client.call_number(&format!("+1416555{number}")).await.call_id());
            }
            ids
        });
        Self { is_stopped, placed }
    }

    /// The ids of the calls, in their order.
    async fn stop(self) -> Vec<String> {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.placed.await.expect("each call gets a response")
    }
}

/// Runs a script of `ops/backup` with these settings.
async fn script(world: &World, name: &str, arguments: &[&str]) -> Output {
    let script = format!("{SCRIPTS}/{name}");
    let mut command = run_with_outdial(&[&[script.as_str()], arguments].concat());
    command.env("OUTDIAL_DATABASE_URL", world.database_url());
    if name.starts_with("postgres") {
        command.env("PG_BIN", testkit::services::postgres_programs());
    }
    command.output().await.expect("bash starts")
}

/// Returns the path of the backup.
async fn back_up(world: &World, backing: Backing) -> String {
    let folder = world.folder().join("backups");
    let folder = folder.to_str().expect("the path is ASCII");
    let (settings, recordings) = (world.settings_file(), world.recordings_folder());
    let output = match backing {
        PostgresAndRedis => script(world, "postgres-backup.sh", &[folder]).await,
        Sqlite => script(world, "sqlite-backup.sh", &[&settings, &recordings, folder]).await,
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a path").trim().to_owned()
}

async fn restore(world: &World, backing: Backing, backup: &str) -> Output {
    let recordings = world.recordings_folder();
    match backing {
        PostgresAndRedis => script(world, "postgres-restore.sh", &[backup]).await,
        Sqlite => {
            let file = world.database_url().strip_prefix("sqlite://").expect("a file");
            script(world, "sqlite-restore.sh", &[backup, file, &recordings]).await
        }
    }
}

async fn history(client: &Client) -> Vec<String> {
    let history = client.get("/api/calls/history?limit=200").await.body;
    let calls = history["calls"].as_array().unwrap_or_else(|| panic!("a list: {history}"));
    calls.iter().map(|call| call["callId"].as_str().expect("an id").to_owned()).collect()
}

/// The gateway and its stores are lost some calls after the backup. What was recorded before it is there
/// again, in an empty place and with an empty Redis, and blocks its duplicates. What came later is
/// missing, and can be found by what the provider has.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_gateway_goes_on_where_the_backup_was_made(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    // A result is held for longer than a slow machine needs to restore it.
    let world = World::new(backing).await.with("OUTDIAL_LOCK_TTL_MS", "600000");
    let world = world.with("OUTDIAL_BEFORE_DIAL_TIMEOUT_MS", "20000");
    let process = world.spawn().await;
    world.send_webhooks_to(&process.client);
    let mut ended = Vec::new();
    for number in ["+14165550181", "+14165550182", LAST_BEFORE] {
        let call_id = process.client.call_number(number).await.call_id();
        process.client.read_call_when(&call_id, "completed").await;
        let recorded = recorded(&process.client, &call_id).await;
        ended.push((call_id, recorded));
    }
    let ringing = process.client.start_calling(RINGS);
    world.wait_for_dial_to(RINGS).await;

    let load = Load::start(&process.client);
    world.wait_for_dials(6).await;
    let answered_before = history(&process.client).await;
    let backup = back_up(&world, backing).await;
    let dialled_by_then = world.simulator.dials().len();
    world.wait_for_dials(dialled_by_then + 2).await;
    let placed = load.stop().await;
    let lost = process.client.call_number(LOST).await.call_id();
    let seen = event_of(&process.client, "0", &lost).await;
    process.kill().await;
    assert!(ringing.try_response().await.is_none(), "the connection breaks");

    let world = world.in_an_empty_place().await;
    let restored = restore(&world, backing, &backup).await;
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let again = restore(&world, backing, &backup).await;
    assert!(!again.status.success(), "it replaces nothing: {}", String::from_utf8_lossy(&again.stdout));
    let printed = world.outdial(&["after-restore"]).await;
    assert!(printed.contains("no earlier than"), "{printed}");
    let process = world.spawn().await;

    let found = history(&process.client).await;
    assert!(answered_before.iter().all(|id| found.contains(id)), "{answered_before:?}: {found:?}");
    let of_load: Vec<_> = placed.iter().map(|id| found.contains(id)).collect();
    assert!(
        of_load.is_sorted_by(|earlier, later| earlier >= later),
        "a call is missing before one that is not"
    );
    assert!(!of_load[of_load.len() - 1] && !found.contains(&lost), "the last calls came after the backup");
    for (call_id, recorded_before) in &ended {
        let (call, recording) = recorded(&process.client, call_id).await;
        assert_eq!(call, recorded_before.0);
        assert!(recording == recorded_before.1, "the recording of {call_id}");
    }

    let duplicate = process.client.call_number(LAST_BEFORE).await;
    assert!(duplicate.is_duplicate() && duplicate.call_id() == ended[2].0, "{}", duplicate.body);
    let ringing = process.client.call_number(RINGS).await;
    assert!(ringing.is_in_flight(), "{}", ringing.body);
    for number in [LAST_BEFORE, RINGS] {
        assert_eq!(world.simulator.dials_to(number), 1, "{number}");
    }

    let missing = missing_calls(&world).await;
    let of_lost = world.simulator.dials().into_iter().find(|dial| dial.to_number == LOST);
    assert!(missing.contains(&of_lost.expect("it was dialled").conversation_id), "{missing}");
    let known = world.simulator.dials().into_iter().find(|dial| dial.to_number == LAST_BEFORE);
    assert!(!missing.contains(&known.expect("it was dialled").conversation_id), "{missing}");

    // A client that has seen more events than the backup has misses none that came while it was gone.
    let calls: Vec<_> =
        (3000..3012).map(|it| process.client.start_calling(&format!("+1416555{it}"))).collect();
    for call in calls {
        assert!(call.response().await.is_new_call());
    }
    let first = first_of_later_calls(&world, &process.client).await;
    event_of(&process.client, &seen, &first).await;
}

/// The first of the calls whose numbers begin with +14165553.
async fn first_of_later_calls(world: &World, client: &Client) -> String {
    let later = world.simulator.dials().into_iter().filter(|dial| dial.to_number.starts_with("+14165553"));
    let later: Vec<String> = later.filter_map(|dial| dial.user_id).collect();
    // The history begins with the newest call.
    let found = history(client).await.into_iter().rfind(|id| later.contains(id));
    found.expect("the calls are in the history")
}

/// The call with its transcript, and its recording.
async fn recorded(client: &Client, call_id: &str) -> (Value, Value) {
    let call = testkit::eventually("the recording is stored", async || {
        let call = client.read_call(call_id).await;
        call["recordings"][0].is_object().then_some(call)
    });
    let call = call.await;
    assert!(call["transcript"].is_array(), "{call}");
    let recording = client.get(&format!("/api/calls/{call_id}/recording")).await;
    assert_eq!(recording.status, 200, "{}", recording.body);
    (call, recording.body)
}

/// The id of the event that this call has begun. Panics if it is not after the event `after`.
async fn event_of(client: &Client, after: &str, call_id: &str) -> String {
    let mut events = client.follow_events(Some(after)).await;
    loop {
        let event = events.next().await;
        if event.name == "call_initiated" && event.json()["data"]["callId"] == call_id {
            return event.id;
        }
    }
}

/// What `outdial missing-calls` prints about all conversations of the provider.
async fn missing_calls(world: &World) -> String {
    let ids: Vec<_> = world.simulator.dials().into_iter().map(|dial| dial.conversation_id).collect();
    let mut command = run_with_outdial(&["outdial", "--config", &world.settings_file(), "missing-calls"]);
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().expect("outdial starts");
    let mut input = child.stdin.take().expect("the input is piped");
    input.write_all(ids.join("\n").as_bytes()).await.expect("the ids are read");
    drop(input);
    let output = child.wait_with_output().await.expect("the command ends");
    assert_eq!(output.status.code(), Some(1), "there are some");
    String::from_utf8(output.stdout).expect("the output is ASCII")
}

/// A script says what is wrong, and writes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_fails_leaves_nothing() {
    let world = World::new(Sqlite).await;
    let folder = world.folder().join("backups");
    let path = folder.to_str().expect("the path is ASCII");
    let refused = script(&world, "postgres-backup.sh", &[path]).await;
    assert!(!refused.status.success(), "a file is not a Postgres");
    let world = world.with("OUTDIAL_DATABASE_URL", "sqlite:///does/not/exist.db");
    let refused = script(&world, "sqlite-backup.sh", &[&world.settings_file(), "", path]).await;
    assert!(!refused.status.success(), "there is no such file");
    let left = std::fs::read_dir(Path::new(path)).expect("the folder exists").count();
    assert_eq!(left, 0, "nothing is left");
    let postgres = world.with("OUTDIAL_DATABASE_URL", "postgres://127.0.0.1/outdial");
    let postgres = postgres.with("OUTDIAL_REDIS_URL", "redis://127.0.0.1");
    let refused = postgres.try_outdial(&["backup", "/tmp/outdial-copy-that-is-not-made"]).await;
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && errors.contains("pg_dump"), "{errors}");
}
