//! Those who wait for events, and the connection that listens for them.

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
use crate::proxy::Proxy;

const MINUTE: Duration = Duration::from_secs(60);
/// Less than those who wait take to look by themselves while somebody listens for them.
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

async fn answered(waiting: Waiting) -> Vec<CallEvent> {
    let answer = timeout(SOON, waiting).await.expect("whoever waits is answered soon");
    answer.expect("reading does not panic").expect("the server answers")
}

/// Has something happen, and publishes it as another process does.
async fn publish(harness: &PostgresHarness, tenant: &Tenant) {
    let other = harness.database().open().await;
    other.book(&tenant.booking(MINUTE)).await.expect("the server answers");
    assert_eq!(other.publish(10).await, Ok(1));
    other.close().await;
}

/// The session that listens, as soon as there is one other than this.
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
    panic!("nobody listens")
}

/// A session that listens and is ended is missed for a moment, in which those who wait look by themselves; then there is
/// another one, and they are woken as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_whose_session_is_ended_comes_back() {
    let (harness, tenant) = harness_with_tenant().await;
    let (proxy, url) = Proxy::before(&harness.database().url()).await;
    let store = PostgresStore::connect(&PostgresSettings::new(url)).await.expect("the server answers");
    let mut position = EventSequence::START;
    let mut listener = None;
    for round in 0..3 {
        let waiting = wait(&store, query(&tenant, position, MINUTE));
        let pid = listener_other_than(&harness, listener).await;
        listener = Some(pid);
        if round > 0 {
            // Somebody listens again: whoever waits looks at the beginning and at the end, and not all the time.
            sleep(Duration::from_millis(200)).await;
            let before = proxy.statements();
            let nothing = store.read(&query(&tenant, position, Duration::from_secs(3))).await;
            assert_eq!((nothing, proxy.statements() - before), (Ok(Vec::new()), 2), "round {round}");
        }
        publish(&harness, &tenant).await;
        position = answered(waiting).await[0].sequence;

        let waiting = wait(&store, query(&tenant, position, MINUTE));
        harness.database().execute(&format!("select pg_terminate_backend({pid}, 5000)")).await;
        publish(&harness, &tenant).await;
        position = answered(waiting).await[0].sequence;
    }
}

/// Whoever waits is not bothered with what is told to others.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_woken_for_its_own_organization_alone() {
    let (harness, ours) = harness_with_tenant().await;
    let theirs = Tenant::new();
    harness.store(&theirs.records()).await;
    let (proxy, url) = Proxy::before(&harness.database().url()).await;
    let store = PostgresStore::connect(&PostgresSettings::new(url)).await.expect("the server answers");
    let first = wait(&store, query(&ours, EventSequence::START, Duration::from_secs(1)));
    listener_other_than(&harness, None).await;
    assert_eq!(answered(first).await, []);

    let before = proxy.statements();
    let waiting = wait(&store, query(&ours, EventSequence::START, Duration::from_secs(3)));
    for _ in 0..3 {
        publish(&harness, &theirs).await;
    }
    assert_eq!(answered(waiting).await, []);
    assert_eq!(proxy.statements() - before, 2, "a look at the beginning and one at the end");
}

/// Waiting holds no connection of the pool, and all who wait share one that listens.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_takes_no_connection_away() {
    let (harness, tenant) = harness_with_tenant().await;
    let settings = PostgresSettings { max_connections: 1, ..harness.database().settings() };
    let store = PostgresStore::connect(&settings).await.expect("the server answers");
    let waiting: Vec<_> =
        (0..20).map(|_| wait(&store, query(&tenant, EventSequence::START, MINUTE))).collect();
    listener_other_than(&harness, None).await;
    for _ in 0..3 {
        assert_eq!(UserRepo::find(&store, &tenant.user.id).await, Ok(Some(tenant.stored_user())));
    }
    publish(&harness, &tenant).await;
    for waiting in waiting {
        assert_eq!(answered(waiting).await.len(), 1);
    }
}

/// A store that is closed, or dropped, leaves no session behind, and nobody waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ends_listens_no_more() {
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
    let answer =
        timeout(SOON, waiting).await.expect("whoever waits is told").expect("reading does not panic");
    assert_eq!(answer.expect_err("it is closed").to_string(), "postgres is unavailable: the store is closed");
    let late = closed.read(&query(&tenant, EventSequence::START, MINUTE)).await;
    assert!(late.is_err(), "a closed store is not waited for");

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
    panic!("a store that was dropped still has sessions");
}
