//! The readers that wait for events, and the connection that listens for them.

use std::time::Duration;

use adapter_postgres::{PostgresSettings, PostgresStore};
use domain::ports::{CallLedger, EventFeed, FeedQuery, PortUnavailable, UserRepo};
use domain::{CallEvent, EventSequence};
use sqlx::Row;
use testkit::fixtures::Tenant;
use testkit::harness::StoresRecords;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::harness::PostgresHarness;
use crate::proxy::StatementCounter;

const MINUTE: Duration = Duration::from_secs(60);
/// Shorter than the poll interval of a reader while the store listens.
const SOON: Duration = Duration::from_secs(4);

async fn harness_with_tenant() -> (PostgresHarness, Tenant) {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    (harness, tenant)
}

fn query(tenant: &Tenant, after: EventSequence, wait: Duration) -> FeedQuery {
    FeedQuery { organization_id: tenant.organization.id.clone(), after, limit: 10, wait }
}

type Waiting = JoinHandle<Result<Vec<CallEvent>, PortUnavailable>>;

fn wait(store: &PostgresStore, query: FeedQuery) -> Waiting {
    let store = store.clone();
    tokio::spawn(async move { store.read(&query).await })
}

async fn events_of(waiting: Waiting) -> Vec<CallEvent> {
    let read = timeout(SOON, waiting).await.expect("the reader is woken soon");
    read.expect("reading does not panic").expect("the server responds")
}

/// Books a call and publishes its event, as another process does.
async fn publish(harness: &PostgresHarness, tenant: &Tenant) {
    let other = harness.database().open().await;
    other.book(&tenant.booking(MINUTE)).await.expect("the server responds");
    assert_eq!(other.publish(10).await, Ok(1));
    other.close().await;
}

/// Waits for a session that listens and is not `known`.
async fn listener_other_than(harness: &PostgresHarness, known: Option<i32>) -> i32 {
    let known = known.unwrap_or_default();
    let sql = format!(
        "select pid from pg_stat_activity where datname = current_database() and query ilike 'listen %' \
            and state = 'idle' and pid <> {known}"
    );
    for _ in 0..1000 {
        if let [row] = &harness.database().query(&sql).await[..] {
            return row.get::<i32, _>("pid");
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("no session listens")
}

/// When the session that listens ends, the readers poll until there is another session. Then they
/// are woken as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_whose_session_is_ended_is_replaced() {
    let (harness, tenant) = harness_with_tenant().await;
    let (proxy, url) = StatementCounter::before(&harness.database().url()).await;
    // Each new connection is checked with a statement, so there is only one.
    let settings = PostgresSettings { max_connections: 1, ..PostgresSettings::new(url) };
    let store = PostgresStore::connect(&settings).await.expect("the server responds");
    let mut position = EventSequence::START;
    let mut listener = None;
    for round in 0..3 {
        let waiting = wait(&store, query(&tenant, position, MINUTE));
        let pid = listener_other_than(&harness, listener).await;
        listener = Some(pid);
        if round > 0 {
            // The store listens again: a reader looks at the beginning and at the end only.
            sleep(Duration::from_millis(200)).await;
            let before = proxy.statements();
            let nothing = store.read(&query(&tenant, position, Duration::from_secs(3))).await;
            assert_eq!((nothing, proxy.statements() - before), (Ok(Vec::new()), 2), "round {round}");
        }
        publish(&harness, &tenant).await;
        position = events_of(waiting).await[0].sequence;

        let waiting = wait(&store, query(&tenant, position, MINUTE));
        harness.database().execute(&format!("select pg_terminate_backend({pid}, 5000)")).await;
        publish(&harness, &tenant).await;
        position = events_of(waiting).await[0].sequence;
    }
}

/// A publication for one organization does not wake the readers of another.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_woken_for_its_own_organization_alone() {
    let (harness, ours) = harness_with_tenant().await;
    let theirs = Tenant::new();
    harness.store(&theirs.records()).await;
    let (proxy, url) = StatementCounter::before(&harness.database().url()).await;
    // Each new connection is checked with a statement, so there is only one.
    let settings = PostgresSettings { max_connections: 1, ..PostgresSettings::new(url) };
    let store = PostgresStore::connect(&settings).await.expect("the server responds");
    let first = wait(&store, query(&ours, EventSequence::START, Duration::from_secs(1)));
    listener_other_than(&harness, None).await;
    assert_eq!(events_of(first).await, []);

    let before = proxy.statements();
    let waiting = wait(&store, query(&ours, EventSequence::START, Duration::from_secs(3)));
    for _ in 0..3 {
        publish(&harness, &theirs).await;
    }
    assert_eq!(events_of(waiting).await, []);
    assert_eq!(proxy.statements() - before, 2, "one look at the beginning and one at the end");
}

/// A waiting reader holds no connection of the pool, and all readers share one connection that
/// listens.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_holds_no_connection() {
    let (harness, tenant) = harness_with_tenant().await;
    let settings = PostgresSettings { max_connections: 1, ..harness.database().settings() };
    let store = PostgresStore::connect(&settings).await.expect("the server responds");
    let waiting: Vec<_> =
        (0..20).map(|_| wait(&store, query(&tenant, EventSequence::START, MINUTE))).collect();
    listener_other_than(&harness, None).await;
    for _ in 0..3 {
        assert_eq!(UserRepo::find(&store, &tenant.user.id).await, Ok(Some(tenant.stored_user())));
    }
    publish(&harness, &tenant).await;
    for waiting in waiting {
        assert_eq!(events_of(waiting).await.len(), 1);
    }
}

/// A store that is closed or dropped leaves no session and no waiting reader.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ends_stops_listening() {
    let (harness, tenant) = harness_with_tenant().await;
    harness.adapter().close().await;
    let sessions = || async {
        let sql = "select pid from pg_stat_activity where datname = current_database() and application_name = 'outdial'";
        harness.database().query(sql).await.len()
    };
    let closed = harness.database().open().await;
    let waiting = wait(&closed, query(&tenant, EventSequence::START, MINUTE));
    listener_other_than(&harness, None).await;
    closed.close().await;
    assert_eq!(sessions().await, 0, "after closing");
    let read = timeout(SOON, waiting).await.expect("the reader is woken").expect("reading does not panic");
    assert_eq!(
        read.expect_err("the store is closed").to_string(),
        "postgres is unavailable: the store is closed"
    );
    let late = closed.read(&query(&tenant, EventSequence::START, MINUTE)).await;
    assert!(late.is_err(), "a closed store does not wait");

    let dropped = harness.database().open().await;
    let waiting = wait(&dropped, query(&tenant, EventSequence::START, MINUTE));
    listener_other_than(&harness, None).await;
    waiting.abort();
    let _aborted = waiting.await;
    drop(dropped);
    for _ in 0..500 {
        if sessions().await == 0 {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("a dropped store still has sessions");
}
