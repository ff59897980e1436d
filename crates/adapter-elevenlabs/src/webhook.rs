//! Verifies that an event comes from the provider: it is signed (`signature.rs`), or it carries the
//! tool secret as a bearer token.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::hmac;
use domain::ports::{
    LargeEvent, PersonalizationQuestion, ProviderEvent, ProviderReply, ProviderWebhook, UnreadableEvent,
    UnreadableQuestion, Unverified, WebhookCredentials,
};
use domain::{Personalization, Timestamp};
use provider_client::{InvalidSettings, visible_ascii};
use secrecy::SecretString;

use crate::large_event::LargeAudioEvent;
use crate::signature::{Signature, SignedBody};
use crate::{event, personalization};

/// The secrets that verify events. Without any, no event is accepted. `Debug` shows no secret.
#[derive(Debug, Clone, Default)]
pub struct ElevenLabsWebhookSettings {
    /// The webhook's secrets (`wsec_…`): more than one during a rotation.
    pub secrets: Vec<SecretString>,
    /// The tool secret, accepted as a bearer token.
    pub bearer: Option<SecretString>,
}

/// Verifies and reads the events of ElevenLabs.
pub struct ElevenLabsWebhook {
    keys: Vec<hmac::Key>,
    /// Stored as a digest: comparing two digests does not reveal the length of the token.
    bearer: Option<Digest>,
}

const SIGNATURE_HEADER: &str = "elevenlabs-signature";

impl ElevenLabsWebhook {
    pub fn new(settings: &ElevenLabsWebhookSettings) -> Result<Self, InvalidSettings> {
        let key = |secret: &SecretString| {
            let text = visible_ascii("webhook secret", secret)?;
            Ok(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()))
        };
        let bearer = |secret: &SecretString| {
            visible_ascii("tool secret", secret).map(|text| digest(&SHA256, text.as_bytes()))
        };
        Ok(Self {
            keys: settings.secrets.iter().map(key).collect::<Result<_, InvalidSettings>>()?,
            bearer: settings.bearer.as_ref().map(bearer).transpose()?,
        })
    }

    fn signed_body(&self, credentials: &WebhookCredentials) -> Option<SignedBody> {
        SignedBody::new(&self.keys, credentials.header(SIGNATURE_HEADER)?)
    }

    fn is_token(&self, token: &str) -> bool {
        let token = digest(&SHA256, token.as_bytes());
        let is_equal = |bearer: &Digest| verify_slices_are_equal(bearer.as_ref(), token.as_ref()).is_ok();
        self.bearer.as_ref().is_some_and(is_equal)
    }
}

impl ProviderWebhook for ElevenLabsWebhook {
    fn check_headers(&self, credentials: &WebhookCredentials, now: Timestamp) -> Result<(), Unverified> {
        let signature = credentials.header(SIGNATURE_HEADER).filter(|_| !self.keys.is_empty());
        let may_be_signed = signature.is_some_and(|header| Signature::is_fresh_in(header, now));
        if may_be_signed { Ok(()) } else { self.verify_question(credentials) }
    }

    fn verify(
        &self,
        credentials: &WebhookCredentials,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Unverified> {
        let Some(mut signed) = self.signed_body(credentials) else {
            return self.verify_question(credentials);
        };
        signed.receive(body);
        signed.verify(now).or_else(|Unverified| self.verify_question(credentials))
    }

    fn receive_large(&self, credentials: &WebhookCredentials) -> Option<Box<dyn LargeEvent>> {
        let has_token = self.verify_question(credentials).is_ok();
        Some(Box::new(LargeAudioEvent::new(self.signed_body(credentials), has_token)))
    }

    fn read(&self, body: &[u8], received_at: Timestamp) -> Result<ProviderEvent, UnreadableEvent> {
        event::read(body, received_at)
    }

    /// The provider does not sign its questions: they show the tool secret.
    fn verify_question(&self, credentials: &WebhookCredentials) -> Result<(), Unverified> {
        let verified = credentials.bearer().is_some_and(|token| self.is_token(token));
        if verified { Ok(()) } else { Err(Unverified) }
    }

    fn read_question(&self, body: &[u8]) -> Result<PersonalizationQuestion, UnreadableQuestion> {
        personalization::read(body)
    }

    fn write_reply(
        &self,
        question: &PersonalizationQuestion,
        personalization: Option<Personalization>,
    ) -> ProviderReply {
        personalization::reply(question, personalization.as_ref())
    }
}

impl fmt::Debug for ElevenLabsWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElevenLabsWebhook")
            .field("secrets", &self.keys.len())
            .field("accepts_bearer", &self.bearer.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests;
