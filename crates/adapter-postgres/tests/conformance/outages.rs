//! A server that stalls, ends or restarts.

use std::time::{Duration, Instant};

use adapter_postgres::{PostgresSettings, PostgresStore};
use domain::UserId;
use domain::ports::{CallLedger, CallUpdater, Directory, HoldResult, PortUnavailable, UserRepo};
use testkit::fault_proxy::Fault;
use testkit::fixtures::Tenant;
use testkit::harness::StoresRecords;

use crate::harness::{PostgresHarness, TestDatabase};
use crate::proxy::fault_proxy_before;

const BOUND: Duration = Duration::from_secs(5);

/// A server that accepts bytes and does not respond causes no error: each operation ends with our
/// timeout. Afterwards neither the lost connections nor the late responses disturb other
/// operations.
#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_server_times_out_and_is_found_again() {
    let (harness, tenant, other) = (PostgresHarness::new().await, Tenant::new(), Tenant::new());
    harness.store(&[tenant.records(), other.records()].concat()).await;
    let (proxy, url) = fault_proxy_before(&harness.database().url()).await;
    let settings = PostgresSettings { max_connections: 2, ..PostgresSettings::new(url) };
    let store = PostgresStore::connect(&settings).await.expect("the server responds");

    proxy.set(Fault::Hold);
    let started = Instant::now();
    let booking = tenant.booking(Duration::from_secs(60));
    let settled = domain::DialOutcome::NotDialled(domain::NotDialledReason::Unavailable);
    let settlement = domain::ports::Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome: &settled,
        status: domain::CallStatus::Failed,
        hold_for: Duration::from_secs(30),
        settled_at: booking.booked_at,
    };
    let update = domain::CallUpdate::unresolved();
    let (found, booked, settled, merged, begun, pinged, opened) = tokio::join!(
        UserRepo::find(&store, &tenant.user.id),
        store.book(&booking),
        store.settle(&settlement),
        store.merge(&booking.identity.call_id, &update),
        store.begin(),
        store.ping(),
        PostgresStore::connect(&settings),
    );
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    is_unavailable("find", found);
    is_unavailable("book", booked);
    is_unavailable("settle", settled);
    is_unavailable("merge", merged);
    is_unavailable("begin", begun.map(|_| "an import"));
    is_unavailable("ping", pinged);
    is_unavailable("connect", opened);

    proxy.set(Fault::None);
    // One after the other on two connections: each would meet a late response of the stalled
    // server.
    for tenant in [&other, &tenant, &other, &tenant] {
        assert_eq!(UserRepo::find(&store, &tenant.user.id).await, Ok(Some(tenant.stored_user())));
    }
    assert_eq!(store.book(&other.booking(Duration::from_secs(60))).await, Ok(HoldResult::Granted));
}

/// After a failover the old connections hang and new ones work. A statement that runs at that time
/// times out. From then on the other old connections are tried before they are used, and the pool
/// has room for new ones.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_a_failover_left_hanging_are_replaced() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let (proxy, url) = fault_proxy_before(&harness.database().url()).await;
    let settings = PostgresSettings { max_connections: 3, ..PostgresSettings::new(url) };
    let store = PostgresStore::connect(&settings).await.expect("the server responds");
    let find_thrice = || async {
        tokio::join!(
            UserRepo::find(&store, &tenant.user.id),
            UserRepo::find(&store, &tenant.user.id),
            UserRepo::find(&store, &tenant.user.id)
        )
    };

    let (one, two, three) = find_thrice().await;
    assert!([one, two, three].iter().all(Result::is_ok), "three connections are open");
    proxy.set_for_open(Fault::Hold);
    is_unavailable("the first to notice", UserRepo::find(&store, &tenant.user.id).await);
    for booking in [tenant.booking(BOUND), tenant.booking(BOUND), tenant.booking(BOUND)] {
        assert_eq!(store.book(&booking).await, Ok(HoldResult::Granted));
    }

    // Twice: while one connection is opened, another one may be idle for so long that it would be
    // tried before its next use.
    for _ in 0..2 {
        let (one, two, three) = find_thrice().await;
        assert!([one, two, three].iter().all(Result::is_ok), "three connections are open again");
    }
    proxy.set_for_open(Fault::Hold);
    let (one, two, three) = find_thrice().await;
    for noticed in [one, two, three] {
        is_unavailable("all three", noticed);
    }
    assert_eq!(store.book(&tenant.booking(BOUND)).await, Ok(HoldResult::Granted));
}

fn is_unavailable<T: std::fmt::Debug>(operation: &str, result: Result<T, PortUnavailable>) {
    match result {
        Err(error) => assert_eq!(error.service(), "postgres", "{operation}"),
        Ok(value) => panic!("{operation} returned {value:?} without a server"),
    }
}

/// A restart of the server breaks every connection in the pool. The first read that uses one is
/// repeated on another connection. From then on each is tried before it is used, so that a booking,
/// which must not be repeated, does not use a broken one.
#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_fail_neither_a_read_nor_the_booking_after_it() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let store = harness.adapter();
    for round in 0..5 {
        let reads: Vec<_> = (0..20)
            .map(|_| {
                let (store, id) = (store.clone(), tenant.user.id.clone());
                tokio::spawn(async move { UserRepo::find(&store, &id).await })
            })
            .collect();
        for read in reads {
            assert!(read.await.expect("no read panics").is_ok_and(|user| user.is_some()));
        }
        harness.database().end_sessions().await;
        let user = UserRepo::find(&store, &tenant.user.id).await;
        assert_eq!(user, Ok(Some(tenant.stored_user())), "round {round}");
        let booked = store.book(&tenant.booking(Duration::from_secs(60))).await;
        assert_eq!(booked, Ok(HoldResult::Granted), "round {round}");
    }
}

/// A connection that broke while it was idle is tried before it is used, also if the first
/// operation is a booking.
#[tokio::test]
async fn a_connection_that_was_idle_is_tried_before_it_is_used() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let store = harness.adapter();
    store.ping().await.expect("the server responds");
    harness.database().end_sessions().await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let booked = store.book(&tenant.booking(Duration::from_secs(60))).await;
    assert_eq!(booked, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn an_unreachable_server_is_unavailable_without_secrets_in_the_error() {
    let settings = PostgresSettings::new("postgres://outdial:hunter2@127.0.0.1:1/outdial");
    let started = Instant::now();
    let refusal =
        PostgresStore::connect(&settings).await.expect_err("no server listens on port 1").to_string();
    assert!(started.elapsed() < BOUND);
    assert!(!refusal.contains("hunter2"), "{refusal}");
    let refusal = PostgresStore::connect(&PostgresSettings::new("hunter2@nowhere")).await;
    assert_eq!(
        refusal.expect_err("this is not a URL").to_string(),
        "postgres is unavailable: its URL cannot be used: it must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, or with several HOST:PORT separated by commas"
    );
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let harness = PostgresHarness::new().await;
    harness.adapter().close().await;
    let refusal = harness.adapter().ping().await.expect_err("it is closed").to_string();
    assert_eq!(refusal, "postgres is unavailable: the store is closed");
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let database = TestDatabase::create().await;
    let absent = database.url().replace("outdial_test_", "outdial_absent_");
    let refusal =
        PostgresStore::connect(&PostgresSettings::new(absent)).await.expect_err("there is no such one");
    assert_eq!(
        refusal.to_string(),
        "postgres is unavailable: SQLSTATE 3D000: the database does not exist: create it, or check the URL"
    );
    let unmigrated = database.open().await;
    let refusal = unmigrated.find(&UserId::parse("u1").expect("an id")).await.expect_err("there is no table");
    assert!(refusal.to_string().ends_with("run `outdial migrate`"), "{refusal}");
}
