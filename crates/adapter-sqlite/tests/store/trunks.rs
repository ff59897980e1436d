//! Two trunks of one carrier, as an earlier release may have stored them.

use domain::Carrier;
use domain::ports::{ProvisionedTrunk, Provisioning, ProvisioningChanges};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use testkit::fixtures::trunk_id;

use crate::open;

#[tokio::test]
async fn the_limit_of_one_of_two_trunks_is_not_known() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let path = folder.path().join("outdial.db");
    let store = open(&path).await;
    store.migrate().await.expect("the schema is new");
    let stored = ProvisionedTrunk { id: trunk_id(), carrier: Carrier::named("sinch"), calls_per_second: 5 };
    let changes = ProvisioningChanges { trunk: Some(stored.clone()), ..ProvisioningChanges::default() };
    store.apply(&changes).await.expect("store is up");
    assert_eq!(store.calls_per_second(&stored.id).await, Ok(Some(5)));
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.expect("the file is there");
    let second = "insert into trunks (id, calls_per_second) values ('stale', 50)";
    sqlx::raw_sql(second).execute(&mut other).await.expect("the carrier has a default");
    other.close().await.expect("it is idle");
    assert_eq!(store.calls_per_second(&stored.id).await, Ok(None), "so that it is stored again");
    store.apply(&changes).await.expect("store is up");
    assert_eq!(store.calls_per_second(&stored.id).await, Ok(Some(5)));
}
