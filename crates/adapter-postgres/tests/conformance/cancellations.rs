//! Work that ends before its time: its future is dropped, or a statement of its transaction fails.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use adapter_postgres::{PostgresSettings, PostgresStore};
use domain::ports::{
    CallLedger, CallUpdater, ContactRepo, DeliveryLease, DeliveryQueue, EventFeed, FeedQuery, HoldResult,
    UserRepo, WebhookEndpoints,
};
use domain::{Booking, CallUpdate, EventSequence};
use sqlx::Row;
use testkit::eventually;
use testkit::fault_proxy::{Fault, FaultProxy};
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;
use crate::proxy::fault_proxy_before;

const MINUTE: Duration = Duration::from_secs(60);
const OPERATIONS: u64 = 7;

/// Long limits, so that the server ends no session itself, and a busy machine fails no operation.
fn settings(harness: &PostgresHarness, max_connections: u32) -> PostgresSettings {
    PostgresSettings {
        max_connections,
        acquire_timeout: MINUTE,
        statement_timeout: 4 * MINUTE,
        ..harness.database().settings()
    }
}

/// The only store that has connections to the database.
async fn connect(harness: &PostgresHarness, settings: &PostgresSettings) -> PostgresStore {
    harness.adapter().close().await;
    eventually("the harness has no session", async || sessions(harness, "%").await == 0).await;
    PostgresStore::connect(settings).await.expect("the server responds")
}

/// The same through a proxy that delays every response, so that each wait for one is an await at
/// which a future can be dropped.
async fn connect_slowly(harness: &PostgresHarness, max_connections: u32) -> (FaultProxy, PostgresStore) {
    let (proxy, url) = fault_proxy_before(&harness.database().url()).await;
    proxy.set(Fault::Delay { requests: Duration::ZERO, answers: Duration::from_millis(2) });
    let store = connect(harness, &PostgresSettings { url, ..settings(harness, max_connections) }).await;
    (proxy, store)
}

/// Polls a future at most so many times, and drops it.
async fn cancelled_after<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let (mut future, mut polled) = (pin!(future), 0);
    poll_fn(|context| {
        polled += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled < polls => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        }
    })
    .await
}

/// One operation, and whether its result is right.
async fn operate(store: &PostgresStore, tenant: &Tenant, booked: &Booking, operation: u64) -> bool {
    let organization_id = &tenant.organization.id;
    match operation % OPERATIONS {
        0 => UserRepo::find(store, &tenant.user.id).await == Ok(Some(tenant.stored_user())),
        1 => store.book(&tenant.booking(MINUTE)).await == Ok(HoldResult::Granted),
        // These are transactions.
        2 => store.publish(3).await.is_ok(),
        3 => store.merge(&booked.identity.call_id, &CallUpdate::unresolved()).await.is_ok(),
        4 => store.register(&fixtures::webhook_endpoint(organization_id), 1000).await.is_ok(),
        5 => {
            let lease = DeliveryLease {
                limit: 1,
                per_endpoint: 5,
                per_organization: 5,
                running: BTreeMap::new(),
                lease_for: MINUTE,
            };
            store.lease(&lease).await.is_ok()
        }
        _ => {
            let query = FeedQuery {
                organization_id: organization_id.clone(),
                after: EventSequence::START,
                limit: 5,
                wait: Duration::ZERO,
            };
            let read = store.read(&query).await;
            read.is_ok_and(|events| {
                events.iter().all(|event| event.identity.organization_id == *organization_id)
            })
        }
    }
}

async fn count(harness: &PostgresHarness, sql: &str) -> i64 {
    harness.database().query(&format!("select ({sql})::text as counted")).await[0]
        .get::<String, _>("counted")
        .parse()
        .expect("a number")
}

async fn sessions(harness: &PostgresHarness, state: &str) -> i64 {
    let sql = format!(
        "select count(*) from pg_stat_activity \
          where datname = current_database() and application_name = 'outdial' and state like '{state}'"
    );
    count(harness, &sql).await
}

async fn no_transaction_is_open(harness: &PostgresHarness) {
    eventually("no session is in a transaction", async || {
        sessions(harness, "idle in transaction%").await == 0
    })
    .await;
}

/// A second connection would hide that the place of the first is lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_dropped_at_any_await_leaves_no_transaction_and_no_used_connection() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let (_proxy, store) = connect_slowly(&harness, 1).await;
    let booked = tenant.booking(MINUTE);
    assert_eq!(store.book(&booked).await, Ok(HoldResult::Granted));
    let endpoint = fixtures::webhook_endpoint(&tenant.organization.id);
    store.register(&endpoint, 1000).await.expect("the server responds");
    for operation in 0..OPERATIONS {
        let mut polls = 1;
        loop {
            // Something to publish and to lease.
            assert_eq!(store.book(&tenant.booking(MINUTE)).await, Ok(HoldResult::Granted));
            let ended = cancelled_after(polls, operate(&store, &tenant, &booked, operation)).await;
            no_transaction_is_open(&harness).await;
            let user = UserRepo::find(&store, &tenant.user.id).await;
            assert_eq!(user, Ok(Some(tenant.stored_user())), "operation {operation}, {polls} polls");
            match ended {
                Some(is_right) => break assert!(is_right, "operation {operation}, {polls} polls"),
                None => polls += 1,
            }
        }
        assert!(polls > 1, "operation {operation} was not cancelled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_cancelled_operations_leave_a_correct_store() {
    const MAX_CONNECTIONS: u32 = 3;
    let harness = PostgresHarness::new().await;
    let tenants: Vec<_> = (0..8).map(|_| Tenant::new()).collect();
    harness.store(&tenants.iter().flat_map(Tenant::records).collect::<Vec<_>>()).await;
    let (_proxy, store) = connect_slowly(&harness, MAX_CONNECTIONS).await;
    let tasks: Vec<_> = tenants
        .into_iter()
        .zip(1_u64..)
        .map(|(tenant, seed)| {
            let store = store.clone();
            tokio::spawn(async move {
                let booked = tenant.booking(MINUTE);
                assert_eq!(store.book(&booked).await, Ok(HoldResult::Granted));
                let (mut random, mut cancelled) = (seed, 0);
                while cancelled < 125 {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let (operation, polls) = (random >> 60, 1 + (random >> 40) % 12);
                    let operation = operate(&store, &tenant, &booked, operation);
                    match cancelled_after(polls, operation).await {
                        Some(is_right) => assert!(is_right, "seed {seed}, after {cancelled}"),
                        None => cancelled += 1,
                    }
                }
                tenant
            })
        })
        .collect();
    for task in tasks {
        let tenant = task.await.expect("every result is right");
        for _ in 0..MAX_CONNECTIONS {
            assert_eq!(UserRepo::find(&store, &tenant.user.id).await, Ok(Some(tenant.stored_user())));
        }
    }

    no_transaction_is_open(&harness).await;
    eventually("the abandoned sessions end", async || {
        sessions(&harness, "%").await <= i64::from(MAX_CONNECTIONS)
    })
    .await;
    while store.publish(1000).await.expect("the server responds") > 0 {}
    let events = count(&harness, "select count(*) from call_events").await;
    assert_eq!(count(&harness, "select count(distinct position) from call_events").await, events);
    assert_eq!(count(&harness, "select last_position from event_order").await, events);
    let calls = count(&harness, "select count(*) from calls").await;
    assert_eq!(count(&harness, "select count(*) from dial_guards").await, calls);
    let initiated = "select count(*) from call_events where kind = 'call_initiated'";
    assert_eq!(count(&harness, initiated).await, calls);
}

/// The statement fails and its transaction is dropped: that only queues a rollback. The server must
/// not keep the lock of the row until the connection is used again.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_a_transaction_leaves_no_transaction() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let store = connect(&harness, &settings(&harness, 1)).await;
    let booked = tenant.booking(MINUTE);
    assert_eq!(store.book(&booked).await, Ok(HoldResult::Granted));
    harness
        .database()
        .execute(
            "create function refuse() returns trigger language plpgsql as $$ begin \
                 raise exception 'refused'; \
             end $$; \
             create trigger refuse before update on calls for each row execute function refuse()",
        )
        .await;
    let merged = store.merge(&booked.identity.call_id, &CallUpdate::unresolved()).await;
    assert!(merged.is_err(), "the trigger refuses it");
    no_transaction_is_open(&harness).await;
    harness.database().execute("drop trigger refuse on calls").await;
    assert_eq!(store.merge(&booked.identity.call_id, &CallUpdate::unresolved()).await, Ok(()));
}

/// An error of a statement alone leaves the connection ready for the next one. Closing it would
/// make a storm of connections of each storm of timeouts.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_outside_a_transaction_keeps_the_connection() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let store = connect(&harness, &settings(&harness, 1)).await;
    let session = "select string_agg(pid::text, '') from pg_stat_activity \
                    where datname = current_database() and application_name = 'outdial'";
    let before = count(&harness, session).await;
    let unknown = fixtures::organization().id;
    for _ in 0..3 {
        let created =
            store.find_or_create(&unknown, &fixtures::phone_number(), &fixtures::contact_id()).await;
        assert!(created.is_err(), "its organization is not there");
        assert_eq!(UserRepo::find(&store, &tenant.user.id).await, Ok(Some(tenant.stored_user())));
    }
    assert_eq!(count(&harness, session).await, before);
}
