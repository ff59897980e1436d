//! What the domain asks of the world: one file for each port, with its trait, its errors and the types that only it speaks.
//!
//! A port's doc comment is its contract. Each sentence with MUST names, in brackets, the case of the conformance suite
//! that shows it; an adapter that passes the suite is an adapter that works.

mod agent_repo;
mod call_books;
mod call_ledger;
mod clock;
mod contact_repo;
mod context_cache;
mod delivery_queue;
mod directory;
mod event_feed;
mod event_inbox;
mod idempotency_lock;
mod identifiers;
mod inbound_directory;
mod number_pool;
mod provider_recordings;
mod provider_records;
mod provider_webhook;
mod recording_store;
mod unavailable;
mod user_repo;
mod voice_provider;
mod webhook_endpoints;
mod webhook_sender;

pub use agent_repo::AgentRepo;
pub use call_books::{
    CallBooks, CallLookup, HistoryPage, HistoryQuery, OverdueLease, PartiesLookup, ProviderLookup,
    UnrecordedLease,
};
pub use call_ledger::{CallLedger, HoldResult, Settlement};
pub use clock::Clock;
pub use contact_repo::ContactRepo;
pub use context_cache::ContextCache;
pub use delivery_queue::{AttemptConclusion, DeliveryLease, DeliveryListQuery, DeliveryQueue, ReplayQuery};
pub use directory::{Directory, DirectoryImport, RecordRefusal, UpsertError};
pub use event_feed::{EventFeed, FeedQuery};
pub use event_inbox::{AcceptResult, ClosedBody, EventInbox, IncomingEvent, OpenEvent};
pub use idempotency_lock::{
    ContextToStore, HoldResult, IdempotencyLock, LockSettlement, Ownership, SettleResult,
};
pub use identifiers::Identifiers;
pub use inbound_directory::{InboundDirectory, InboundParties, InboundQuery};
pub use number_pool::{CallerNumberChoice, CallerNumberQuery, NumberPool, Recipient};
pub use provider_recordings::ProviderRecordings;
pub use provider_records::{ProviderLookup, ProviderRecords};
pub use provider_webhook::{ProviderEvent, ProviderWebhook, UnreadableEvent, Unverified, WebhookCredentials};
pub use recording_store::RecordingStore;
pub use unavailable::PortUnavailable;
pub use user_repo::UserRepo;
pub use voice_provider::{DialRequest, VoiceProvider};
pub use webhook_endpoints::{RegistrationResult, WebhookEndpoints};
pub use webhook_sender::{SendOutcome, UrlRefusal, WebhookSender};

#[cfg(any(test, feature = "mocks"))]
pub use self::{
    agent_repo::MockAgentRepo, call_books::MockCallBooks, call_ledger::MockCallLedger, clock::MockClock,
    contact_repo::MockContactRepo, context_cache::MockContextCache, delivery_queue::MockDeliveryQueue,
    directory::MockDirectory, event_feed::MockEventFeed, event_inbox::MockEventInbox,
    idempotency_lock::MockIdempotencyLock, identifiers::MockIdentifiers,
    inbound_directory::MockInboundDirectory, number_pool::MockNumberPool,
    provider_recordings::MockProviderRecordings, provider_records::MockProviderRecords,
    provider_webhook::MockProviderWebhook, recording_store::MockRecordingStore, user_repo::MockUserRepo,
    voice_provider::MockVoiceProvider, webhook_endpoints::MockWebhookEndpoints,
    webhook_sender::MockWebhookSender,
};
