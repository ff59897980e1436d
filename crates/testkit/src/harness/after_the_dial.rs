use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{CallReader, CallUpdater, EventInbox, ProviderLookup, ProviderRecords, UnfinishedCalls};

use super::{CallLedgerHarness, LosesStore, PassesTime};

/// What the suites of [`CallReader`], [`CallUpdater`] and [`UnfinishedCalls`] need: all three ports and the ledger on one
/// store. The store must belong to this harness alone, since a lease hides an overdue call from every other test.
pub trait CallsHarness: CallLedgerHarness {
    /// The adapter of [`CallReader`].
    fn reader(&self) -> Arc<dyn CallReader>;

    /// The adapter of [`CallUpdater`].
    fn updater(&self) -> Arc<dyn CallUpdater>;

    /// The adapter of [`UnfinishedCalls`].
    fn unfinished(&self) -> Arc<dyn UnfinishedCalls>;
}

/// What the suite of [`EventInbox`] needs. The store is to be the harness's own, since whoever claims an event takes it from
/// everybody. The calls that the suite closes events for are in no books.
#[async_trait]
pub trait EventInboxHarness: PassesTime + LosesStore {
    /// The adapter, as a new process would have it.
    fn inbox(&self) -> Arc<dyn EventInbox>;

    /// The store dies as hard as the harness can make it, with no chance to write, and comes back. Afterwards the suite asks
    /// for [`EventInboxHarness::inbox`] again.
    async fn crash(&self);
}

/// What the suite of [`ProviderRecords`] needs.
#[async_trait]
pub trait ProviderRecordsHarness: Send + Sync {
    /// The adapter, pointed at the scripted provider. Asked for after every [`ProviderRecordsHarness::upstream`].
    fn records(&self) -> Arc<dyn ProviderRecords>;

    /// The provider dials a call under an id of ours that nobody else has, always with the same agent, and has it on record
    /// like this. Gives its trace, whole: with the conversation, the agent, and a time of booking shortly before the dial.
    async fn record(&self, call: RecordedCall) -> ProviderLookup;

    /// From now on the provider behaves like this when it is asked for its records.
    async fn upstream(&self, upstream: RecordsUpstream);

    /// How many requests to dial have reached the provider, those of [`ProviderRecordsHarness::record`] among them.
    async fn dials(&self) -> usize;
}

/// A call as the provider has it on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedCall {
    /// It was answered and goes on.
    InProgress,
    /// It was answered and has ended.
    Completed,
    /// It came to nothing.
    Failed,
}

impl RecordedCall {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::InProgress, Self::Completed, Self::Failed];
}

/// How the provider behaves when it is asked for its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordsUpstream {
    /// It tells what it has.
    Answers,
    /// Nobody listens at its address.
    RefusesConnection,
    /// It takes the request and never answers.
    NeverAnswers,
    /// It refuses the key (HTTP 401), in its own error format.
    RefusesTheKey,
    /// It answers with an error on its side (HTTP 500), in its own error format.
    ServerError,
    /// Something else answers in its place, with a status of success and a body that is not the provider's.
    ForeignAnswer,
    /// It begins an answer of success and breaks the connection in the middle.
    CutAnswer,
}

impl RecordsUpstream {
    /// Every behaviour of a provider that is away.
    pub const AWAY: [Self; 6] = [
        Self::RefusesConnection,
        Self::NeverAnswers,
        Self::RefusesTheKey,
        Self::ServerError,
        Self::ForeignAnswer,
        Self::CutAnswer,
    ];
}
