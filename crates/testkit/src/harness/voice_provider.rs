use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use domain::ProviderReference;
use domain::ports::VoiceProvider;
use serde_json::Value;

/// Why an adapter refuses its settings at start.
pub type SettingsError = Box<dyn Error + Send + Sync>;

/// How an adapter of a vendor is made, and one acceptance and one refusal of the vendor. The suite
/// sends these with every status, whole and spoiled, over connections that it ends in several ways.
pub trait DialFormat: Send + Sync {
    /// The adapter with this base URL and API key, as the gateway makes it at start. The suite also
    /// passes keys and URLs that an adapter may refuse.
    fn adapter(&self, base_url: &str, api_key: &str) -> Result<Arc<dyn VoiceProvider>, SettingsError>;

    /// The status and body of a response that accepts a dial.
    fn acceptance(&self) -> (u16, String);

    /// Every status with which that body means that the vendor accepted the dial. Change it only for
    /// 201 and 202, or if the vendor's documents name more than one.
    fn accepting_statuses(&self) -> Vec<u16> {
        vec![self.acceptance().0]
    }

    /// The body of a refusal in the vendor's own format, with this text where the vendor writes free
    /// text. A format that repeats the status has it in the body.
    fn refusal(&self, status: u16, text: &str) -> String;

    /// The statuses with which that body means that nothing was dialled, by the vendor's documents.
    fn refusing_statuses(&self) -> Vec<u16>;
}

/// What the suite of [`VoiceProvider`] needs.
#[async_trait]
pub trait VoiceProviderHarness: Send + Sync {
    /// The vendor's format.
    fn format(&self) -> Arc<dyn DialFormat>;

    /// The adapter, which sends its requests to the scripted provider. The suite gets a new one
    /// after each [`VoiceProviderHarness::upstream`].
    fn provider(&self) -> Arc<dyn VoiceProvider>;

    /// From now on the provider behaves like this.
    async fn upstream(&self, upstream: Upstream);

    /// Every request to dial that the provider has received, in order, also one that followed a
    /// redirect.
    async fn requests(&self) -> Vec<SentDial>;

    /// Whether the provider responds only after the callee has answered or has not. A provider that
    /// responds when the call is queued cannot report a busy callee: the suite then requires the
    /// outcome *placed*.
    fn waits_for_the_callee(&self) -> bool;
}

/// How the provider behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upstream {
    /// It places the call and returns the ids that it has for a call.
    AcceptsWithIds,
    /// It places the call and returns no id.
    AcceptsWithoutIds,
    /// The callee is busy.
    Busy,
    /// The callee does not answer for as long as the phone may ring.
    Silent,
    /// The callee declines.
    Declines,
    /// It refuses in its own error format, with a text that quotes the number to dial.
    Refuses,
    /// It refuses in its own error format with HTTP 429 and `Retry-After: 7`.
    RefusesForNow,
    /// No server listens at its address.
    RefusesConnection,
    /// It reads the request and never responds.
    NeverResponds,
    /// It reads the request and closes the connection.
    BreaksConnection,
    /// It responds with an error on its side (HTTP 500), in its own error format.
    ServerError,
    /// A proxy responds in its place, with a status of success and a body that is not the
    /// provider's.
    ForeignResponse,
    /// It responds with success and a body far larger than any of its own.
    OversizeResponse,
    /// It starts a successful response and closes the connection in the middle.
    CutResponse,
    /// It redirects with HTTP 307, which keeps the method, to an address where it would place the
    /// call.
    Redirects,
}

impl Upstream {
    /// Every behaviour.
    pub const ALL: [Self; 15] = [
        Self::AcceptsWithIds,
        Self::AcceptsWithoutIds,
        Self::Busy,
        Self::Silent,
        Self::Declines,
        Self::Refuses,
        Self::RefusesForNow,
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

/// A request to dial, as the provider received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentDial {
    /// Our id of the call, from the field in which the provider keeps a correlation id.
    pub call_id: String,
    /// The agent at the provider.
    pub provider_agent_id: String,
    /// The caller number at the provider.
    pub provider_number_id: String,
    /// The number to dial, as it was sent.
    pub to: String,
    /// The variables for the agent, by name, in JSON.
    pub variables: BTreeMap<String, Value>,
    /// The ids in the provider's response, if it returned any.
    pub answered: ProviderReference,
}
