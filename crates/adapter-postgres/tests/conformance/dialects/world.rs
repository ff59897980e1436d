use std::sync::Arc;
use std::time::Duration;

use adapter_postgres::PostgresStore;
use adapter_sqlite::{SqliteSettings, SqliteStore};
use domain::ports::{Directory, UpsertError};
use domain::{
    Booking, CallId, CarrierCallId, CheckImport, ConversationId, DirectoryRecord, IntentKey, KeyedRequest,
    Timestamp, WebhookEndpoint,
};
use tempfile::TempDir;
use testkit::fixtures::{self, Tenant};
use testkit::random::Random;

use super::both;
use crate::harness::PostgresHarness;

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Two stores with the same records, and the few values that operations choose from, so that they
/// meet.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) step: u32,
    pub(super) random: Random,
    pub(super) postgres: PostgresStore,
    pub(super) sqlite: SqliteStore,
    /// The first two have the same numbers and the same agent at the provider.
    pub(super) tenants: Vec<Tenant>,
    pub(super) keys: Vec<IntentKey>,
    pub(super) requests: Vec<KeyedRequest>,
    pub(super) conversations: Vec<ConversationId>,
    pub(super) carrier_calls: Vec<CarrierCallId>,
    pub(super) bookings: Vec<Booking>,
    pub(super) endpoints: Vec<WebhookEndpoint>,
    _database: PostgresHarness,
    _folder: TempDir,
}

impl World {
    pub(super) async fn new(seed: u64) -> Self {
        let (database, folder) = (PostgresHarness::new().await, tempfile::tempdir().expect("a folder"));
        let settings = SqliteSettings::file(folder.path().join("outdial.db"));
        let sqlite = SqliteStore::open(&settings).await.expect("the file can be opened");
        sqlite.migrate().await.expect("the schema is new");
        let mut tenants = vec![Tenant::new(), Tenant::new(), Tenant::new()];
        tenants[1].number.number.phone_number = tenants[0].number.number.phone_number.clone();
        tenants[1].contact.phone_number = tenants[0].contact.phone_number.clone();
        tenants[1].agent.provider_agent_id = tenants[0].agent.provider_agent_id.clone();
        let mut world = Self {
            seed,
            step: 0,
            random: Random::new(seed),
            postgres: database.adapter(),
            sqlite,
            keys: (0..4).map(|_| fixtures::key()).collect(),
            requests: (0..4).map(|_| fixtures::keyed_request()).collect(),
            conversations: (0..4).map(|_| fixtures::conversation_id()).collect(),
            carrier_calls: (0..3).map(|_| fixtures::carrier_call_id()).collect(),
            bookings: Vec::new(),
            endpoints: Vec::new(),
            tenants: tenants.clone(),
            _database: database,
            _folder: folder,
        };
        for tenant in tenants {
            world.import(&tenant.records()).await;
        }
        world
    }

    /// Imports these records, or nothing if one of them is refused. The check of the import finds
    /// the same record.
    pub(super) async fn import(&mut self, records: &[DirectoryRecord]) {
        both!(self, store => {
            let mut check = CheckImport::new(Arc::new(store.clone()));
            let found = check.check(records).await.expect("the store is up").into_iter().next();
            let mut import = store.begin().await.expect("the store is up");
            let stored = import.upsert(records).await;
            let refused = match &stored {
                Err(UpsertError::Refused { index, refusal }) => Some((*index, *refusal)),
                _ => None,
            };
            assert_eq!(found, refused, "the check of an import differs from the import");
            if stored.is_ok() {
                import.commit().await.expect("the store is up");
            }
            stored.map_err(|refused| refused.to_string())
        });
    }

    pub(super) fn tenant(&mut self) -> Tenant {
        self.random.pick(&self.tenants).clone()
    }

    pub(super) fn booking(&mut self) -> Option<Booking> {
        if self.bookings.is_empty() { None } else { Some(self.random.pick(&self.bookings).clone()) }
    }

    /// One of five times, so that many calls have the same.
    pub(super) fn time(&mut self) -> Timestamp {
        fixtures::moment().after(Duration::from_secs(self.random.below(5)))
    }

    pub(super) fn conversation_id(&mut self) -> Option<ConversationId> {
        self.random.perhaps(&self.conversations)
    }

    pub(super) fn carrier_call_id(&mut self) -> Option<CarrierCallId> {
        self.random.perhaps(&self.carrier_calls)
    }

    /// An hour, or no time at all: what expires has expired, and the rest lasts longer than the
    /// test.
    pub(super) fn duration(&mut self) -> Duration {
        *self.random.pick(&[Duration::ZERO, HOUR])
    }

    /// Ids of calls do not rise with the time here.
    pub(super) fn call_id(&mut self) -> CallId {
        let seconds = u32::try_from(self.random.below(1 << 32)).expect("below 32 bits");
        CallId::mint(seconds, self.random.next().to_be_bytes())
    }
}
