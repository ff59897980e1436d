//! A disk that is full, and has space again. `max_page_count` makes SQLite return the same error as
//! a full disk, for the connections on which it is set.

use std::time::Duration;

use domain::ports::{
    CallLedger, ContextCache, Directory, HoldResult, IdempotencyLock, LockRequest, PortUnavailable,
    Settlement,
};
use domain::{
    AnswerTime, Booking, CallStatus, ContactRecord, ConversationContext, DialOutcome, DirectoryRecord,
};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use testkit::eventually;
use testkit::fixtures::{Tenant, contact, context, key, moment, provider_reference, token};
use tokio::task::JoinSet;

use super::writer::WriterPool;
use crate::{SqliteSettings, SqliteStore};

const MINUTE: Duration = Duration::from_secs(60);
const UNLIMITED: u32 = 1_000_000_000;
/// More attempts than free pages have room for.
const ATTEMPTS: usize = 2000;

async fn unmigrated() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let settings = SqliteSettings::file(folder.path().join("outdial.db"));
    (SqliteStore::open(&settings).await.expect("the file can be opened"), folder)
}

async fn migrated() -> (SqliteStore, Tenant, TempDir) {
    let (store, folder) = unmigrated().await;
    store.migrate().await.expect("the schema is new");
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await.expect("there is space");
    (store, tenant, folder)
}

async fn import(store: &SqliteStore, records: &[DirectoryRecord]) -> Result<(), String> {
    let mut import = store.begin().await.map_err(|error| error.to_string())?;
    import.upsert(records).await.map_err(|error| format!("{error:?}"))?;
    import.commit().await.map_err(|error| error.to_string())
}

/// Limits the size of the file for every writer of the store, also for those that it opens later.
async fn limit_pages(store: &SqliteStore, pages: u32) {
    for WriterPool { pool, .. } in [&store.connections.synced, &store.connections.unsynced] {
        let options = pool.connect_options().as_ref().clone().pragma("max_page_count", pages.to_string());
        pool.set_connect_options(options);
        let mut open = pool.acquire().await.expect("the store is open");
        let limit = AssertSqlSafe(format!("pragma max_page_count = {pages}"));
        sqlx::raw_sql(limit).execute(&mut *open).await.expect("a pragma");
    }
}

/// Limits the file to the size that it has.
async fn fill(store: &SqliteStore) {
    let mut reader = store.connections.read().await.expect("the store is open");
    let pages = sqlx::query_scalar("pragma page_count").fetch_one(&mut *reader).await.expect("a pragma");
    limit_pages(store, pages).await;
}

/// Repeats a write until the file has no page left for it. Every error is that of the full disk,
/// also the later ones.
async fn fails_when_full<T, E: ToString>(write: impl AsyncFn() -> Result<T, E>) {
    let mut failures = 0;
    for _ in 0..ATTEMPTS {
        if let Err(error) = write().await {
            let error = error.to_string();
            assert!(error.contains("the disk is full"), "{error}");
            failures += 1;
            if failures == 3 {
                return;
            }
        }
    }
    panic!("the disk is not full");
}

async fn settle(store: &SqliteStore, booking: &Booking) -> Result<(), PortUnavailable> {
    let outcome = DialOutcome::Placed(provider_reference());
    let settlement = Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome: &outcome,
        status: CallStatus::after(&outcome, AnswerTime::AfterRinging),
        hold_for: MINUTE,
        settled_at: moment(),
    };
    CallLedger::settle(store, &settlement).await
}

#[tokio::test]
async fn calls_and_readiness_fail_while_the_disk_is_full_and_recover() {
    let (store, tenant, _folder) = migrated().await;
    let mut ringing: Vec<Booking> = Vec::new();
    for _ in 0..200 {
        let booking = tenant.booking(MINUTE);
        assert_eq!(store.book(&booking).await, Ok(HoldResult::Granted));
        ringing.push(booking);
    }
    store.ping().await.expect("a booking was written a moment ago");

    fill(&store).await;
    fails_when_full(async || store.book(&tenant.booking(MINUTE)).await).await;
    fails_when_full(async || store.acquire(&LockRequest::new(&key(), &token(), MINUTE)).await).await;
    let context = || ConversationContext::Outbound(context());
    fails_when_full(async || store.store(&context(), MINUTE).await).await;
    let mut unsettled = None;
    for booking in &ringing {
        if let Err(error) = settle(&store, booking).await {
            assert!(error.to_string().contains("the disk is full"), "{error}");
            unsettled = Some(booking);
            break;
        }
    }
    let unsettled = unsettled.expect("an event of a settlement needs a new page");
    for _ in 0..2 {
        let error = store.ping().await.expect_err("the probe needs pages").to_string();
        assert!(error.contains("the disk is full"), "{error}");
    }

    limit_pages(&store, UNLIMITED).await;
    store.ping().await.expect("there is space");
    settle(&store, unsettled).await.expect("there is space");
    assert_eq!(store.book(&tenant.booking(MINUTE)).await, Ok(HoldResult::Granted));
    assert_eq!(store.acquire(&LockRequest::new(&key(), &token(), MINUTE)).await, Ok(HoldResult::Granted));
    store.store(&context(), MINUTE).await.expect("there is space");
    let mut reader = store.connections.read().await.expect("the store is open");
    let state: String = sqlx::query_scalar("select state from calls where id = ?")
        .bind(unsettled.identity.call_id.as_str())
        .fetch_one(&mut *reader)
        .await
        .expect("the call is in the ledger");
    assert_eq!(state, "placed");
}

#[tokio::test]
async fn a_full_disk_fails_every_booking_that_shares_the_sync() {
    let (store, tenant, _folder) = migrated().await;
    fill(&store).await;
    fails_when_full(async || store.book(&tenant.booking(MINUTE)).await).await;
    let calls = async || {
        let mut reader = store.connections.read().await.expect("the store is open");
        let count = sqlx::query_scalar("select count(*) from calls").fetch_one(&mut *reader).await;
        count.map(|count: i64| count).expect("the table is there")
    };
    let before = calls().await;

    let turn = store.connections.turn().await;
    let bookings: Vec<Booking> = (0..40).map(|_| tenant.booking(MINUTE)).collect();
    let mut waiting = JoinSet::new();
    for booking in bookings.clone() {
        let store = store.clone();
        waiting.spawn(async move { store.book(&booking).await });
    }
    eventually("all bookings wait", async || store.connections.queue.len() == bookings.len()).await;
    drop(turn);
    for result in waiting.join_all().await {
        let error = result.expect_err("a booking of the group needs a new page").to_string();
        assert!(error.contains("the disk is full"), "{error}");
    }
    assert_eq!(calls().await, before, "no booking of the group is in the ledger");

    limit_pages(&store, UNLIMITED).await;
    for booking in &bookings {
        assert_eq!(store.book(booking).await, Ok(HoldResult::Granted));
    }
}

#[tokio::test]
async fn an_import_and_a_migration_can_be_repeated_once_there_is_space() {
    let (store, folder) = unmigrated().await;
    limit_pages(&store, 20).await;
    for _ in 0..2 {
        store.migrate().await.expect_err("the schema has more pages");
    }
    limit_pages(&store, UNLIMITED).await;
    store.migrate().await.expect("there is space");

    let tenant = Tenant::new();
    import(&store, &tenant.records()).await.expect("there is space");
    fill(&store).await;
    let contacts: Vec<DirectoryRecord> = (0..500)
        .map(|_| ContactRecord { phone_number: None, ..contact(&tenant.organization.id) })
        .map(DirectoryRecord::Contact)
        .collect();
    for _ in 0..2 {
        let error = import(&store, &contacts).await.expect_err("500 contacts need pages");
        assert!(error.contains("the disk is full"), "{error}");
    }
    limit_pages(&store, UNLIMITED).await;
    import(&store, &contacts).await.expect("there is space");
    drop(folder);
}

/// A probe is written only if no recent write proves that the file can be written.
#[tokio::test]
async fn readiness_writes_only_if_no_call_was_written_recently() {
    let (store, tenant, _folder) = migrated().await;
    let probes = async || {
        let mut reader = store.connections.read().await.expect("the store is open");
        let probes: (i64, i64) = sqlx::query_as("select count(*), coalesce(max(id), 0) from write_probe")
            .fetch_one(&mut *reader)
            .await
            .expect("the table is there");
        probes
    };
    assert_eq!(store.book(&tenant.booking(MINUTE)).await, Ok(HoldResult::Granted));
    store.ping().await.expect("the store is available");
    assert_eq!(probes().await, (0, 0), "the booking was written a moment ago");

    // As after a write that has failed, or after five seconds.
    for probe in 1..=3 {
        store.connections.last_write.forget();
        for _ in 0..2 {
            store.ping().await.expect("the store is available");
            assert_eq!(
                probes().await,
                (1, probe),
                "a probe replaces the previous one, and counts as a write"
            );
        }
    }
    let failing = store.connections.begin_synced().await.expect("the store is available");
    drop(failing);
    store.ping().await.expect("the store is available");
    assert_eq!(probes().await, (1, 4), "a write has failed since");
}
