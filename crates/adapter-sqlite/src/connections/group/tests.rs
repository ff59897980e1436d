use std::path::PathBuf;

use domain::ports::{CallLedger, Directory, HoldResult, Settlement};
use domain::{Booking, CallIdentity, CallStatus, DialOutcome};
use tempfile::TempDir;
use testkit::eventually;
use testkit::fixtures::{Tenant, agent_id, moment, provider_reference};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::statement::execute;
use crate::{SqliteSettings, SqliteStore};

const MINUTE: Duration = Duration::from_secs(60);

struct Harness {
    store: SqliteStore,
    tenant: Tenant,
    log: PathBuf,
    _folder: TempDir,
}

impl Harness {
    /// A store whose groups are bounded only by their number of writes, with a table for writes that
    /// no port has.
    async fn new() -> Self {
        Self::with_groups_of(MINUTE).await
    }

    async fn with_groups_of(max_duration: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be created");
        let path = folder.path().join("outdial.db");
        let mut store =
            SqliteStore::open(&SqliteSettings::file(&path)).await.expect("the file can be opened");
        store.connections.queue = Arc::new(Queue { max_duration, ..Queue::default() });
        store.migrate().await.expect("the schema is new");
        let tenant = Tenant::new();
        let mut import = store.begin().await.expect("the store is available");
        import.upsert(&tenant.records()).await.expect("the records agree with each other");
        import.commit().await.expect("the store is available");
        let harness = Self { store, tenant, log: path.with_file_name("outdial.db-wal"), _folder: folder };
        let table = "create table written
                         (name text unique, other text references written (name) deferrable initially deferred)";
        let create = harness
            .store
            .connections
            .write_synced(move |writer| Box::pin(execute(writer, sqlx::query(table))));
        create.await.expect("a new table");
        harness
    }

    /// Starts writes while another writer has the turn, each after the one before it is in the queue.
    /// Then it is their turn.
    async fn together<T: Send + 'static>(
        &self,
        writes: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
    ) -> Vec<JoinHandle<T>> {
        let turn = self.store.connections.turn().await;
        let mut waiting = Vec::new();
        for write in writes {
            waiting.push(tokio::spawn(write));
            eventually("the write waits", async || self.store.connections.queue.len() == waiting.len()).await;
        }
        drop(turn);
        waiting
    }

    fn book(&self, booking: &Booking) -> impl Future<Output = Result<HoldResult, PortUnavailable>> + use<> {
        let (store, booking) = (self.store.clone(), booking.clone());
        async move { store.book(&booking).await }
    }

    fn settle(&self, booking: &Booking) -> impl Future<Output = Result<(), PortUnavailable>> + use<> {
        let (store, booking) = (self.store.clone(), booking.clone());
        async move {
            let settlement = Settlement {
                call_id: &booking.identity.call_id,
                key: &booking.key,
                token: &booking.token,
                outcome: &DialOutcome::Placed(provider_reference()),
                status: CallStatus::InProgress,
                hold_for: MINUTE,
                settled_at: moment(),
            };
            store.settle(&settlement).await
        }
    }

    fn insert(&self, name: &'static str) -> impl Future<Output = Result<(), PortUnavailable>> + use<> {
        let connections = self.store.connections.clone();
        async move { connections.write_synced(move |writer| Box::pin(insert(writer, name))).await }
    }

    async fn names(&self) -> Vec<String> {
        self.read("select name from written order by rowid").await
    }

    /// The calls, in the order in which they were booked.
    async fn calls(&self) -> Vec<String> {
        self.read("select id from calls order by rowid").await
    }

    async fn read(&self, query: &'static str) -> Vec<String> {
        let mut reader = self.store.connections.read().await.expect("the store is available");
        sqlx::query_scalar(query).fetch_all(&mut *reader).await.expect("the table is there")
    }

    /// The number of commits in the write-ahead log. A synced connection syncs once for each.
    /// <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>
    fn commits(&self) -> usize {
        let log = std::fs::read(&self.log).expect("the log is there");
        let (header, frames) = log.split_at(32);
        let page_size = u32::from_be_bytes(header[8..12].try_into().expect("four bytes"));
        let frames = frames.chunks_exact(24 + page_size as usize);
        let frames = frames.take_while(|frame| frame[8..16] == header[16..24]);
        frames.filter(|frame| frame[4..8] != [0; 4]).count()
    }
}

async fn insert(connection: &mut SqliteConnection, name: &str) -> Result<(), PortUnavailable> {
    let statement = sqlx::query("insert into written values (?, null)").bind(name.to_owned());
    execute(connection, statement).await.map(drop)
}

async fn ended<T>(writes: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::new();
    for write in writes {
        results.push(write.await.expect("no write panics"));
    }
    results
}

#[tokio::test]
async fn bookings_and_settlements_that_wait_together_share_one_sync_in_their_order() {
    let harness = Harness::new().await;
    let bookings: Vec<Booking> = (0..20).map(|_| harness.tenant.booking(MINUTE)).collect();
    let before = harness.commits();
    let booked = harness.together(bookings.iter().map(|booking| harness.book(booking))).await;
    assert_eq!(ended(booked).await, vec![Ok(HoldResult::Granted); 20]);
    assert_eq!(harness.commits() - before, 1, "twenty bookings, one sync");
    let ids: Vec<&str> = bookings.iter().map(|booking| booking.identity.call_id.as_str()).collect();
    assert_eq!(harness.calls().await, ids, "the order of the queue");

    let settled = harness.together(bookings.iter().map(|booking| harness.settle(booking))).await;
    assert_eq!(ended(settled).await, vec![Ok(()); 20]);
    assert_eq!(harness.commits() - before, 2, "twenty settlements, one sync");
    assert_eq!(harness.read("select id from calls where state = 'placed' order by rowid").await, ids);
}

/// One intent that is booked twice in one group is granted once.
#[tokio::test]
async fn a_booking_sees_those_before_it_in_its_group() {
    let harness = Harness::new().await;
    let first = harness.tenant.booking(MINUTE);
    let second = Booking { key: first.key.clone(), ..harness.tenant.booking(MINUTE) };
    let results = ended(harness.together([&first, &second].map(|booking| harness.book(booking))).await).await;
    assert_eq!(results[0], Ok(HoldResult::Granted));
    assert!(matches!(results[1], Ok(HoldResult::InFlight { .. })), "{:?}", results[1]);
    assert_eq!(harness.calls().await, [first.identity.call_id.as_str()]);
}

#[tokio::test]
async fn a_booking_that_fails_leaves_nothing_and_the_others_go_on() {
    let harness = Harness::new().await;
    let mut bookings: Vec<Booking> = (0..5).map(|_| harness.tenant.booking(MINUTE)).collect();
    // It takes its reservation, and then refers to an agent that does not exist.
    let unknown = CallIdentity { agent_id: agent_id(), ..bookings[2].identity.clone() };
    bookings[2].identity = unknown;
    // A reader keeps the log when the connection of the failed group is closed.
    assert_eq!(harness.calls().await, [""; 0]);
    let before = harness.commits();
    let results = ended(harness.together(bookings.iter().map(|booking| harness.book(booking))).await).await;
    for (index, result) in results.into_iter().enumerate() {
        match result {
            Ok(result) => assert!(index != 2 && result == HoldResult::Granted),
            Err(error) => assert!(index == 2 && error.to_string().contains("constraint"), "{error}"),
        }
    }
    assert_eq!(harness.commits() - before, 2, "the group that failed, and the writes that were left");
    bookings.remove(2);
    let ids: Vec<&str> = bookings.iter().map(|booking| booking.identity.call_id.as_str()).collect();
    assert_eq!(harness.calls().await, ids);
    let reserved = "select call_id from dial_guards order by (select rowid from calls where id = call_id)";
    assert_eq!(harness.read(reserved).await, ids);
    assert_eq!(harness.read("select call_id from call_events order by written_order").await, ids);
    assert!(
        !harness.store.connections.last_write.was_within(MINUTE),
        "readiness is not proven by a group in which a write has failed"
    );
}

#[tokio::test]
async fn a_caller_that_stops_waiting_aborts_no_write_of_another() {
    let harness = Harness::new().await;
    let (began, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (connections, began, end) = (harness.store.connections.clone(), began.clone(), end.clone());
        async move {
            let write = connections.write_synced(move |writer| {
                let (began, end) = (Arc::clone(&began), Arc::clone(&end));
                Box::pin(async move {
                    insert(writer, "slow one").await?;
                    began.notify_one();
                    end.notified().await;
                    insert(writer, "slow two").await
                })
            });
            write.await
        }
    };
    let turn = harness.store.connections.turn().await;
    let queue = &harness.store.connections.queue;
    let mut writes = Vec::new();
    // The caller that is left out is the one that has started the leader.
    for name in ["left out", "first"] {
        writes.push(tokio::spawn(harness.insert(name)));
        eventually("the write waits", async || queue.len() == writes.len()).await;
    }
    let slow = tokio::spawn(slow);
    eventually("the write waits", async || queue.len() == 3).await;
    let last = tokio::spawn(harness.insert("last"));
    eventually("the write waits", async || queue.len() == 4).await;
    writes[0].abort();
    eventually("the caller is gone", async || writes[0].is_finished()).await;
    drop(turn);

    began.notified().await;
    slow.abort();
    eventually("the caller is gone", async || slow.is_finished()).await;
    assert!(!writes[1].is_finished(), "no write is answered before its group is on disk");
    assert_eq!(harness.names().await, [""; 0]);
    end.notify_one();
    assert_eq!(last.await.expect("no write panics"), Ok(()));
    assert_eq!(writes.remove(1).await.expect("no write panics"), Ok(()));
    assert_eq!(harness.names().await, ["first", "slow one", "slow two", "last"]);
}

/// While the disk hangs, callers come and go.
#[tokio::test]
async fn a_write_that_no_caller_waits_for_leaves_the_queue_with_the_next_one() {
    let harness = Harness::new().await;
    let turn = harness.store.connections.turn().await;
    let queue = &harness.store.connections.queue;
    for name in ["one", "two", "three"] {
        let write = harness.insert(name);
        tokio::select! {
            biased;
            _ = write => panic!("another writer has the turn"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(queue.len(), 1);
    }
    drop(turn);
    assert_eq!(harness.insert("four").await, Ok(()));
    assert_eq!(harness.names().await, ["four"]);
}

#[tokio::test]
async fn a_commit_that_fails_fails_the_whole_group() {
    let harness = Harness::new().await;
    let connections = harness.store.connections.clone();
    let unsound = async move {
        let write = connections.write_synced(|writer| {
            // The reference is checked by the commit.
            let statement = sqlx::query("insert into written values ('unsound', 'no such name')");
            Box::pin(async { execute(writer, statement).await.map(drop) })
        });
        write.await
    };
    let before = harness.commits();
    let writes: Vec<WriteFuture<'static, ()>> =
        vec![Box::pin(harness.insert("one")), Box::pin(unsound), Box::pin(harness.insert("two"))];
    for result in ended(harness.together(writes).await).await {
        assert!(result.expect_err("nothing is on disk").to_string().contains("constraint"));
    }
    assert_eq!(harness.commits(), before);
    assert_eq!(harness.names().await, [""; 0]);
    assert_eq!(harness.insert("one").await, Ok(()), "the next group is not affected");
}

#[tokio::test]
async fn a_group_has_a_maximum_size_and_a_maximum_duration() {
    let names: Vec<&str> = (0..=MAX_WRITES).map(|number| &*format!("{number}").leak()).collect();
    let harness = Harness::new().await;
    let before = harness.commits();
    ended(harness.together(names.iter().map(|name| harness.insert(name))).await).await;
    assert_eq!(harness.names().await, names);
    assert_eq!(harness.commits() - before, 2, "the last write is in the next group");

    let harness = Harness::with_groups_of(Duration::ZERO).await;
    let before = harness.commits();
    ended(harness.together(names[..3].iter().map(|name| harness.insert(name))).await).await;
    assert_eq!(harness.commits() - before, 3, "a group has at least one write");
}

#[tokio::test]
async fn a_leader_that_panics_fails_its_writes_and_is_replaced() {
    let harness = Harness::new().await;
    let connections = harness.store.connections.clone();
    let panicking = async move {
        connections.write_synced::<(), _>(|_| Box::pin(async { panic!("a write of this test") })).await
    };
    let writes: Vec<WriteFuture<'static, ()>> =
        vec![Box::pin(harness.insert("one")), Box::pin(panicking), Box::pin(harness.insert("two"))];
    for result in ended(harness.together(writes).await).await {
        assert!(result.expect_err("nothing is on disk").to_string().contains("abandoned"));
    }
    assert_eq!(harness.insert("one").await, Ok(()));
    assert_eq!(harness.names().await, ["one"]);
}
