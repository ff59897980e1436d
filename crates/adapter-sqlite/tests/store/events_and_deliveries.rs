//! Events and deliveries, beyond the suites of their ports.

use std::collections::BTreeMap;
use std::time::Duration;

use adapter_sqlite::SqliteStore;
use domain::ports::{
    AttemptConclusion, CallLedger, DeliveryLease, DeliveryListQuery, DeliveryQueue, EventFeed, FeedQuery,
    RegistrationResult, ReplayQuery, UserRepo, WebhookEndpoints,
};
use domain::{DeliveryFailure, DeliveryFilter, DeliveryState, DueDelivery, EventSequence};
use sqlx::{Connection, SqliteConnection};
use testkit::fixtures::{Tenant, webhook_endpoint};
use tokio::task::JoinHandle;

use crate::{LONG, connect, import, migrated, open};

/// Workers publish and lease several times a second. If there is nothing to do, they must not
/// occupy the writer, which bookings need.
#[tokio::test]
async fn workers_without_work_do_not_wait_for_the_writer() {
    let (store, path, _folder) = migrated().await;
    let tenant = tenant_with_calls(&store, 2).await;
    assert_eq!(store.publish(10).await, Ok(2));
    assert_eq!(store.lease(&lease(10)).await.expect("the store is available").len(), 2);

    let mut stuck = connect(&path).await;
    let held = stuck.begin_with("begin immediate").await.expect("no other connection writes");
    assert_eq!(store.publish(10).await, Ok(0));
    assert_eq!(store.lease(&lease(10)).await, Ok(Vec::new()), "both are leased");
    held.rollback().await.expect("the transaction is open");

    store.book(&tenant.booking(LONG)).await.expect("the store is available");
    let held = stuck.begin_with("begin immediate").await.expect("no other connection writes");
    store
        .publish(10)
        .await
        .expect_err("there is something to publish, and the other connection holds the lock");
    held.rollback().await.expect("the transaction is open");
    assert_eq!(store.publish(10).await, Ok(1));
}

/// Like two processes, the stores share only the file.
#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_file_wake_each_other() {
    let (ours, path, _folder) = migrated().await;
    let theirs = open(&path).await;
    let tenant = tenant_with_calls(&ours, 0).await;
    for (publisher, reader) in [(&ours, &theirs), (&theirs, &ours)] {
        let newest = reader.newest(&tenant.organization.id).await.expect("the store is available");
        let waiting = waiting(reader, &tenant, newest);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let booking = tenant.booking(LONG);
        publisher.book(&booking).await.expect("the store is available");
        assert_eq!(publisher.publish(10).await, Ok(1));
        let events = tokio::time::timeout(LONG / 4, waiting).await.expect("it polls every second");
        assert_eq!(events.expect("no task panics"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_readers_hold_no_connection() {
    let (store, ..) = &migrated().await;
    let tenant = tenant_with_calls(store, 0).await;
    let many: Vec<_> = (0..50).map(|_| waiting(store, &tenant, EventSequence::START)).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let user = UserRepo::find(store, &tenant.user.id).await;
    assert_eq!(user, Ok(Some(tenant.stored_user())));
    store.book(&tenant.booking(LONG)).await.expect("the store is available");
    assert_eq!(store.publish(10).await, Ok(1));
    for one in many {
        let events = tokio::time::timeout(LONG / 4, one).await.expect("all readers are woken");
        assert_eq!(events.expect("no task panics"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_store_ends_every_wait() {
    let (store, ..) = &migrated().await;
    let tenant = tenant_with_calls(store, 0).await;
    let waiting = waiting(store, &tenant, EventSequence::START);
    tokio::time::sleep(Duration::from_millis(100)).await;
    store.close().await;
    let ended = tokio::time::timeout(LONG / 4, waiting).await.expect("the wait ends");
    ended.expect_err("the store is closed");
}

/// A replay counts attempts from the beginning: with the number alone, an earlier attempt could
/// conclude the delivery.
#[tokio::test]
async fn an_attempt_from_before_a_replay_concludes_nothing() {
    let (store, ..) = &migrated().await;
    let tenant = tenant_with_calls(store, 1).await;
    store.publish(10).await.expect("the store is available");
    let before = only(store.lease(&lease(10)).await.expect("the store is available"));
    let failure = DeliveryFailure::TimedOut;
    store.conclude(&before, AttemptConclusion::GivenUp { failure }).await.expect("the store is available");
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(store.replay(&ReplayQuery::default()).await, Ok(1));
    let after = only(store.lease(&lease(10)).await.expect("the store is available"));
    assert_eq!(after.attempt, before.attempt);

    store.conclude(&before, AttemptConclusion::Delivered).await.expect("nothing is concluded");
    assert_eq!(states(store, &tenant).await, [DeliveryState::Pending]);
    store.conclude(&after, AttemptConclusion::Delivered).await.expect("the store is available");
    assert_eq!(states(store, &tenant).await, [DeliveryState::Delivered]);
}

/// The queue is larger than one batch of a replay or a removal.
#[tokio::test]
async fn a_large_queue_is_replayed_once_and_removed_completely() {
    let (store, path, _folder) = migrated().await;
    let tenant = tenant_with_calls(&store, 1).await;
    let mut connection = connect(&path).await;
    multiply(&mut connection, 1_234).await;
    assert_eq!(store.publish(10_000).await, Ok(1_235));
    sqlx::raw_sql("update webhook_deliveries set state = 'dead', concluded_at = 1")
        .execute(&mut connection)
        .await
        .expect("the table is there");
    let others =
        ReplayQuery { organization_id: Some(Tenant::new().organization.id), ..ReplayQuery::default() };
    assert_eq!(store.replay(&others).await, Ok(0));
    let ours = ReplayQuery {
        organization_id: Some(tenant.organization.id.clone()),
        delivered_too: true,
        ..ReplayQuery::default()
    };
    assert_eq!(store.replay(&ours).await, Ok(1_235));
    assert!(states(&store, &tenant).await.iter().all(|state| *state == DeliveryState::Pending));
    assert_eq!(store.replay(&ours).await, Ok(0), "all deliveries are pending");

    let (ours, theirs) = (&tenant.organization.id, &Tenant::new().organization.id);
    let endpoint = WebhookEndpoints::list(&store, ours).await.expect("the store is available").remove(0);
    assert_eq!(store.remove(theirs, &endpoint.id).await, Ok(false));
    assert_eq!(states(&store, &tenant).await.len(), 1_235, "the endpoint of another organization stays");
    assert_eq!(store.remove(ours, &endpoint.id).await, Ok(true));
    let left: i64 = sqlx::query_scalar("select count(*) from webhook_deliveries")
        .fetch_one(&mut connection)
        .await
        .expect("the table is there");
    assert_eq!(left, 0);
}

/// A tenant with an endpoint for every kind of event, and with this many booked calls.
async fn tenant_with_calls(store: &SqliteStore, calls: usize) -> Tenant {
    let tenant = Tenant::new();
    import(store, &tenant.records()).await;
    let endpoint = webhook_endpoint(&tenant.organization.id);
    assert_eq!(store.register(&endpoint, 1).await, Ok(RegistrationResult::Registered));
    for _ in 0..calls {
        store.book(&tenant.booking(LONG)).await.expect("the store is available");
    }
    tenant
}

/// A reader that waits for longer than any test takes. Returns the number of events.
fn waiting(store: &SqliteStore, tenant: &Tenant, after: EventSequence) -> JoinHandle<usize> {
    let (store, organization_id) = (store.clone(), tenant.organization.id.clone());
    let query = FeedQuery { organization_id, after, limit: 10, wait: LONG };
    tokio::spawn(async move { store.read(&query).await.expect("the store is available").len() })
}

/// Writes this many copies of the only call, and an event for each.
async fn multiply(file: &mut SqliteConnection, copies: u32) {
    for statement in [
        "with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ?)
         insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, state, booked_at)
         select id || n, organization_id, user_id, contact_id, agent_id, from_number, to_number, state, booked_at
         from numbers, calls where true",
        "insert into call_events (call_id, kind, status_rank, organization_id, happened_at)
         select id, 'call_initiated', 0, organization_id, 0 from calls where ? and true on conflict do nothing",
    ] {
        sqlx::query(statement).bind(copies).execute(&mut *file).await.expect("the tables are there");
    }
}

fn lease(limit: u32) -> DeliveryLease {
    DeliveryLease {
        limit,
        per_endpoint: limit,
        per_organization: limit,
        running: BTreeMap::new(),
        lease_for: LONG,
    }
}

fn only(mut deliveries: Vec<DueDelivery>) -> DueDelivery {
    assert_eq!(deliveries.len(), 1);
    deliveries.remove(0)
}

async fn states(store: &SqliteStore, tenant: &Tenant) -> Vec<DeliveryState> {
    let query = DeliveryListQuery {
        organization_id: tenant.organization.id.clone(),
        filter: DeliveryFilter { endpoint_id: None, state: None, before: None, limit: 10_000 },
    };
    let listed = DeliveryQueue::list(store, &query).await.expect("the store is available");
    listed.into_iter().map(|delivery| delivery.state).collect()
}
