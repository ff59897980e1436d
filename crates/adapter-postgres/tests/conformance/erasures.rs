//! That a booking meets the lock of an erasure.

use std::time::Duration;

use domain::ports::{CallLedger, HoldResult};
use sqlx::{Connection, PgConnection, Row};
use testkit::eventually;
use testkit::fixtures::Tenant;
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;

const MINUTE: Duration = Duration::from_secs(60);

/// The booking began before the erasure was committed, and saw the contact as it was then. It waits for
/// the lock, and then sees what was erased meanwhile. A booking for another contact does not wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_booking_waits_for_the_erasure_of_its_contact_and_is_not_granted() {
    let (harness, erased, other) = (PostgresHarness::new().await, Tenant::new(), Tenant::new());
    for tenant in [&erased, &other] {
        harness.store(&tenant.records()).await;
    }
    let mut connection = PgConnection::connect(&harness.database().url()).await.expect("the server responds");
    let mut erasure = connection.begin().await.expect("the server responds");
    let contact_id = erased.contact_id();
    sqlx::query("select pg_advisory_xact_lock(23, hashtext($1))")
        .bind(contact_id.as_str())
        .execute(&mut *erasure)
        .await
        .expect("the lock is free");
    sqlx::query("update contacts set phone_number = null where id = $1")
        .bind(contact_id.as_str())
        .execute(&mut *erasure)
        .await
        .expect("the contact is stored");
    let (ledger, booking) = (harness.adapter(), erased.booking(MINUTE));
    let waiting = tokio::spawn(async move { ledger.book(&booking).await });
    eventually("the booking waits", async || {
        let waiting = "select count(*)::text as waiting from pg_locks
                        where locktype = 'advisory' and not granted
                          and database = (select oid from pg_database where datname = current_database())";
        harness.database().query(waiting).await[0].get::<String, _>("waiting") == "1"
    })
    .await;
    assert_eq!(harness.adapter().book(&other.booking(MINUTE)).await, Ok(HoldResult::Granted));
    assert!(!waiting.is_finished());
    erasure.commit().await.expect("the server responds");
    let booked = waiting.await.expect("no panic");
    assert!(matches!(booked, Ok(HoldResult::InFlight { .. })), "{booked:?}");
    let calls = harness.database().query("select count(*)::text as calls from calls").await;
    assert_eq!(calls[0].get::<String, _>("calls"), "1", "the call of the other contact");
}
