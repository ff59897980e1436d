//! Tests of what is specific to this store, beyond the suites of its ports.

mod backups;
mod clock_steps;
mod earlier_file;
mod event_inbox;
mod events_and_deliveries;
mod imports;
mod trunks;
mod unreadable_rows;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use adapter_sqlite::{SqliteSettings, SqliteStore};
use domain::ports::{
    CallLedger, ContactRepo, ContextCache, DayLimit, DayScope, Directory, HoldResult, IdempotencyLock,
    LockRequest, Ownership, Settlement, UserRepo,
};
use domain::{
    AnswerTime, Booking, CallIdentity, CallReference, CallStatus, ConversationContext, DialOutcome,
    DirectoryRecord, SettledCall, UnknownCause,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;
use testkit::fixtures::{
    Tenant, call_id, contact_id, context, inbound_context, key, moment, phone_number, provider_reference,
    token,
};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_file_is_readable_by_its_owner_alone() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let path = folder.path().join("created/for/outdial.db");
    let store = open(&path).await;
    store.migrate().await.expect("the schema is new");
    let mode = |path: &Path| std::fs::metadata(path).expect("the file exists").permissions().mode() & 0o777;
    for file in ["outdial.db", "outdial.db-wal", "outdial.db-shm"] {
        assert_eq!(mode(&path.with_file_name(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&folder.path().join("created")), 0o700);

    store.close().await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("the test owns it");
    open(&path).await;
    assert_eq!(mode(&path), 0o640, "the mode that an operator has set stays");
}

#[tokio::test]
async fn a_file_that_cannot_be_created_is_unavailable() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    std::fs::write(folder.path().join("file"), "no folder").expect("it can be written");
    let settings = SqliteSettings::file(folder.path().join("file/outdial.db"));
    let error = SqliteStore::open(&settings).await.expect_err("a file is not a folder");
    assert!(error.to_string().contains("cannot be created"), "{error}");
    std::fs::write(folder.path().join("text.db"), "x".repeat(5000)).expect("it can be written");
    let settings = SqliteSettings::file(folder.path().join("text.db"));
    let error = SqliteStore::open(&settings).await.expect_err("a text is not a database");
    assert!(error.to_string().contains("no database"), "{error}");
}

#[tokio::test]
async fn the_schema_is_brought_up_to_date_once() {
    let (store, path, _folder) = unmigrated().await;
    let pending = store.pending_migrations().await.expect("the store is available");
    assert_eq!(pending.first().map(String::as_str), Some("0001 directory books and leases"));
    let unready = UserRepo::find(&store, &Tenant::new().user.id).await.expect_err("there is no table");
    assert!(unready.to_string().contains("is the schema migrated?"), "{unready}");

    store.migrate().await.expect("the schema is new");
    store.migrate().await.expect("nothing is left to do");
    assert_eq!(store.pending_migrations().await, Ok(Vec::new()));
    store.ping().await.expect("the store is available");

    let mut connection = connect(&path).await;
    sqlx::raw_sql("insert into _sqlx_migrations values (9999, 'of tomorrow', 0, 1, x'00', 0)")
        .execute(&mut connection)
        .await
        .expect("the table is there");
    let error = store.migrate().await.expect_err("a newer release has migrated the file");
    assert!(error.to_string().contains("newer release"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_may_start_at_the_same_time_on_a_new_file() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let starts = (0..6).map(|_| {
        let path = folder.path().join("outdial.db");
        tokio::spawn(async move {
            let store = open(&path).await;
            store.migrate().await.expect("one migrates, and the others wait for it");
            assert_eq!(store.pending_migrations().await, Ok(Vec::new()));
        })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.expect("every start succeeds");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_file_grant_one_lock_and_book_one_call() {
    let (ours, path, _folder) = migrated().await;
    let theirs = open(&path).await;
    let tenant = Tenant::new();
    import(&ours, &tenant.records()).await;
    for _ in 0..5 {
        let key = key();
        let requests = (0..40).map(|turn| {
            let store = if turn % 2 == 0 { ours.clone() } else { theirs.clone() };
            let booking = Booking { key: key.clone(), ..tenant.booking(LONG) };
            tokio::spawn(async move {
                let granted = store
                    .acquire(&LockRequest::new(&booking.key, &booking.token, LONG))
                    .await
                    .expect("the store is available");
                let booked = store.book(&booking).await.expect("the store is available");
                (granted == HoldResult::Granted, booked == HoldResult::Granted)
            })
        });
        let (mut granted, mut booked) = (0, 0);
        for request in requests.collect::<Vec<_>>() {
            let (has_lock, has_call) = request.await.expect("no task panics");
            granted += u32::from(has_lock);
            booked += u32::from(has_call);
        }
        assert_eq!((granted, booked), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_writer_of_a_crowd_has_its_turn() {
    let (store, _path, _folder) = migrated().await;
    let writers = (0..200).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let (key, token) = (key(), token());
            let granted = store.acquire(&LockRequest::new(&key, &token, LONG)).await;
            (granted, store.renew(&key, &token, LONG).await)
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        let results = writer.await.expect("no task panics");
        assert_eq!(results, (Ok(HoldResult::Granted), Ok(Ownership::Held)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_for_a_writer_that_hangs_is_limited() {
    let (store, path, _folder) = migrated().await;
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    let (mut stuck, booking, context) = (connect(&path).await, tenant.booking(LONG), outbound());
    let held = stuck.begin_with("begin immediate").await.expect("no other connection writes");

    let (start, request) = (Instant::now(), LockRequest::new(&booking.key, &booking.token, LONG));
    let (locked, stored) = tokio::join!(store.acquire(&request), store.store(&context, LONG));
    assert!(locked.is_err() && stored.is_err(), "the other connection holds the lock");
    assert!(start.elapsed() < Duration::from_secs(2), "the time limit of the lock");
    let start = Instant::now();
    let other = tenant.booking(LONG);
    let (error, waiting) = tokio::join!(store.book(&booking), store.book(&other));
    assert!(start.elapsed() < Duration::from_secs(5), "the time limit of the ledger");
    assert!(waiting.is_err(), "a booking that waits for the same transaction");
    let error = error.expect_err("the other connection holds the lock");
    assert!(error.to_string().contains("another writer"), "{error}");
    let known = UserRepo::find(&store, &tenant.user.id).await;
    assert_eq!(known, Ok(Some(tenant.stored_user())), "readers do not wait for writers");

    held.rollback().await.expect("the test owns it");
    assert_eq!(
        store.acquire(&LockRequest::new(&booking.key, &booking.token, LONG)).await,
        Ok(HoldResult::Granted)
    );
    assert_eq!(store.book(&booking).await, Ok(HoldResult::Granted));
}

/// An unknown outcome may become known later. The reservation may become longer by that, and never
/// shorter.
#[tokio::test]
async fn an_unknown_outcome_can_become_known_and_its_reservation_stays() {
    let (store, path, _folder) = migrated().await;
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    for (reserve_for, hold_for) in [(LONG, LONG / 4), (LONG / 4, LONG)] {
        let booking = tenant.booking(reserve_for);
        assert_eq!(store.book(&booking).await, Ok(HoldResult::Granted));
        let reference = provider_reference();
        for outcome in [DialOutcome::Unknown(UnknownCause::TimedOut), DialOutcome::Placed(reference.clone())]
        {
            let settlement = Settlement {
                call_id: &booking.identity.call_id,
                key: &booking.key,
                token: &booking.token,
                outcome: &outcome,
                status: CallStatus::after(&outcome, AnswerTime::AfterRinging),
                hold_for,
                settled_at: moment(),
            };
            CallLedger::settle(&store, &settlement).await.expect("the store is available");
        }
        shift(&mut connect(&path).await, LONG / 2).await;
        let duplicate = Booking {
            identity: CallIdentity { call_id: call_id(), ..booking.identity.clone() },
            token: token(),
            ..booking.clone()
        };
        let placed = SettledCall::Placed(CallReference::new(booking.identity.call_id, reference));
        assert_eq!(store.book(&duplicate).await, Ok(HoldResult::Settled(placed)));
    }
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let (store, _path, _folder) = migrated().await;
    let clone = store.clone();
    store.close().await;
    clone.ping().await.expect_err("it is closed");
    clone.acquire(&LockRequest::new(&key(), &token(), LONG)).await.expect_err("it is closed");
    clone.book(&Tenant::new().booking(LONG)).await.expect_err("it is closed");
}

#[tokio::test]
async fn expired_locks_and_contexts_are_swept_and_the_others_stay() {
    let (store, path, _folder) = migrated().await;
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    let mut connection = connect(&path).await;
    for _ in 0..40 {
        acquire_within_a_limit(&store).await;
        store.store(&outbound(), LONG).await.expect("the store is available");
        store.store(&inbound(), LONG).await.expect("the store is available");
        store.book(&tenant.booking(LONG)).await.expect("the store is available");
    }
    shift(&mut connection, Duration::from_secs(7200)).await;
    store.store(&outbound(), LONG).await.expect("the store is available");
    store.store(&inbound(), LONG).await.expect("the store is available");
    store.book(&tenant.booking(LONG)).await.expect("the store is available");
    acquire_within_a_limit(&store).await;
    for _ in 0..63 {
        store.acquire(&LockRequest::new(&key(), &token(), LONG)).await.expect("the store is available");
    }
    let left = [
        ("call_locks", 64),
        ("call_day_counts", 1),
        ("call_contexts", 1),
        ("inbound_contexts", 1),
        ("dial_guards", 41),
        ("calls", 41),
    ];
    for (table, left) in left {
        assert_eq!(count(&mut connection, table).await, left, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_memory_serves_many_tasks_and_shares_no_data() {
    let store = SqliteStore::open(&SqliteSettings::in_memory()).await.expect("there is memory");
    store.migrate().await.expect("the schema is new");
    let tenant = Tenant::new();
    import(&store, &tenant.records()).await;
    let number = phone_number();
    let requests = (0..100).map(|_| {
        let (store, tenant, number) = (store.clone(), tenant.clone(), number.clone());
        tokio::spawn(async move {
            let booking = tenant.booking(LONG);
            assert_eq!(
                store.acquire(&LockRequest::new(&booking.key, &booking.token, LONG)).await,
                Ok(HoldResult::Granted)
            );
            assert_eq!(store.book(&booking).await, Ok(HoldResult::Granted));
            let found = store.find_or_create(&tenant.organization.id, &number, &contact_id()).await;
            found.expect("the store is available").id
        })
    });
    let mut ids = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        ids.push(request.await.expect("no task panics"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one contact for one number");

    let other = SqliteStore::open(&SqliteSettings::in_memory()).await.expect("there is memory");
    other.migrate().await.expect("the schema is new");
    assert_eq!(UserRepo::find(&other, &tenant.user.id).await, Ok(None));
}

fn inbound() -> ConversationContext {
    ConversationContext::Inbound(inbound_context())
}

fn outbound() -> ConversationContext {
    ConversationContext::Outbound(context())
}

async fn migrated() -> (SqliteStore, PathBuf, TempDir) {
    let (store, path, folder) = unmigrated().await;
    store.migrate().await.expect("the schema is new");
    (store, path, folder)
}

async fn unmigrated() -> (SqliteStore, PathBuf, TempDir) {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let path = folder.path().join("outdial.db");
    (open(&path).await, path, folder)
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(&SqliteSettings::file(path)).await.expect("the file can be opened")
}

/// A connection that is not the store's.
async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.expect("the file is there")
}

async fn import(store: &SqliteStore, records: &[DirectoryRecord]) {
    let mut import = store.begin().await.expect("the store is available");
    import.upsert(records).await.expect("the records agree with each other");
    import.commit().await.expect("the store is available");
}

/// Takes a lock within a limit of a new user, whose count is kept as long as the lock.
async fn acquire_within_a_limit(store: &SqliteStore) {
    let (key, token, from) = (key(), token(), testkit::fixtures::moment());
    let limits = [DayLimit {
        scope: DayScope::User(testkit::fixtures::user_id()),
        day: domain::Interval { from, until: from.after(LONG) },
        revision: 1,
        limit: 9,
        counted: Some(0),
        keep_for: LONG,
    }];
    let request = LockRequest { limits: &limits, ..LockRequest::new(&key, &token, LONG) };
    assert_eq!(store.acquire(&request).await, Ok(HoldResult::Granted));
}

/// Moves every time of expiry this much earlier.
async fn shift(connection: &mut SqliteConnection, time: Duration) {
    let millis = i64::try_from(time.as_millis()).expect("a short time");
    for (table, column) in [
        ("call_locks", "expires_at"),
        ("call_day_counts", "expires_at"),
        ("call_contexts", "expires_at"),
        ("inbound_contexts", "expires_at"),
        ("dial_guards", "blocked_until"),
    ] {
        let statement = AssertSqlSafe(format!("update {table} set {column} = {column} - ?"));
        sqlx::query(statement).bind(millis).execute(&mut *connection).await.expect("the table is there");
    }
}

async fn count(connection: &mut SqliteConnection, table: &str) -> i64 {
    let statement = AssertSqlSafe(format!("select count(*) from {table}"));
    sqlx::query_scalar(statement).fetch_one(connection).await.expect("the table is there")
}
