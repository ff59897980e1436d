use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::ProviderReference;
use domain::ports::VoiceProvider;

/// What the suite of [`VoiceProvider`] needs.
#[async_trait]
pub trait VoiceProviderHarness: Send + Sync {
    /// The adapter, pointed at the scripted provider. Asked for after every [`VoiceProviderHarness::upstream`].
    fn provider(&self) -> Arc<dyn VoiceProvider>;

    /// From now on the provider behaves like this.
    async fn upstream(&self, upstream: Upstream);

    /// Every request to dial that has reached the provider, in its order; a request that came by a redirect counts.
    async fn requests(&self) -> Vec<SentDial>;

    /// Whether the provider answers only once the callee has, or has not. One that answers as soon as the call is queued
    /// cannot say that somebody is busy, and the suite then demands that it says *placed*.
    fn waits_for_the_callee(&self) -> bool;
}

/// How the provider behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upstream {
    /// It places the call and gives the ids that it has for one.
    AcceptsWithIds,
    /// It places the call and gives no id.
    AcceptsWithoutIds,
    /// The callee is busy.
    Busy,
    /// The callee does not pick up, for as long as the phone may ring.
    Silent,
    /// The callee declines.
    Declines,
    /// It refuses in its own error format, with a text that quotes the number to dial.
    Refuses,
    /// Nobody listens at its address.
    RefusesConnection,
    /// It takes the request and never answers.
    NeverResponds,
    /// It takes the request and breaks the connection.
    BreaksConnection,
    /// It answers with an error on its side (HTTP 500), in its own error format.
    ServerError,
    /// Something else answers in its place, with a status of success and a body that is not the provider's.
    ForeignResponse,
    /// It answers with success and a body that is far larger than any answer of its own.
    OversizeResponse,
    /// It begins an answer of success and breaks the connection in the middle.
    CutResponse,
    /// It redirects, such that the method is kept (HTTP 307), to an address where it would place the call.
    Redirects,
}

impl Upstream {
    /// Every behaviour.
    pub const ALL: [Self; 14] = [
        Self::AcceptsWithIds,
        Self::AcceptsWithoutIds,
        Self::Busy,
        Self::Silent,
        Self::Declines,
        Self::Refuses,
        Self::RefusesConnection,
        Self::NeverResponds,
        Self::BreaksConnection,
        Self::ServerError,
        Self::ForeignResponse,
        Self::OversizeResponse,
        Self::CutResponse,
        Self::Redirects,
    ];
}

/// A request to dial, as the provider got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentDial {
    /// Our id of the call, from wherever the provider keeps a correlation id.
    pub call_id: String,
    /// The agent at the provider.
    pub provider_agent_id: String,
    /// The caller number at the provider.
    pub provider_number_id: String,
    /// The number to dial, as it was sent.
    pub to: String,
    /// The variables for the agent, by their names.
    pub variables: BTreeMap<String, String>,
    /// The ids that the provider gave in its answer, if it gave any.
    pub answered: ProviderReference,
}
