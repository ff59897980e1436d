//! The webhook of a provider whose events are signed with a constant.

use adapter_elevenlabs::{ElevenLabsWebhook, ElevenLabsWebhookSettings};
use domain::ports::{
    CallLookup, EventOrigin, LargeEvent, PersonalizationQuestion, ProviderEvent, ProviderReply,
    ProviderWebhook, UnreadableEvent, UnreadableQuestion, Unverified, WebhookCredentials,
};
use domain::{Personalization, Timestamp};
use testkit::fixtures;

use crate::world::call_id;

pub(crate) const SIGNATURE_HEADER: &str = "elevenlabs-signature";
/// Has the right form and time, and verifies nothing.
pub(crate) const FORGED: &str = "t=1700000000,v0=forged";
pub(crate) const SIGNATURE: &str = "t=1700000000,v0=signature-secret";
const SIGNED_AT: &str = "t=1700000000,";
pub(crate) const TOOL_SECRET: &str = "tool+secret/with~every=kind=";
/// An event that names a call. Other events name none.
pub(crate) const KNOWN: &str = r#"{"a":"known event about a tumour"}"#;

/// Every body that begins with `{` is a new event. The questions are those of ElevenLabs.
pub(crate) struct ConstantlySigned;

fn elevenlabs() -> ElevenLabsWebhook {
    ElevenLabsWebhook::new(&ElevenLabsWebhookSettings::default())
        .expect("settings without a secret are valid")
}

/// A large event. Its shorter body is its first two bytes and its length.
struct Large {
    is_verified: bool,
    first: Vec<u8>,
    len: usize,
}

impl LargeEvent for Large {
    fn receive(&mut self, part: &[u8]) {
        self.first.extend_from_slice(&part[..part.len().min(2 - self.first.len())]);
        self.len += part.len();
    }

    /// An event that begins with `{{` carries no recording.
    fn finish(self: Box<Self>, _: Timestamp) -> Result<Option<Vec<u8>>, Unverified> {
        let Self { is_verified, mut first, len } = *self;
        if !is_verified {
            return Err(Unverified);
        }
        let carries_a_recording = first != b"{{";
        first.extend_from_slice(len.to_string().as_bytes());
        Ok(carries_a_recording.then_some(first))
    }
}

impl ProviderWebhook for ConstantlySigned {
    fn check_headers(&self, credentials: &WebhookCredentials, _: Timestamp) -> Result<(), Unverified> {
        let signature = credentials.header(SIGNATURE_HEADER);
        let may_be_signed = signature.is_some_and(|signature| signature.starts_with(SIGNED_AT));
        if may_be_signed { Ok(()) } else { self.verify_question(credentials) }
    }

    fn verify(&self, credentials: &WebhookCredentials, _: &[u8], _: Timestamp) -> Result<(), Unverified> {
        let is_signed = credentials.header(SIGNATURE_HEADER) == Some(SIGNATURE);
        if is_signed { Ok(()) } else { self.verify_question(credentials) }
    }

    fn read(&self, body: &[u8], _: Timestamp) -> Result<ProviderEvent, UnreadableEvent> {
        if !body.starts_with(b"{") {
            return Err(UnreadableEvent);
        }
        let named_call = (body == KNOWN.as_bytes()).then(call_id);
        Ok(ProviderEvent {
            key: fixtures::call_id().to_string(),
            kind: "a kind".to_owned(),
            lookup: CallLookup { call_id: named_call, ..CallLookup::default() },
            origin: EventOrigin::default(),
            update: None,
            recording: None,
        })
    }

    fn receive_large(&self, credentials: &WebhookCredentials) -> Option<Box<dyn LargeEvent>> {
        let is_verified = self.verify(credentials, b"", Timestamp::from_unix_millis(0)).is_ok();
        Some(Box::new(Large { is_verified, first: Vec::new(), len: 0 }))
    }

    fn verify_question(&self, credentials: &WebhookCredentials) -> Result<(), Unverified> {
        if credentials.bearer() == Some(TOOL_SECRET) { Ok(()) } else { Err(Unverified) }
    }

    fn read_question(&self, body: &[u8]) -> Result<PersonalizationQuestion, UnreadableQuestion> {
        elevenlabs().read_question(body)
    }

    fn write_reply(
        &self,
        question: &PersonalizationQuestion,
        personalization: Option<Personalization>,
    ) -> ProviderReply {
        elevenlabs().write_reply(question, personalization)
    }
}
