//! What a suite needs beside the port itself: the powers to arrange the world around an adapter, and to look at it.
//!
//! An adapter's tests implement the powers once, for one type, and then the trait of each port that the adapter has. The
//! powers arrange and look; they never judge. Whatever they cannot do is for them to panic about.

mod call_events;
mod calls;
mod event_inbox;
mod provider_recordings;
mod provider_records;
mod provider_webhook;
mod recording_store;
mod voice_provider;
mod webhook_sender;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AgentRepo, CallLedger, ContactRepo, ContextCache, Directory, IdempotencyLock, InboundDirectory,
    NumberPool, UserRepo,
};
use domain::{
    AgentId, CallId, CallReason, CarrierCallId, ContactId, ConversationId, DirectoryRecord, OrganizationId,
    PhoneNumber, Timestamp, UserId,
};

pub use call_events::CallEventsHarness;
pub use calls::CallsHarness;
pub use event_inbox::EventInboxHarness;
pub use provider_recordings::{ProviderRecordingsHarness, RecordingsUpstream};
pub use provider_records::{ProviderRecordsHarness, RecordedCall, RecordsUpstream};
pub use provider_webhook::{ProviderWebhookHarness, SampleEvent, SampleKind, SigningSecret};
pub use recording_store::RecordingStoreHarness;
pub use voice_provider::{SentDial, Upstream, VoiceProviderHarness};
pub use webhook_sender::{AllowedReceivers, ScriptedNames, WebhookSenderHarness};

/// The power to take the store away.
#[async_trait]
pub trait LosesStore: Send + Sync {
    /// The store goes away and does not come back: connections are refused, or they hang. The ports that were handed out
    /// before live on and have to cope.
    async fn lose(&self);
}

/// The power to put records into the store without the port that is tested.
#[async_trait]
pub trait StoresRecords: Send + Sync {
    /// Stores these records, in their order; as an import does, one that is stored already is replaced.
    async fn store(&self, records: &[DirectoryRecord]);
}

/// The power to move time.
#[async_trait]
pub trait PassesTime: Send + Sync {
    /// Afterwards everything that runs out in the store is nearer to its end by `time`. A harness may shift what is stored,
    /// or move the store's clock, or wait; the suites ask for seconds.
    async fn pass(&self, time: Duration);
}

/// What the suite of [`ContactRepo`] needs.
pub trait ContactRepoHarness: StoresRecords + LosesStore {
    /// The adapter.
    fn contacts(&self) -> Arc<dyn ContactRepo>;
}

/// What the suite of [`AgentRepo`] needs.
pub trait AgentRepoHarness: StoresRecords + LosesStore {
    /// The adapter.
    fn agents(&self) -> Arc<dyn AgentRepo>;
}

/// What the suite of [`NumberPool`] needs.
pub trait NumberPoolHarness: StoresRecords + LosesStore {
    /// The adapter.
    fn numbers(&self) -> Arc<dyn NumberPool>;
}

/// What the suite of [`UserRepo`] needs.
pub trait UserRepoHarness: StoresRecords + LosesStore {
    /// The adapter.
    fn users(&self) -> Arc<dyn UserRepo>;
}

/// What the suite of [`Directory`] needs: the other ports of the same store, to see what an import left there.
pub trait DirectoryHarness:
    ContactRepoHarness + AgentRepoHarness + NumberPoolHarness + UserRepoHarness
{
    /// The adapter.
    fn directory(&self) -> Arc<dyn Directory>;
}

/// What the suite of [`InboundDirectory`] needs: the contacts of the same store, to see that none was made.
pub trait InboundDirectoryHarness: ContactRepoHarness {
    /// The adapter.
    fn inbound(&self) -> Arc<dyn InboundDirectory>;
}

/// What the suite of [`IdempotencyLock`] needs.
pub trait IdempotencyLockHarness: PassesTime + LosesStore {
    /// The adapter.
    fn lock(&self) -> Arc<dyn IdempotencyLock>;

    /// The context cache of the same store, if settling writes contexts into one. Without it the suite demands that settling
    /// never says that it kept a context.
    fn same_store_contexts(&self) -> Option<Arc<dyn ContextCache>>;
}

/// What the suite of [`ContextCache`] needs.
pub trait ContextCacheHarness: PassesTime + LosesStore {
    /// The adapter.
    fn contexts(&self) -> Arc<dyn ContextCache>;
}

/// What the suite of [`CallLedger`] needs.
#[async_trait]
pub trait CallLedgerHarness: StoresRecords + PassesTime + LosesStore {
    /// The adapter, as a new process would have it.
    fn ledger(&self) -> Arc<dyn CallLedger>;

    /// The store dies as hard as the harness can make it (at best by `kill -9`), with no chance to write, and comes back.
    /// Afterwards the suite asks for [`CallLedgerHarness::ledger`] again.
    async fn crash(&self);

    /// Every call in the books. In a shared store that may include the calls of other tests.
    async fn calls_in_ledger(&self) -> Vec<BookedCall>;
}

/// One call as the books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedCall {
    /// The call.
    pub call_id: CallId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Who asked.
    pub user_id: UserId,
    /// Who is called.
    pub contact_id: ContactId,
    /// Who speaks.
    pub agent_id: AgentId,
    /// The caller number.
    pub from: PhoneNumber,
    /// The number that is dialled.
    pub to: PhoneNumber,
    /// Why.
    pub reason: Option<CallReason>,
    /// When it was booked.
    pub booked_at: Timestamp,
    /// `dialling`, or what `DialOutcome::as_str` gives for the outcome that was settled.
    pub state: String,
    /// The provider's conversation, where it is known.
    pub conversation_id: Option<ConversationId>,
    /// The call on the telephone network, where it is known.
    pub carrier_call_id: Option<CarrierCallId>,
}
