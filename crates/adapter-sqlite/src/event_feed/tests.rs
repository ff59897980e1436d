use domain::ports::{CallLedger, Directory};
use testkit::fixtures::Tenant;

use super::*;
use crate::SqliteSettings;

/// Without the wake-up, a reader would find the event up to a second later.
#[tokio::test]
async fn publishing_wakes_the_readers_of_the_organization() {
    let store = SqliteStore::open(&SqliteSettings::in_memory()).await.expect("there is memory");
    store.migrate().await.expect("the schema is new");
    let tenants = [Tenant::new(), Tenant::new()];
    let waiting = tenants.each_ref().map(|tenant| store.wakeups.subscribe(&tenant.organization.id));
    let mut import = store.begin().await.expect("store is up");
    import.upsert(&tenants[0].records()).await.expect("the records agree with each other");
    import.commit().await.expect("store is up");

    store.book(&tenants[0].booking(Duration::from_secs(60))).await.expect("store is up");
    let woken = || waiting.each_ref().map(|reader| reader.has_changed().expect("the store is open"));
    assert_eq!(woken(), [false, false], "nothing is published yet");
    assert_eq!(store.publish(10).await, Ok(1));
    assert_eq!(woken(), [true, false]);
}
