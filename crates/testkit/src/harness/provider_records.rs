use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{ProviderLookup, ProviderRecords};

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
    Responds,
    /// Nobody listens at its address.
    RefusesConnection,
    /// It takes the request and never answers.
    NeverResponds,
    /// It refuses the key (HTTP 401), in its own error format.
    RefusesTheKey,
    /// It answers with an error on its side (HTTP 500), in its own error format.
    ServerError,
    /// Something else answers in its place, with a status of success and a body that is not the provider's.
    ForeignResponse,
    /// It begins an answer of success and breaks the connection in the middle.
    CutResponse,
}

impl RecordsUpstream {
    /// Every behaviour of a provider that is away.
    pub const UNAVAILABLE: [Self; 6] = [
        Self::RefusesConnection,
        Self::NeverResponds,
        Self::RefusesTheKey,
        Self::ServerError,
        Self::ForeignResponse,
        Self::CutResponse,
    ];
}
