//! A failover that leaves connections to the former primary: its sessions run reads and refuse
//! writes.

use std::time::{Duration, Instant};

use adapter_postgres::{PostgresSettings, PostgresStore};
use domain::ports::{CallLedger, ContactRepo, Directory, HoldResult, Settlement};
use domain::{AnswerTime, Booking, CallStatus, DialOutcome};
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;

const MINUTE: Duration = Duration::from_secs(60);
const CONNECTIONS: usize = 4;

/// A store whose connections are all open.
async fn harness_and_store() -> (PostgresHarness, PostgresStore, Tenant) {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let max_connections = u32::try_from(CONNECTIONS).expect("a small number");
    let settings = PostgresSettings { max_connections, ..harness.database().settings() };
    let store = PostgresStore::connect(&settings).await.expect("the server responds");
    (harness, store, tenant)
}

/// Makes the session of every connection of the store read-only, as if its server had become a
/// standby. New sessions accept writes. A trigger does this, since a session can be changed from
/// inside only. It takes its time, so that each of the concurrent statements needs its own
/// connection.
async fn demote_sessions(harness: &PostgresHarness, store: &PostgresStore, tenant: &Tenant) {
    harness
        .database()
        .execute(
            "create function demote() returns trigger language plpgsql as $$ begin \
                 perform set_config('default_transaction_read_only', 'on', false), pg_sleep(0.5); \
                 return null; \
             end $$; \
             create trigger demote after insert on contacts execute function demote()",
        )
        .await;
    let organization_id = &tenant.organization.id;
    let writes: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (store, organization_id) = (store.clone(), organization_id.clone());
            tokio::spawn(async move {
                let (number, id) = (fixtures::phone_number(), fixtures::contact_id());
                store.find_or_create(&organization_id, &number, &id).await
            })
        })
        .collect();
    for write in writes {
        write.await.expect("no write panics").expect("the server responds");
    }
    harness.database().execute("drop trigger demote on contacts; drop function demote").await;
}

async fn settle(store: &PostgresStore, booking: &Booking) {
    let outcome = DialOutcome::Placed(fixtures::provider_reference());
    let settlement = Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome: &outcome,
        status: CallStatus::after(&outcome, AnswerTime::AfterRinging),
        hold_for: MINUTE,
        settled_at: booking.booked_at,
    };
    store.settle(&settlement).await.expect("it is settled on another connection");
}

/// A booking is repeated too, although it is never repeated after a broken connection: a read-only
/// session has written nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_on_connections_to_the_former_primary() {
    let (harness, store, tenant) = harness_and_store().await;
    for first in 0..3 {
        let ringing = tenant.booking(MINUTE);
        assert_eq!(store.book(&ringing).await, Ok(HoldResult::Granted));
        demote_sessions(&harness, &store, &tenant).await;
        match first {
            0 => settle(&store, &ringing).await,
            1 => assert_eq!(store.ping().await, Ok(()), "a new connection is ready"),
            _ => {}
        }
        let bookings: Vec<_> = (0..2 * CONNECTIONS)
            .map(|_| {
                let (store, booking) = (store.clone(), tenant.booking(MINUTE));
                tokio::spawn(async move { store.book(&booking).await })
            })
            .collect();
        for booked in bookings {
            assert_eq!(booked.await.expect("no booking panics"), Ok(HoldResult::Granted));
        }
        settle(&store, &ringing).await;
    }
    let settled = "select id from calls where state = 'placed'";
    assert_eq!(harness.database().query(settled).await.len(), 3);
}

/// While the server that the URL leads to is read-only, the store is not ready and writes nothing.
/// Afterwards it recovers.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_server_is_unavailable_until_it_accepts_writes() {
    let (harness, store, tenant) = harness_and_store().await;
    demote_sessions(&harness, &store, &tenant).await;
    harness.database().set_read_only(true).await;
    let started = Instant::now();
    let refusals = [
        store.ping().await.expect_err("it is read-only"),
        store.book(&tenant.booking(MINUTE)).await.expect_err("it is read-only"),
        store.begin().await.map(drop).expect_err("it is read-only"),
        PostgresStore::connect(&harness.database().settings()).await.map(drop).expect_err("it is read-only"),
    ];
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    for refusal in refusals {
        assert_eq!(
            refusal.to_string(),
            "postgres is unavailable: the server is read-only: it is not the primary"
        );
    }
    harness.database().set_read_only(false).await;
    assert_eq!(store.ping().await, Ok(()));
    assert_eq!(store.book(&tenant.booking(MINUTE)).await, Ok(HoldResult::Granted));
}
