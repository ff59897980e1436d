//! Idempotency keys of bookings that several processes write at the same time.

use std::sync::Arc;
use std::time::Duration;

use adapter_postgres::PostgresStore;
use domain::ports::{CallLedger, HoldResult, IdempotencyKeys};
use domain::{Booking, KeyedRequest};
use sqlx::{Connection, PgConnection, Row};
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use crate::harness::PostgresHarness;

const MINUTE: Duration = Duration::from_secs(60);

type Booked = JoinHandle<Result<HoldResult, domain::ports::PortUnavailable>>;

async fn harness_with_tenant() -> (PostgresHarness, Tenant) {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    (harness, tenant)
}

fn book(store: &PostgresStore, booking: &Booking) -> Booked {
    let (store, booking) = (store.clone(), booking.clone());
    tokio::spawn(async move { store.book(&booking).await })
}

async fn result(booked: Booked) -> HoldResult {
    booked.await.expect("no booking panics").expect("no statement fails")
}

/// Another process commits a call with the same key while the statement of a batch runs. The constraint
/// refuses the statement, and the other bookings of the batch are made one by one.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_process_takes_refuses_its_own_booking_alone() {
    let (harness, tenant) = harness_with_tenant().await;
    let (theirs, request) = (tenant.booking(MINUTE), fixtures::keyed_request());
    harness.adapter().book(&theirs).await.expect("the server responds");
    let mut other = PgConnection::connect(&harness.database().url()).await.expect("the server responds");
    sqlx::raw_sql("begin").execute(&mut other).await.expect("the server responds");
    let written = sqlx::query(
        "insert into idempotency_keys (user_id, key_hash, request_digest, call_id, intent_key) \
         values ($1, $2, $3, $4, $5)",
    );
    let written = written.bind(tenant.user.id.as_str()).bind(request.key.as_hash());
    let written = written.bind(request.digest.as_str()).bind(theirs.identity.call_id.as_str());
    written.bind(theirs.key.as_str()).execute(&mut other).await.expect("the key is free");

    let store = harness.adapter();
    let taken = Booking { keyed: Some(request.clone()), ..tenant.booking(MINUTE) };
    let free: Vec<Booking> = (0..8)
        .map(|_| Booking { keyed: Some(fixtures::keyed_request()), ..tenant.booking(MINUTE) })
        .collect();
    let waiting = book(&store, &taken);
    let others: Vec<Booked> = free.iter().map(|booking| book(&store, booking)).collect();
    testkit::eventually("a statement waits for the key", async || {
        let waiting = "select count(*)::text as number from pg_stat_activity \
                        where datname = current_database() and wait_event_type = 'Lock'";
        harness.database().query(waiting).await[0].get::<String, _>("number") != "0"
    })
    .await;
    sqlx::raw_sql("commit").execute(&mut other).await.expect("the server responds");
    assert_eq!(result(waiting).await, HoldResult::KeyTaken);
    for other in others {
        assert_eq!(result(other).await, HoldResult::Granted);
    }
    let call = store.find(&tenant.user.id, &request.key).await.expect("the server responds");
    assert_eq!(call.map(|call| call.reference.call_id), Some(theirs.identity.call_id));
    let again = Booking { keyed: None, ..taken };
    assert_eq!(store.book(&again).await, Ok(HoldResult::Granted), "its intent was left reserved");
}

/// Three processes book the same intents with the same keys, in different orders and combinations. No
/// statement waits for one that waits for it, each key has one call, and each call is granted once.
#[tokio::test(flavor = "multi_thread")]
async fn processes_that_book_the_same_keys_and_intents_do_not_block_each_other() {
    let (harness, tenant) = harness_with_tenant().await;
    let mut stores = vec![harness.adapter()];
    for _ in 0..2 {
        stores.push(harness.database().open().await);
    }
    const MANY: usize = 24;
    for _ in 0..4 {
        let keys: Vec<KeyedRequest> = (0..MANY).map(|_| fixtures::keyed_request()).collect();
        let intents: Vec<Booking> = (0..MANY).map(|_| tenant.booking(MINUTE)).collect();
        let start = Arc::new(Barrier::new(stores.len() * MANY));
        let mut bookings = Vec::new();
        for (shift, store) in stores.iter().enumerate() {
            for n in 0..MANY {
                let key = keys[(n * (2 * shift + 1) + shift) % MANY].clone();
                let key_of = key.clone();
                let fresh = tenant.booking(MINUTE);
                let booking = Booking { key: intents[n].key.clone(), keyed: Some(key), ..fresh };
                let (store, start) = (store.clone(), Arc::clone(&start));
                let booked = tokio::spawn(async move {
                    start.wait().await;
                    store.book(&booking).await
                });
                bookings.push((n, key_of, booked));
            }
        }
        let (mut used_intents, mut used_keys) = (vec![0; MANY], Vec::new());
        for (intent, key, booked) in bookings {
            match result(booked).await {
                HoldResult::Granted => {
                    used_intents[intent] += 1;
                    used_keys.push(key.key);
                }
                HoldResult::InFlight { .. } | HoldResult::KeyTaken => {}
                other => panic!("no call is settled or refused: {other:?}"),
            }
        }
        assert!(used_intents.iter().all(|calls| *calls <= 1), "{used_intents:?}");
        let granted = used_keys.len();
        used_keys.sort();
        used_keys.dedup();
        assert_eq!((used_keys.len(), granted > 0), (granted, true), "a key has two calls");
    }
}
