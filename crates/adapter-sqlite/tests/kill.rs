//! What an operation has reported is in the file, whenever the process dies.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use adapter_sqlite::{SqliteSettings, SqliteStore};
use domain::ports::{CallLedger, Directory, HoldResult, Settlement};
use domain::{CallStatus, DialOutcome};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use testkit::fixtures::{Tenant, moment, provider_reference};

/// The file, in the folder where the child is started.
const FILE: &str = "killed.db";
/// The test that is the child.
const CHILD: &str = "a_child_books_and_settles_until_it_is_killed";

#[tokio::test(flavor = "multi_thread")]
async fn no_reported_call_is_lost_by_kill_9() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    open(&folder.path().join(FILE)).await.migrate().await.expect("the schema is new");
    let (mut booked, mut settled) = (HashSet::new(), HashSet::new());

    for reports_before_death in [40, 90, 250] {
        for report in reports_of_a_killed_child(folder.path(), reports_before_death) {
            match report.split_once(' ') {
                Some(("booked", id)) => booked.insert(id.to_owned()),
                Some(("settled", id)) => settled.insert(id.to_owned()),
                _ => continue,
            };
        }
        let mut file = SqliteConnectOptions::new()
            .filename(folder.path().join(FILE))
            .connect()
            .await
            .expect("the file is there");
        let integrity: String =
            sqlx::query_scalar("pragma integrity_check").fetch_one(&mut file).await.expect("a result");
        assert_eq!(integrity, "ok");
        assert_eq!(count(&mut file, "select count(*) from pragma_foreign_key_check").await, 0);

        let in_ledger = ids(&mut file, "select id from calls").await;
        assert!(booked.is_subset(&in_ledger), "{} calls were lost", booked.difference(&in_ledger).count());
        let placed = ids(&mut file, "select id from calls where state = 'placed'").await;
        assert!(settled.is_subset(&placed), "{} results were lost", settled.difference(&placed).count());
        let unreserved = "select count(*) from calls where id not in (select call_id from dial_guards)";
        assert_eq!(count(&mut file, unreserved).await, 0, "a call and its reservation are written together");
        let events = "select count(*) from call_events";
        let steps = "select count(*) + count(settled_at) from calls";
        assert_eq!(
            count(&mut file, events).await,
            count(&mut file, steps).await,
            "each step is written with its event"
        );
    }
    assert!(booked.len() > 100 && settled.len() > 100, "the children did work");
}

/// Starts the child in this folder, kills it after this many lines, and returns every complete
/// line.
fn reports_of_a_killed_child(folder: &Path, lines: usize) -> Vec<String> {
    let this_test = std::env::current_exe().expect("the path of this test is known");
    let mut child = Command::new(this_test)
        .args(["--exact", CHILD, "--ignored", "--nocapture"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test can be started");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut reports = Vec::new();
    let mut line = String::new();
    while output.read_line(&mut line).expect("the child writes text") > 0 && line.ends_with('\n') {
        reports.push(line.trim_end().to_owned());
        line.clear();
        if reports.len() == lines {
            child.kill().expect("the child is ours");
        }
    }
    let status = child.wait().expect("the child is ours");
    assert!(!status.success() && reports.len() >= lines, "the child ended before it was killed: {status}");
    reports
}

/// Several concurrent writers, which share syncs. Each reports an operation after it has returned. They end at some
/// time if the child is not killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of no_reported_call_is_lost_by_kill_9"]
async fn a_child_books_and_settles_until_it_is_killed() {
    if !Path::new(FILE).exists() {
        return;
    }
    let store = open(Path::new(FILE)).await;
    let tenant = Tenant::new();
    let mut import = store.begin().await.expect("the store is available");
    import.upsert(&tenant.records()).await.expect("the records agree with each other");
    import.commit().await.expect("the store is available");
    println!();
    let writers = (0..16).map(|_| {
        let (store, tenant) = (store.clone(), tenant.clone());
        tokio::spawn(async move {
            for _ in 0..2_000 {
                let booking = tenant.booking(Duration::from_secs(90));
                assert_eq!(store.book(&booking).await, Ok(HoldResult::Granted));
                report("booked", booking.identity.call_id.as_str());
                let settlement = Settlement {
                    call_id: &booking.identity.call_id,
                    key: &booking.key,
                    token: &booking.token,
                    outcome: &DialOutcome::Placed(provider_reference()),
                    status: CallStatus::InProgress,
                    hold_for: Duration::from_secs(30),
                    settled_at: moment(),
                };
                store.settle(&settlement).await.expect("the store is available");
                report("settled", booking.identity.call_id.as_str());
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no writer fails");
    }
}

/// Writes the line in one system call, so that lines stay complete.
fn report(what: &str, id: &str) {
    let line = format!("{what} {id}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).expect("the parent reads");
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(&SqliteSettings::file(path)).await.expect("the file can be opened")
}

async fn ids(file: &mut SqliteConnection, query: &'static str) -> HashSet<String> {
    let ids: Vec<String> = sqlx::query_scalar(query).fetch_all(file).await.expect("the table is there");
    ids.into_iter().collect()
}

async fn count(file: &mut SqliteConnection, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(file).await.expect("the table is there")
}
