//! A database for each test, and what the suites need to control it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_postgres::{PostgresSettings, PostgresStore};
use async_trait::async_trait;
use domain::ports::{
    AgentRepo, AiNumbers, AuditLog, CallLedger, CallReader, CallTraces, CallUpdater, CallingPolicies,
    Consents, ContactRepo, CredentialStore, DeliveryQueue, Directory, DirectoryReader, EventFeed, EventInbox,
    IdempotencyKeys, InboundDirectory, JobLeases, LedgerMeter, NumberPool, OutboundDirectory, Provisioning,
    RefusalCounts, Suppressions, UnfinishedCalls, UserRepo, WebhookEndpoints,
};
use domain::{
    AgentId, CallId, CallMetadata, CallPurpose, CallReason, CallSubject, CarrierCallId, ContactId,
    ConversationId, DirectoryRecord, OrganizationId, PhoneNumber, Timestamp, UserId,
};
use sql_common::{read_decision, read_variables};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use testkit::harness::{
    AgentRepoHarness, AiNumbersHarness, BookedCall, CallEventsHarness, CallLedgerHarness, CallTracesHarness,
    CalleeRecordsHarness, CallingPoliciesHarness, CallsHarness, ContactRepoHarness, CredentialStoreHarness,
    DirectoryHarness, DirectoryReaderHarness, EventInboxHarness, IdempotencyKeysHarness,
    InboundDirectoryHarness, JobLeasesHarness, LedgerMeterHarness, LosesStore, NumberPoolHarness,
    OutboundDirectoryHarness, PassesTime, ProvisioningHarness, RefusalCountsHarness, StoresRecords,
    UserRepoHarness,
};

/// A store in its own database, which is dropped with the harness.
pub(crate) struct PostgresHarness {
    database: TestDatabase,
    store: Mutex<PostgresStore>,
}

impl PostgresHarness {
    /// A migrated, empty database, which checks each row beyond what the schema does.
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create().await;
        let store = database.open().await;
        store.migrate().await.expect("an empty database can be migrated");
        database.execute(include_str!("checks.sql")).await;
        Self { database, store: Mutex::new(store) }
    }

    pub(crate) fn adapter(&self) -> PostgresStore {
        self.store.lock().expect("no test panics while it holds the store").clone()
    }

    /// Uses this store of the same database from now on.
    pub(crate) fn use_store(&self, store: PostgresStore) {
        *self.store.lock().expect("no test panics while it holds the store") = store;
    }

    pub(crate) fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The server is shared by all tests, so that only the sessions end. What they had not
    /// committed is lost.
    async fn end_sessions_and_reopen(&self) {
        self.database.end_sessions().await;
        self.use_store(self.database.open().await);
    }
}

/// A database that is dropped with this value.
pub(crate) struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// An empty database with a unique name.
    pub(crate) async fn create() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let name = format!("outdial_test_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        execute(&testkit::services::postgres_url(), &format!("create database {name}")).await;
        Self { name }
    }

    /// The URL of this database.
    pub(crate) fn url(&self) -> String {
        let url = testkit::services::postgres_url();
        let (base, parameters) = url.split_once('?').unwrap_or((&url, ""));
        let (server, _) = base.rsplit_once('/').expect("the URL names a database");
        format!("{server}/{}?{parameters}", self.name)
    }

    /// Settings as in production, but with few connections: many tests run at the same time.
    pub(crate) fn settings(&self) -> PostgresSettings {
        PostgresSettings { max_connections: 5, ..PostgresSettings::new(self.url()) }
    }

    pub(crate) async fn open(&self) -> PostgresStore {
        PostgresStore::connect(&self.settings()).await.expect("the server responds")
    }

    /// Runs statements in this database.
    pub(crate) async fn execute(&self, sql: &str) {
        execute(&self.url(), sql).await;
    }

    /// The rows of a query in this database.
    pub(crate) async fn query(&self, sql: &str) -> Vec<PgRow> {
        let mut connection = connect(&self.url()).await;
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await;
        rows.expect("the test's query is valid")
    }

    /// Makes new sessions in this database read-only, or no longer.
    pub(crate) async fn set_read_only(&self, is_read_only: bool) {
        self.set("default_transaction_read_only", if is_read_only { "on" } else { "off" }).await;
    }

    /// Changes a setting of new sessions in this database.
    pub(crate) async fn set(&self, setting: &str, value: &str) {
        let sql = format!("alter database {} set {setting} = {value}", self.name);
        execute(&testkit::services::postgres_url(), &sql).await;
    }

    /// Ends all sessions in this database.
    pub(crate) async fn end_sessions(&self) {
        let Self { name } = self;
        let sql =
            format!("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}'");
        execute(&testkit::services::postgres_url(), &sql).await;
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        // On another thread, since the test's runtime may be shutting down.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .expect("a runtime can be built")
                .block_on(execute(&testkit::services::postgres_url(), &sql));
        });
        // If the database cannot be dropped, it stays until its server is removed.
        let _dropped = dropping.join();
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the server responds")
}

async fn execute(url: &str, sql: &str) {
    let mut connection = connect(url).await;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .expect("the test's statement is valid");
}

#[async_trait]
impl LosesStore for PostgresHarness {
    async fn lose(&self) {
        let name = &self.database.name;
        let sql = format!("alter database {name} with allow_connections false");
        execute(&testkit::services::postgres_url(), &sql).await;
        self.database.end_sessions().await;
    }
}

#[async_trait]
impl StoresRecords for PostgresHarness {
    async fn store(&self, records: &[DirectoryRecord]) {
        let mut import = self.adapter().begin().await.expect("the server responds");
        import.upsert(records).await.expect("the records agree with each other");
        import.commit().await.expect("the server responds");
    }
}

#[async_trait]
impl PassesTime for PostgresHarness {
    async fn pass(&self, time: Duration) {
        let passed = format!("interval '{} milliseconds'", time.as_millis());
        let sql = format!(
            "update dial_guards set blocked_until = blocked_until - {passed}; \
             update idempotency_keys set created_at = created_at - {passed}; \
             update calls set claimed_until = claimed_until - {passed}; \
             update provider_events set open_at = open_at - {passed}; \
             update webhook_deliveries set due_at = due_at - {passed}, claimed_until = claimed_until - {passed}; \
             update job_leases set leased_until = leased_until - {passed}; \
             update webhook_endpoints set previous_until = previous_until - {passed}"
        );
        self.database.execute(&sql).await;
    }
}

impl ContactRepoHarness for PostgresHarness {
    fn contacts(&self) -> Arc<dyn ContactRepo> {
        Arc::new(self.adapter())
    }
}

impl AgentRepoHarness for PostgresHarness {
    fn agents(&self) -> Arc<dyn AgentRepo> {
        Arc::new(self.adapter())
    }
}

impl NumberPoolHarness for PostgresHarness {
    fn numbers(&self) -> Arc<dyn NumberPool> {
        Arc::new(self.adapter())
    }
}

impl RefusalCountsHarness for PostgresHarness {
    fn refusals(&self) -> Arc<dyn RefusalCounts> {
        Arc::new(self.adapter())
    }
}

impl UserRepoHarness for PostgresHarness {
    fn users(&self) -> Arc<dyn UserRepo> {
        Arc::new(self.adapter())
    }
}

impl CredentialStoreHarness for PostgresHarness {
    fn credential_store(&self) -> Arc<dyn CredentialStore> {
        Arc::new(self.adapter())
    }

    fn audit(&self) -> Arc<dyn AuditLog> {
        Arc::new(self.adapter())
    }
}

impl CallingPoliciesHarness for PostgresHarness {
    fn policies(&self) -> Arc<dyn CallingPolicies> {
        Arc::new(self.adapter())
    }

    fn audit(&self) -> Arc<dyn AuditLog> {
        Arc::new(self.adapter())
    }
}

impl OutboundDirectoryHarness for PostgresHarness {
    fn outbound(&self) -> Arc<dyn OutboundDirectory> {
        Arc::new(self.adapter())
    }
}

impl CalleeRecordsHarness for PostgresHarness {
    fn consents(&self) -> Arc<dyn Consents> {
        Arc::new(self.adapter())
    }
}

impl DirectoryHarness for PostgresHarness {
    fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(self.adapter())
    }
}

impl CallsHarness for PostgresHarness {
    fn reader(&self) -> Arc<dyn CallReader> {
        Arc::new(self.adapter())
    }

    fn updater(&self) -> Arc<dyn CallUpdater> {
        Arc::new(self.adapter())
    }

    fn unfinished(&self) -> Arc<dyn UnfinishedCalls> {
        Arc::new(self.adapter())
    }
}

impl IdempotencyKeysHarness for PostgresHarness {
    fn keys(&self) -> Arc<dyn IdempotencyKeys> {
        Arc::new(self.adapter())
    }
}

impl DirectoryReaderHarness for PostgresHarness {
    fn directory_reader(&self) -> Arc<dyn DirectoryReader> {
        Arc::new(self.adapter())
    }
}

impl CallTracesHarness for PostgresHarness {
    fn traces(&self) -> Arc<dyn CallTraces> {
        Arc::new(self.adapter())
    }
}

impl LedgerMeterHarness for PostgresHarness {
    fn meter(&self) -> Arc<dyn LedgerMeter> {
        Arc::new(self.adapter())
    }

    fn inbox(&self) -> Arc<dyn EventInbox> {
        Arc::new(self.adapter())
    }
}

impl JobLeasesHarness for PostgresHarness {
    fn leases(&self) -> Arc<dyn JobLeases> {
        Arc::new(self.adapter())
    }
}

impl ProvisioningHarness for PostgresHarness {
    fn provisioning(&self) -> Arc<dyn Provisioning> {
        Arc::new(self.adapter())
    }
}

impl AiNumbersHarness for PostgresHarness {
    fn ai_numbers(&self) -> Arc<dyn AiNumbers> {
        Arc::new(self.adapter())
    }
}

impl InboundDirectoryHarness for PostgresHarness {
    fn inbound(&self) -> Arc<dyn InboundDirectory> {
        Arc::new(self.adapter())
    }
}

#[async_trait]
impl CallEventsHarness for PostgresHarness {
    fn feed(&self) -> Arc<dyn EventFeed> {
        Arc::new(self.adapter())
    }

    async fn other_feed(&self) -> Arc<dyn EventFeed> {
        Arc::new(self.database.open().await)
    }

    fn endpoints(&self) -> Arc<dyn WebhookEndpoints> {
        Arc::new(self.adapter())
    }

    fn queue(&self) -> Arc<dyn DeliveryQueue> {
        Arc::new(self.adapter())
    }
}

#[async_trait]
impl EventInboxHarness for PostgresHarness {
    fn inbox(&self) -> Arc<dyn EventInbox> {
        Arc::new(self.adapter())
    }

    async fn crash(&self) {
        self.end_sessions_and_reopen().await;
    }
}

#[async_trait]
impl CallLedgerHarness for PostgresHarness {
    fn ledger(&self) -> Arc<dyn CallLedger> {
        Arc::new(self.adapter())
    }

    fn suppressions(&self) -> Arc<dyn Suppressions> {
        Arc::new(self.adapter())
    }

    async fn crash(&self) {
        self.end_sessions_and_reopen().await;
    }

    async fn calls_in_ledger(&self) -> Vec<BookedCall> {
        let rows = self.database.query(
            "select id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason, state, variables, metadata, \
                    purpose, subject, decision, conversation_id, carrier_call_id, (extract(epoch from booked_at) * 1000)::bigint::text as booked_at \
               from calls",
        );
        rows.await.iter().map(booked_call).collect()
    }
}

fn booked_call(row: &PgRow) -> BookedCall {
    let text = |column: &str| row.get::<Option<String>, _>(column);
    let given = |column: &str| text(column).expect("the column is not null");
    BookedCall {
        call_id: CallId::parse(&given("id")).expect("an id"),
        organization_id: OrganizationId::parse(&given("organization_id")).expect("an id"),
        user_id: UserId::parse(&given("user_id")).expect("an id"),
        contact_id: ContactId::parse(&given("contact_id")).expect("an id"),
        agent_id: AgentId::parse(&given("agent_id")).expect("an id"),
        from: PhoneNumber::parse(&given("from_number")).expect("a number"),
        to: PhoneNumber::parse(&given("to_number")).expect("a number"),
        reason: text("reason").map(|reason| CallReason::parse(&reason).expect("a reason")),
        variables: read_variables(text("variables")).expect("variables"),
        metadata: text("metadata").map(|json| CallMetadata::parse(&json).expect("metadata")),
        purpose: text("purpose").map(|purpose| CallPurpose::parse(&purpose).expect("a purpose")),
        subject: text("subject").map(|subject| CallSubject::parse(&subject).expect("a subject")),
        decision: read_decision(text("decision")).expect("a decision"),
        booked_at: Timestamp::from_unix_millis(given("booked_at").parse().expect("milliseconds")),
        state: given("state"),
        conversation_id: text("conversation_id").map(|id| ConversationId::parse(&id).expect("an id")),
        carrier_call_id: text("carrier_call_id").map(|id| CarrierCallId::parse(&id).expect("an id")),
    }
}
