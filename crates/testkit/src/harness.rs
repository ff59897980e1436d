//! What a suite needs besides the port: ways to prepare the world around an adapter, and to inspect
//! it.
//!
//! An adapter's tests implement the shared traits ([`LosesStore`], [`StoresRecords`],
//! [`PassesTime`]) once, for one type, and then the trait of each port. A harness prepares and
//! inspects; it judges nothing. If it cannot do what it is asked, it panics.

mod call_events;
mod call_traces;
mod callee_records;
mod calls;
mod event_inbox;
mod idempotency_keys;
mod intent_holds;
mod ledger_meter;
mod provider_recordings;
mod provider_records;
mod provider_webhook;
mod recording_store;
mod retention;
mod vendor_account;
mod voice_provider;
mod webhook_sender;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AgentRepo, AiNumbers, AuditLog, CallLedger, CallingPolicies, ContactRepo, ContextCache, CredentialStore,
    Directory, DirectoryReader, IdempotencyLock, InboundDirectory, JobLeases, NumberPool, OutboundDirectory,
    Provisioning, RefusalCounts, Suppressions, UserRepo,
};
use domain::{
    AgentId, CallId, CallMetadata, CallPurpose, CallReason, CallSubject, CarrierCallId, ContactId,
    ConversationId, Decision, DirectoryRecord, DynamicVariables, OrganizationId, PhoneNumber, Timestamp,
    UserId,
};

pub use call_events::CallEventsHarness;
pub use call_traces::CallTracesHarness;
pub use callee_records::CalleeRecordsHarness;
pub use calls::CallsHarness;
pub use event_inbox::EventInboxHarness;
pub use idempotency_keys::IdempotencyKeysHarness;
pub use intent_holds::{HeldIntent, IntentHoldsHarness, LedgerHolds, LockHolds};
pub use ledger_meter::LedgerMeterHarness;
pub use provider_recordings::{ProviderRecordingsHarness, RecordingsUpstream};
pub use provider_records::{
    ProviderRecordsHarness, RecordedCall, RecordsFormat, RecordsQuery, RecordsUpstream, VendorCall,
    VendorState,
};
pub use provider_webhook::{ProviderWebhookHarness, SampleEvent, SampleKind, SigningSecret};
pub use recording_store::RecordingStoreHarness;
pub use retention::RetentionHarness;
pub use vendor_account::{TrunkDirectoryHarness, VendorBehaviour, VoiceWorkspaceHarness};
pub use voice_provider::{DialFormat, SentDial, SettingsError, Upstream, VoiceProviderHarness};
pub use webhook_sender::{AllowedReceivers, ScriptedNames, WebhookSenderHarness};

/// Makes the store unavailable.
#[async_trait]
pub trait LosesStore: Send + Sync {
    /// Makes the store unavailable for good: connections are refused, or they hang. Ports that the
    /// suite already has live on and must cope.
    async fn lose(&self);
}

/// Puts records into the store without the port under test.
#[async_trait]
pub trait StoresRecords: Send + Sync {
    /// Stores these records, in this order. A record that is already stored is replaced, as by an
    /// import.
    async fn store(&self, records: &[DirectoryRecord]);
}

/// Moves time.
#[async_trait]
pub trait PassesTime: Send + Sync {
    /// Lets `time` pass: afterwards everything in the store that expires is that much closer to its
    /// end. A harness may change what is stored, move the store's clock, or wait; the suites ask
    /// for seconds.
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

/// What the suites of [`CallingPolicies`] and [`AuditLog`] need.
pub trait CallingPoliciesHarness: StoresRecords + LosesStore {
    /// The adapter.
    fn policies(&self) -> Arc<dyn CallingPolicies>;

    /// The audit records of the same store.
    fn audit(&self) -> Arc<dyn AuditLog>;
}

/// What the suite of [`CredentialStore`] needs.
pub trait CredentialStoreHarness: StoresRecords + LosesStore {
    /// The adapter.
    fn credential_store(&self) -> Arc<dyn CredentialStore>;

    /// The audit records of the same store.
    fn audit(&self) -> Arc<dyn AuditLog>;
}

/// What the suite of [`Directory`] needs: also the other ports of the same store, to see what an
/// import stored.
pub trait DirectoryHarness: CalleeRecordsHarness {
    /// The adapter.
    fn directory(&self) -> Arc<dyn Directory>;
}

/// What the suite of [`DirectoryReader`] needs.
pub trait DirectoryReaderHarness: StoresRecords + LosesStore {
    /// The adapter.
    fn directory_reader(&self) -> Arc<dyn DirectoryReader>;
}

/// What the suite of [`Provisioning`] needs.
pub trait ProvisioningHarness: StoresRecords + LosesStore {
    /// The adapter.
    fn provisioning(&self) -> Arc<dyn Provisioning>;
}

/// What the suite of [`AiNumbers`] needs: also the records and the audit of the same store.
pub trait AiNumbersHarness: CallingPoliciesHarness + ProvisioningHarness + PassesTime {
    /// The adapter.
    fn ai_numbers(&self) -> Arc<dyn AiNumbers>;
}

/// What the suite of [`JobLeases`] needs. The store belongs to this harness alone.
pub trait JobLeasesHarness: PassesTime + LosesStore {
    /// The adapter.
    fn leases(&self) -> Arc<dyn JobLeases>;
}

/// What the suite of [`InboundDirectory`] needs: also the contacts of the same store, to see that
/// none is created.
pub trait InboundDirectoryHarness: ContactRepoHarness {
    /// The adapter.
    fn inbound(&self) -> Arc<dyn InboundDirectory>;
}

/// What the suite of [`OutboundDirectory`] needs: also the four ports whose results it returns in
/// one step, the policies, the trunks, and the ledger, whose calls and attempts it finds.
pub trait OutboundDirectoryHarness:
    ContactRepoHarness
    + AgentRepoHarness
    + NumberPoolHarness
    + UserRepoHarness
    + CallingPoliciesHarness
    + ProvisioningHarness
    + CallsHarness
{
    /// The adapter.
    fn outbound(&self) -> Arc<dyn OutboundDirectory>;
}

/// What the suite of [`IdempotencyLock`] needs.
pub trait IdempotencyLockHarness: PassesTime + LosesStore {
    /// The adapter.
    fn lock(&self) -> Arc<dyn IdempotencyLock>;

    /// The context cache of the same store, if `settle` stores contexts there. With `None`, the
    /// suite requires that `settle` never reports a stored context.
    fn same_store_contexts(&self) -> Option<Arc<dyn ContextCache>>;
}

/// What the suite of [`ContextCache`] needs.
pub trait ContextCacheHarness: PassesTime + LosesStore {
    /// The adapter.
    fn contexts(&self) -> Arc<dyn ContextCache>;
}

/// What the suite of [`RefusalCounts`] needs.
pub trait RefusalCountsHarness: LosesStore {
    /// The adapter.
    fn refusals(&self) -> Arc<dyn RefusalCounts>;
}

/// What the suite of [`CallLedger`] needs: also the suppressions of the same store, which a booking looks
/// at.
#[async_trait]
pub trait CallLedgerHarness: StoresRecords + PassesTime + LosesStore {
    /// The adapter, as a new process would have it.
    fn ledger(&self) -> Arc<dyn CallLedger>;

    /// The adapter of [`Suppressions`].
    fn suppressions(&self) -> Arc<dyn Suppressions>;

    /// Crashes the store as hard as the harness can (at best with `kill -9`), so that it cannot
    /// write, and starts it again. The suite then calls [`CallLedgerHarness::ledger`] again.
    async fn crash(&self);

    /// Every call in the ledger. In a shared store these may include the calls of other tests.
    async fn calls_in_ledger(&self) -> Vec<BookedCall>;
}

/// A call as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedCall {
    /// The call.
    pub call_id: CallId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The user who asked for the call.
    pub user_id: UserId,
    /// The contact who is called.
    pub contact_id: ContactId,
    /// The agent that speaks.
    pub agent_id: AgentId,
    /// The caller number.
    pub from: PhoneNumber,
    /// The number that is dialled.
    pub to: PhoneNumber,
    /// Why the contact is called.
    pub reason: Option<CallReason>,
    /// The client's own variables of the agent's prompt.
    pub variables: DynamicVariables,
    /// The client's own data about the call.
    pub metadata: Option<CallMetadata>,
    /// What the call is for, what it is about, and the decision on it.
    pub purpose: Option<CallPurpose>,
    #[expect(missing_docs, reason = "see above")]
    pub subject: Option<CallSubject>,
    #[expect(missing_docs, reason = "see above")]
    pub decision: Option<Decision>,
    /// When the call was booked.
    pub booked_at: Timestamp,
    /// `dialling`, or `DialOutcome::as_str` of the settled outcome.
    pub state: String,
    /// The provider's id of the conversation, if known.
    pub conversation_id: Option<ConversationId>,
    /// The carrier's id of the call, if known.
    pub carrier_call_id: Option<CarrierCallId>,
}
