//! A URL with several servers, of which one responds. The fault injection of the program has a real
//! primary and a real standby.

use std::time::Duration;

use adapter_postgres::{PostgresSettings, PostgresStore};
use domain::ports::{CallLedger, Directory, HoldResult};
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
    assert_eq!(second.accepted(), 0, "the first server that responds is used");
    first.set(Fault::Blackhole);
    testkit::eventually("bookings go to the second server", async || {
        store.book(&tenant.booking(Duration::from_secs(60))).await == Ok(HoldResult::Granted)
    })
    .await;
    assert!(second.accepted() > 0);
}
