use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{ProviderLookup, ProviderRecords};

/// What the suite of [`ProviderRecords`] needs.
#[async_trait]
pub trait ProviderRecordsHarness: Send + Sync {
    /// The adapter, which sends its requests to the scripted provider. The suite gets a new one
    /// after each [`ProviderRecordsHarness::upstream`].
    fn records(&self) -> Arc<dyn ProviderRecords>;

    /// Lets the provider dial a call under a new id of ours, always with the same agent, and record
    /// it like this. Returns its complete lookup: with the conversation, the agent, and a booking
    /// time shortly before the dial.
    async fn record(&self, call: RecordedCall) -> ProviderLookup;

    /// From now on the provider behaves like this when it is asked for its records.
    async fn upstream(&self, upstream: RecordsUpstream);

    /// How many requests to dial the provider has received, among them those of
    /// [`ProviderRecordsHarness::record`].
    async fn dials(&self) -> usize;
}

/// A call in the provider's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedCall {
    /// It was answered and continues.
    InProgress,
    /// It was answered and has ended.
    Completed,
    /// It was not connected.
    Failed,
}

impl RecordedCall {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::InProgress, Self::Completed, Self::Failed];
}

/// How the provider behaves when it is asked for its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordsUpstream {
    /// It responds with its records.
    Responds,
    /// No server listens at its address.
    RefusesConnection,
    /// It reads the request and never responds.
    NeverResponds,
    /// It refuses the key (HTTP 401), in its own error format.
    RefusesTheKey,
    /// It responds with an error on its side (HTTP 500), in its own error format.
    ServerError,
    /// A proxy responds in its place, with a status of success and a body that is not the
    /// provider's.
    ForeignResponse,
    /// It starts a successful response and closes the connection in the middle.
    CutResponse,
}

impl RecordsUpstream {
    /// Every behaviour of an unavailable provider.
    pub const UNAVAILABLE: [Self; 6] = [
        Self::RefusesConnection,
        Self::NeverResponds,
        Self::RefusesTheKey,
        Self::ServerError,
        Self::ForeignResponse,
        Self::CutResponse,
    ];
}
