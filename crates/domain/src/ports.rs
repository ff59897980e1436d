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
mod directory;
mod event_inbox;
mod idempotency_lock;
mod identifiers;
mod number_pool;
mod provider_records;
mod provider_webhook;
mod unavailable;
mod user_repo;
mod voice_provider;

pub use agent_repo::AgentRepo;
pub use call_books::{
    CallBooks, CallClue, HistoryPage, HistoryQuery, OverdueCall, OverdueClaim, PartiesClue,
};
pub use call_ledger::{BookingAnswer, CallLedger, Settlement};
pub use clock::Clock;
pub use contact_repo::ContactRepo;
pub use context_cache::ContextCache;
pub use directory::{Directory, DirectoryImport, RecordRefusal, UpsertError};
pub use event_inbox::{EventInbox, InboxAnswer, IncomingEvent, OpenEvent};
pub use idempotency_lock::{
    ContextRider, IdempotencyLock, LockAnswer, LockSettlement, Ownership, SettleAnswer,
};
pub use identifiers::Identifiers;
pub use number_pool::{CallerNumberAnswer, CallerNumberQuery, NumberPool, Recipient};
pub use provider_records::{CallTrace, ProviderRecords};
pub use provider_webhook::{ProviderEvent, ProviderWebhook, UnreadableEvent, Unverified, WebhookCredentials};
pub use unavailable::PortUnavailable;
pub use user_repo::UserRepo;
pub use voice_provider::{AnswerTime, DialRequest, VoiceProvider};

#[cfg(any(test, feature = "mocks"))]
pub use self::{
    agent_repo::MockAgentRepo, call_books::MockCallBooks, call_ledger::MockCallLedger, clock::MockClock,
    contact_repo::MockContactRepo, context_cache::MockContextCache, directory::MockDirectory,
    event_inbox::MockEventInbox, idempotency_lock::MockIdempotencyLock, identifiers::MockIdentifiers,
    number_pool::MockNumberPool, provider_records::MockProviderRecords,
    provider_webhook::MockProviderWebhook, user_repo::MockUserRepo, voice_provider::MockVoiceProvider,
};
