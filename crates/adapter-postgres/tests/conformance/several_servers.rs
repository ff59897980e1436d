//! A URL with several servers, of which one responds. The fault injection of the program has a real
//! primary and a real standby.

use std::time::Duration;

use adapter_postgres::{PostgresSettings, PostgresStore};
use domain::ports::{CallLedger, Directory, HoldResult, ProvisionedTrunk, Provisioning, ProvisioningChanges};
use testkit::fault_proxy::Fault;
use testkit::fixtures::Tenant;
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;
use crate::proxy::{fault_proxy_before, url_through};

/// The URL with another server before its own.
fn with_first(server: &str, url: &str) -> String {
    let (credentials, rest) = url.rsplit_once('@').expect("the URL has a user");
    format!("{credentials}@{server},{rest}")
}

#[tokio::test]
async fn a_server_that_refuses_or_never_responds_does_not_keep_calls_from_the_primary() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let settings = harness.database().settings();
    let (silent, _) = fault_proxy_before(&settings.url).await;
    silent.set(Fault::Blackhole);
    for first in ["127.0.0.1:1".to_owned(), silent.address().to_string()] {
        let url = with_first(&first, &settings.url);
        let store = PostgresStore::connect(&PostgresSettings { url, ..settings.clone() }).await;
        let store = store.expect("the second server responds");
        let booked = store.book(&tenant.booking(Duration::from_secs(60))).await;
        assert_eq!(booked, Ok(HoldResult::Granted));
        // Outside the pool.
        store.begin().await.expect("the second server responds");
        store.close().await;
    }
}

/// The former primary hangs, as a host does that has lost its power.
#[tokio::test]
async fn calls_move_to_the_other_server_when_the_first_one_is_lost() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let settings = harness.database().settings();
    let (first, _) = fault_proxy_before(&settings.url).await;
    let (second, _) = fault_proxy_before(&settings.url).await;
    let url = with_first(&first.address().to_string(), &url_through(&settings.url, second.address()));
    let store = PostgresStore::connect(&PostgresSettings { url, ..settings }).await.expect("both respond");
    // When it starts, a process compares the histories of the servers.
    let compared = second.accepted();
    let booked = store.book(&tenant.booking(Duration::from_secs(60))).await;
    assert_eq!((booked, second.accepted()), (Ok(HoldResult::Granted), compared), "the first server is used");
    first.set(Fault::Blackhole);
    testkit::eventually("bookings go to the second server", async || {
        store.book(&tenant.booking(Duration::from_secs(60))).await == Ok(HoldResult::Granted)
    })
    .await;
    assert!(second.accepted() > compared);
}

/// The functions that say it may be called by every role.
#[tokio::test]
async fn a_server_says_where_it_is_in_the_history_of_its_cluster() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let settings = harness.database().settings();
    let inspected = async || PostgresStore::inspect(&settings).await.expect("it responds").position;
    let before = inspected().await.expect("it says where it is");
    assert!(before.timeline.is_some_and(|timeline| timeline >= 1) && before.cluster != 0, "{before:?}");
    let booked = harness.adapter().book(&tenant.booking(Duration::from_secs(60))).await;
    assert_eq!(booked, Ok(HoldResult::Granted));
    let after = inspected().await.expect("it says where it is");
    assert_eq!((after.cluster, after.timeline), (before.cluster, before.timeline));
    assert!(after.bytes > before.bytes, "a booking is in the log");

    let url = with_first("127.0.0.1:1", &settings.url);
    let several = PostgresSettings { url, ..settings.clone() }.servers().expect("a URL");
    assert_eq!(several.len(), 2);
    assert_eq!(several[0].0, "127.0.0.1:1");
    assert!(PostgresStore::inspect(&several[0].1).await.is_err());
    assert_eq!(PostgresStore::inspect(&several[1].1).await.map(|it| it.is_standby), Ok(false));
}

/// An earlier release knows trunks of one carrier alone, and may have stored another one.
#[tokio::test]
async fn the_limit_of_one_of_two_trunks_is_not_known() {
    let harness = PostgresHarness::new().await;
    let (store, trunk) = (harness.adapter(), testkit::fixtures::trunk_id());
    let stored =
        ProvisionedTrunk { id: trunk.clone(), carrier: domain::Carrier::named("sinch"), calls_per_second: 5 };
    let changes = ProvisioningChanges { trunk: Some(stored), ..ProvisioningChanges::default() };
    store.apply(&changes).await.expect("store is up");
    assert_eq!(store.calls_per_second(&trunk).await, Ok(Some(5)));
    harness.database().execute("insert into trunks (id, calls_per_second) values ('stale', 50)").await;
    assert_eq!(store.calls_per_second(&trunk).await, Ok(None), "so that it is stored again");
    store.apply(&changes).await.expect("store is up");
    assert_eq!(store.calls_per_second(&trunk).await, Ok(Some(5)));
    assert_eq!(harness.database().query("select id from trunks").await.len(), 1);
}
