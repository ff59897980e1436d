//! What triggers and outer joins keep in place of foreign keys.

use std::time::Duration;

use domain::Booking;
use domain::ports::{
    CallLedger, CallReader, EventFeed, HoldResult, OverdueLease, UnfinishedCalls, WebhookEndpoints,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use testkit::fixtures::{self, Tenant};
use testkit::harness::{PassesTime, StoresRecords};

use crate::harness::PostgresHarness;

const MINUTE: Duration = Duration::from_secs(60);

async fn harness_with_a_call() -> (PostgresHarness, Tenant, Booking) {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let booking = Booking { keyed: Some(fixtures::keyed_request()), ..tenant.booking(MINUTE) };
    assert_eq!(harness.adapter().book(&booking).await, Ok(HoldResult::Granted));
    (harness, tenant, booking)
}

async fn connect(harness: &PostgresHarness) -> PgConnection {
    PgConnection::connect(&harness.database().url()).await.expect("the server responds")
}

async fn rows_of(harness: &PostgresHarness, table: &str) -> i64 {
    let rows = harness.database().query(&format!("select count(*)::text as number from {table}")).await;
    rows[0].get::<String, _>("number").parse().expect("a number")
}

/// An operator who removes or renames a record that a call names is refused, as by a foreign key. A
/// record that no call names can be removed.
#[tokio::test]
async fn a_record_that_a_call_names_cannot_be_removed() {
    let (harness, _, _) = harness_with_a_call().await;
    let other = Tenant::new();
    harness.store(&other.records()).await;
    let mut operator = connect(&harness).await;
    for statement in [
        "delete from caller_numbers; delete from users",
        "delete from contacts",
        "delete from agents",
        "update contacts set id = id || '2'",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut operator).await.expect_err(statement);
        let code = refused.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("23503"), "{statement}");
    }
    let unnamed = sqlx::query("delete from contacts where organization_id = $1");
    let removed = unnamed.bind(other.organization.id.as_str()).execute(&mut operator).await;
    assert_eq!(removed.expect("no call names it").rows_affected(), 1);
}

/// Deleting a call removes its reservation, its events and their deliveries, as a foreign key did.
#[tokio::test]
async fn what_belongs_to_a_call_is_removed_with_it() {
    let (harness, tenant, _) = harness_with_a_call().await;
    let endpoint = fixtures::webhook_endpoint(&tenant.organization.id);
    harness.adapter().register(&endpoint, 1).await.expect("the server responds");
    let kept = Booking { keyed: Some(fixtures::keyed_request()), ..tenant.booking(MINUTE) };
    harness.adapter().book(&kept).await.expect("the server responds");
    assert_eq!(harness.adapter().publish(10).await, Ok(2));
    let tables = ["calls", "dial_guards", "idempotency_keys", "call_events", "webhook_deliveries"];
    for table in tables {
        assert_eq!(rows_of(&harness, table).await, 2, "{table}");
    }
    let delete = format!("delete from calls where id <> '{}'", kept.identity.call_id);
    harness.database().execute(&delete).await;
    for table in tables {
        assert_eq!(rows_of(&harness, table).await, 1, "{table}");
    }
}

/// A booking does not lock the records that it names, and so does not wait for another statement that
/// does.
#[tokio::test]
async fn a_booking_waits_for_no_lock_on_the_records_that_it_names() {
    let (harness, tenant, _) = harness_with_a_call().await;
    let mut other = connect(&harness).await;
    let mut locking = other.begin().await.expect("the server responds");
    for table in ["users", "contacts", "agents"] {
        let lock = format!("select from {table} for update");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *locking).await.expect("a valid statement");
    }
    let booked = harness.adapter().book(&tenant.booking(MINUTE)).await;
    assert_eq!(booked, Ok(HoldResult::Granted));
    locking.rollback().await.expect("the server responds");
}

/// An operator may remove a record in the moment in which a call that names it is booked. The call
/// stays in everything that reads it.
#[tokio::test]
async fn a_call_outlives_the_records_that_it_names() {
    let (harness, tenant, booking) = harness_with_a_call().await;
    // Without triggers, as if none had seen the call.
    let removal = "set session_replication_role = replica; \
                   delete from caller_numbers; delete from contacts; delete from agents; delete from users";
    harness.database().execute(removal).await;
    let store = harness.adapter();
    let found = store.find(&tenant.organization.id, &booking.identity.call_id).await;
    let found = found.expect("the server responds").expect("the call is in the ledger");
    assert_eq!(found.identity, booking.identity);

    harness.pass(MINUTE * 2).await;
    let undecided = store.undecided(&booking.key).await.expect("the server responds");
    assert_eq!(undecided.map(|call| call.lookup.call_id), Some(booking.identity.call_id.clone()));
    let later = booking.booked_at.after(MINUTE * 60);
    let lease = OverdueLease {
        now: later,
        undecided_before: later,
        unended_before: later,
        given_up_before: booking.booked_at,
        limit: 10,
        lease_for: MINUTE,
    };
    let leased = store.lease_overdue(&lease).await.expect("the server responds");
    assert_eq!(leased.len(), 1);
}
