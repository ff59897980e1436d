use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::ProviderRecordings;
use domain::{Audio, ConversationId};

/// What the suite of [`ProviderRecordings`] needs.
#[async_trait]
pub trait ProviderRecordingsHarness: Send + Sync {
    /// The adapter, which sends its requests to the scripted provider. The suite gets a new one
    /// after each [`ProviderRecordingsHarness::upstream`].
    fn recordings(&self) -> Arc<dyn ProviderRecordings>;

    /// A conversation with a recording at the provider, and the recording.
    async fn recorded(&self) -> (ConversationId, Audio);

    /// A conversation without a recording at the provider.
    async fn unrecorded(&self) -> ConversationId;

    /// From now on the provider behaves like this.
    async fn upstream(&self, upstream: RecordingsUpstream);

    /// How many requests the provider has received since the last call of
    /// [`ProviderRecordingsHarness::upstream`]. The suite does not ask for
    /// [`RecordingsUpstream::Responds`] and [`RecordingsUpstream::RefusesConnection`].
    async fn requests(&self) -> usize;

    /// How many requests to dial the provider has received, among them those of
    /// [`ProviderRecordingsHarness::recorded`].
    async fn dials(&self) -> usize;
}

/// How the provider behaves when it is asked for a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingsUpstream {
    /// It responds with what it has.
    Responds,
    /// No server listens at its address.
    RefusesConnection,
    /// It refuses the key (HTTP 401) with a text that quotes [`RecordingsUpstream::QUOTED`].
    RefusesTheKey,
    /// It responds with an error on its side (HTTP 500) and a text that quotes
    /// [`RecordingsUpstream::QUOTED`].
    ServerError,
    /// A proxy responds in its place, with a status of success and a page that quotes
    /// [`RecordingsUpstream::QUOTED`].
    ForeignResponse,
    /// It closes the connection in the middle of a recording.
    CutResponse,
    /// It responds with an MP3 recording of [`RecordingsUpstream::LARGE_LEN`] bytes.
    Large,
}

impl RecordingsUpstream {
    /// A personal text that no error may quote.
    pub const QUOTED: &str = "+14165550199";

    /// The size of a large recording: more than half an hour of a call.
    pub const LARGE_LEN: usize = 30 << 20;

    /// Every behaviour from which the presence of a recording does not follow.
    pub const UNCLEAR: [Self; 5] = [
        Self::RefusesConnection,
        Self::RefusesTheKey,
        Self::ServerError,
        Self::ForeignResponse,
        Self::CutResponse,
    ];
}
