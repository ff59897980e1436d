//! The suite of every port that the store implements, on a file.

mod old_rows;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_sqlite::{SqliteSettings, SqliteStore};
use async_trait::async_trait;
use domain::ports::{
    AgentRepo, AiNumbers, AuditLog, CallLedger, CallReader, CallTraces, CallUpdater, CallingPolicies,
    Consents, ContactRepo, ContextCache, CredentialStore, DeliveryQueue, Directory, DirectoryReader,
    EventFeed, EventInbox, IdempotencyKeys, IdempotencyLock, InboundDirectory, NumberPool, OutboundDirectory,
    Provisioning, RefusalCounts, Suppressions, UnfinishedCalls, UserRepo, WebhookEndpoints,
};
use domain::{
    AgentId, CallId, CallMetadata, CallPurpose, CallReason, CallSubject, CarrierCallId, ContactId,
    ConversationId, DirectoryRecord, OrganizationId, PhoneNumber, Timestamp, UserId,
};
use sql_common::{read_decision, read_variables};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Row, SqliteConnection};
use tempfile::TempDir;
use testkit::harness::{
    AgentRepoHarness, AiNumbersHarness, BookedCall, CallEventsHarness, CallLedgerHarness, CallTracesHarness,
    CalleeRecordsHarness, CallingPoliciesHarness, CallsHarness, ContactRepoHarness, ContextCacheHarness,
    CredentialStoreHarness, DirectoryHarness, DirectoryReaderHarness, EventInboxHarness,
    IdempotencyKeysHarness, IdempotencyLockHarness, InboundDirectoryHarness, LosesStore, NumberPoolHarness,
    OutboundDirectoryHarness, PassesTime, ProvisioningHarness, RefusalCountsHarness, StoresRecords,
    UserRepoHarness,
};

testkit::agent_repo_suite!(StoreHarness::new().await);
testkit::ai_numbers_suite!(StoreHarness::new().await);
testkit::call_reader_suite!(StoreHarness::new().await);
testkit::call_traces_suite!(StoreHarness::new().await);
testkit::call_updater_suite!(StoreHarness::new().await);
testkit::unfinished_calls_suite!(StoreHarness::new().await);
testkit::call_ledger_suite!(StoreHarness::new().await);
testkit::idempotency_keys_suite!(StoreHarness::new().await);
testkit::consents_suite!(StoreHarness::new().await);
testkit::contact_repo_suite!(StoreHarness::new().await);
testkit::context_cache_suite!(StoreHarness::new().await);
testkit::delivery_queue_suite!(StoreHarness::new().await);
testkit::directory_suite!(StoreHarness::new().await);
testkit::directory_reader_suite!(StoreHarness::new().await);
testkit::event_feed_suite!(StoreHarness::new().await);
testkit::event_inbox_suite!(StoreHarness::new().await);
testkit::idempotency_lock_suite!(StoreHarness::new().await);
testkit::intent_holds_suite!({
    let harness = StoreHarness::new().await;
    testkit::harness::LockHolds { holds: harness.store(), harness }
});
testkit::inbound_directory_suite!(StoreHarness::new().await);
testkit::number_pool_suite!(StoreHarness::new().await);
testkit::outbound_directory_suite!(StoreHarness::new().await);
testkit::refusal_counts_suite!(StoreHarness::new().await);
testkit::retention_suite!(StoreHarness::new().await);
testkit::suppressions_suite!(StoreHarness::new().await);
testkit::job_leases_suite!(StoreHarness::new().await);
testkit::ledger_meter_suite!(StoreHarness::new().await);
testkit::provisioning_suite!(StoreHarness::new().await);
testkit::user_repo_suite!(StoreHarness::new().await);
testkit::calling_policies_suite!(StoreHarness::new().await);
testkit::credential_store_suite!(StoreHarness::new().await);
testkit::audit_log_suite!(StoreHarness::new().await);
testkit::webhook_endpoints_suite!(StoreHarness::new().await);

mod of_ledgers {
    use super::StoreHarness;

    testkit::intent_holds_suite!({
        let harness = StoreHarness::new().await;
        testkit::harness::LedgerHolds { holds: harness.store(), harness }
    });
}

/// One store in one file. Each crash moves it to another file.
struct StoreHarness {
    current: Mutex<Current>,
    folder: TempDir,
}

#[derive(Clone)]
struct Current {
    store: SqliteStore,
    path: PathBuf,
    crashes: u32,
}

impl StoreHarness {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be created");
        let path = folder.path().join("outdial.db");
        let store = open(&path).await;
        store.migrate().await.expect("the schema is new");
        Self { current: Mutex::new(Current { store, path, crashes: 0 }), folder }
    }

    fn current(&self) -> Current {
        self.current.lock().expect("no test panics while it holds the lock").clone()
    }

    fn store(&self) -> Arc<SqliteStore> {
        Arc::new(self.current().store)
    }

    /// A connection that is not the store's.
    async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.current().path).connect().await.expect("the file is there")
    }
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(&SqliteSettings::file(path)).await.expect("the file can be opened")
}

#[async_trait]
impl LosesStore for StoreHarness {
    /// The tables disappear, as if the file were replaced by one of another program.
    async fn lose(&self) {
        let mut connection = self.connect().await;
        for table in [
            "organizations",
            "users",
            "agents",
            "caller_numbers",
            "contacts",
            "suppressions",
            "consents",
            "calls",
            "dial_guards",
            "calling_policies",
            "audit_records",
            "vendor_credentials",
            "call_locks",
            "call_day_counts",
            "call_slots",
            "call_contexts",
            "provider_events",
            "inbound_contexts",
            "call_events",
            "webhook_endpoints",
            "webhook_deliveries",
            "refusal_counts",
            "trunks",
            "job_leases",
            "call_attempts",
            "do_not_call_numbers",
        ] {
            let statement = format!("alter table {table} rename to lost_{table}");
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .expect("the table is there");
        }
    }
}

#[async_trait]
impl StoresRecords for StoreHarness {
    async fn store(&self, records: &[DirectoryRecord]) {
        let mut import = self.current().store.begin().await.expect("the store is available");
        import.upsert(records).await.expect("the records agree with each other");
        import.commit().await.expect("the store is available");
    }
}

#[async_trait]
impl PassesTime for StoreHarness {
    async fn pass(&self, time: Duration) {
        let mut connection = self.connect().await;
        let millis = i64::try_from(time.as_millis()).expect("the suites pass seconds");
        for (table, column) in [
            ("call_locks", "expires_at"),
            ("call_day_counts", "expires_at"),
            ("call_slots", "taken_at"),
            ("call_contexts", "expires_at"),
            ("dial_guards", "blocked_until"),
            ("idempotency_keys", "created_at"),
            ("calls", "claimed_until"),
            ("provider_events", "open_at"),
            ("inbound_contexts", "expires_at"),
            ("webhook_endpoints", "previous_until"),
            ("webhook_deliveries", "due_at"),
            ("webhook_deliveries", "claimed_until"),
            ("job_leases", "leased_until"),
        ] {
            let statement = AssertSqlSafe(format!("update {table} set {column} = {column} - ?"));
            sqlx::query(statement).bind(millis).execute(&mut connection).await.expect("the table is there");
        }
    }
}

impl ContactRepoHarness for StoreHarness {
    fn contacts(&self) -> Arc<dyn ContactRepo> {
        self.store()
    }
}

impl AgentRepoHarness for StoreHarness {
    fn agents(&self) -> Arc<dyn AgentRepo> {
        self.store()
    }
}

impl NumberPoolHarness for StoreHarness {
    fn numbers(&self) -> Arc<dyn NumberPool> {
        self.store()
    }
}

impl UserRepoHarness for StoreHarness {
    fn users(&self) -> Arc<dyn UserRepo> {
        self.store()
    }
}

impl CallingPoliciesHarness for StoreHarness {
    fn policies(&self) -> Arc<dyn CallingPolicies> {
        self.store()
    }

    fn audit(&self) -> Arc<dyn AuditLog> {
        self.store()
    }
}

impl CredentialStoreHarness for StoreHarness {
    fn credential_store(&self) -> Arc<dyn CredentialStore> {
        self.store()
    }

    fn audit(&self) -> Arc<dyn AuditLog> {
        self.store()
    }
}

impl DirectoryReaderHarness for StoreHarness {
    fn directory_reader(&self) -> Arc<dyn DirectoryReader> {
        self.store()
    }
}

impl CallTracesHarness for StoreHarness {
    fn traces(&self) -> Arc<dyn CallTraces> {
        self.store()
    }
}

impl ProvisioningHarness for StoreHarness {
    fn provisioning(&self) -> Arc<dyn Provisioning> {
        self.store()
    }
}

impl AiNumbersHarness for StoreHarness {
    fn ai_numbers(&self) -> Arc<dyn AiNumbers> {
        self.store()
    }
}

impl InboundDirectoryHarness for StoreHarness {
    fn inbound(&self) -> Arc<dyn InboundDirectory> {
        self.store()
    }
}

impl OutboundDirectoryHarness for StoreHarness {
    fn outbound(&self) -> Arc<dyn OutboundDirectory> {
        self.store()
    }
}

impl CalleeRecordsHarness for StoreHarness {
    fn consents(&self) -> Arc<dyn Consents> {
        self.store()
    }
}

impl DirectoryHarness for StoreHarness {
    fn directory(&self) -> Arc<dyn Directory> {
        self.store()
    }
}

impl IdempotencyLockHarness for StoreHarness {
    fn lock(&self) -> Arc<dyn IdempotencyLock> {
        self.store()
    }

    fn same_store_contexts(&self) -> Option<Arc<dyn ContextCache>> {
        Some(self.store())
    }
}

impl RefusalCountsHarness for StoreHarness {
    fn refusals(&self) -> Arc<dyn RefusalCounts> {
        self.store()
    }
}

impl ContextCacheHarness for StoreHarness {
    fn contexts(&self) -> Arc<dyn ContextCache> {
        self.store()
    }
}

#[async_trait]
impl CallLedgerHarness for StoreHarness {
    fn ledger(&self) -> Arc<dyn CallLedger> {
        self.store()
    }

    fn suppressions(&self) -> Arc<dyn Suppressions> {
        self.store()
    }

    /// Copies the files as they are now: a copy lacks everything that a process would write while
    /// it exits. A real `kill -9` is in `kill.rs`.
    async fn crash(&self) {
        let Current { path, crashes, .. } = self.current();
        let survivor = self.folder.path().join(format!("survivor-{crashes}.db"));
        std::fs::copy(&path, &survivor).expect("the file is there");
        std::fs::copy(path.with_extension("db-wal"), survivor.with_extension("db-wal"))
            .expect("the store is open, so its log is there");
        let store = open(&survivor).await;
        *self.current.lock().expect("no test panics while it holds the lock") =
            Current { store, path: survivor, crashes: crashes + 1 };
    }

    async fn calls_in_ledger(&self) -> Vec<BookedCall> {
        let rows = sqlx::query("select * from calls").fetch_all(&mut self.connect().await).await;
        rows.expect("the table is there").iter().map(booked_call).collect()
    }
}

impl CallsHarness for StoreHarness {
    fn reader(&self) -> Arc<dyn CallReader> {
        self.store()
    }

    fn updater(&self) -> Arc<dyn CallUpdater> {
        self.store()
    }

    fn unfinished(&self) -> Arc<dyn UnfinishedCalls> {
        self.store()
    }
}

impl IdempotencyKeysHarness for StoreHarness {
    fn keys(&self) -> Arc<dyn IdempotencyKeys> {
        self.store()
    }
}

#[async_trait]
impl CallEventsHarness for StoreHarness {
    fn feed(&self) -> Arc<dyn EventFeed> {
        self.store()
    }

    async fn other_feed(&self) -> Arc<dyn EventFeed> {
        Arc::new(open(&self.current().path).await)
    }

    fn endpoints(&self) -> Arc<dyn WebhookEndpoints> {
        self.store()
    }

    fn queue(&self) -> Arc<dyn DeliveryQueue> {
        self.store()
    }
}

#[async_trait]
impl EventInboxHarness for StoreHarness {
    fn inbox(&self) -> Arc<dyn EventInbox> {
        self.store()
    }

    async fn crash(&self) {
        CallLedgerHarness::crash(self).await;
    }
}

fn booked_call(row: &SqliteRow) -> BookedCall {
    let text = |column: &str| row.get::<String, _>(column);
    let optional = |column: &str| row.get::<Option<String>, _>(column);
    BookedCall {
        call_id: CallId::parse(&text("id")).expect("an id"),
        organization_id: OrganizationId::parse(&text("organization_id")).expect("an id"),
        user_id: UserId::parse(&text("user_id")).expect("an id"),
        contact_id: ContactId::parse(&text("contact_id")).expect("an id"),
        agent_id: AgentId::parse(&text("agent_id")).expect("an id"),
        from: PhoneNumber::parse(&text("from_number")).expect("a number"),
        to: PhoneNumber::parse(&text("to_number")).expect("a number"),
        reason: optional("reason").map(|reason| CallReason::parse(&reason).expect("a reason")),
        variables: read_variables(optional("variables")).expect("variables"),
        metadata: optional("metadata").map(|json| CallMetadata::parse(&json).expect("metadata")),
        purpose: optional("purpose").map(|purpose| CallPurpose::parse(&purpose).expect("a purpose")),
        subject: optional("subject").map(|subject| CallSubject::parse(&subject).expect("a subject")),
        decision: read_decision(optional("decision")).expect("a decision"),
        booked_at: Timestamp::from_unix_millis(row.get("booked_at")),
        state: text("state"),
        conversation_id: optional("conversation_id").map(|id| ConversationId::parse(&id).expect("an id")),
        carrier_call_id: optional("carrier_call_id").map(|id| CarrierCallId::parse(&id).expect("an id")),
    }
}
