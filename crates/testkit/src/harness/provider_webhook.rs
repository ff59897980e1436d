use std::sync::Arc;
use std::time::Duration;

use domain::ports::ProviderWebhook;
use domain::{Audio, CallId, ConversationId, InboundCall, PhoneNumber, ProviderAgentId, Timestamp};

/// What the suite of [`ProviderWebhook`] needs.
pub trait ProviderWebhookHarness: Send + Sync {
    /// The adapter with two secrets, and with a bearer token if the provider can send one.
    fn webhook(&self) -> Arc<dyn ProviderWebhook>;

    /// The adapter without any secret or token.
    fn without_secrets(&self) -> Arc<dyn ProviderWebhook>;

    /// The headers with which the provider signs this body at this time, as names and values.
    fn signature(&self, body: &[u8], at: Timestamp, secret: SigningSecret) -> Vec<(String, String)>;

    /// The configured bearer token.
    fn bearer(&self) -> Option<String>;

    /// How old a signature may be, and how far in the future its time may be.
    fn window(&self) -> (Duration, Duration);

    /// Whether the provider sends recordings in events, so that an event may be too large to be held
    /// in memory.
    fn sends_large_events(&self) -> bool;

    /// The body of an event, as the provider writes it.
    fn event(&self, event: &SampleEvent) -> Vec<u8>;

    /// The body of the question who is calling, as the provider writes it.
    fn question(&self, call: &InboundCall) -> Vec<u8>;
}

/// A secret to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningSecret {
    /// The first of the configured secrets.
    First,
    /// The second of the configured secrets.
    Second,
    /// A secret that is not configured.
    Foreign,
}

/// An event about an outbound call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleEvent {
    /// What it reports.
    pub kind: SampleKind,
    /// The provider's id of the conversation.
    pub conversation_id: ConversationId,
    /// Our id, which the provider got with the dial.
    pub call_id: CallId,
    /// The caller number.
    pub from: PhoneNumber,
    /// The number that was dialled.
    pub to: PhoneNumber,
    /// The agent at the provider.
    pub provider_agent_id: ProviderAgentId,
    /// What was said, if the event has a transcript.
    pub said: String,
}

/// What an event reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleKind {
    /// A conversation with a transcript has ended.
    Conversation,
    /// The dial failed: the callee was busy.
    FailedDial,
    /// The recording of a conversation.
    Recording(Audio),
    /// An event of a type that the gateway does not know.
    Unknown,
}
