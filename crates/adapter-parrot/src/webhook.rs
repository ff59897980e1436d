use std::time::Duration;

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

use crate::hex::from_hex;
use crate::{event, question};

/// The HMAC-SHA256 over `{timestamp}.{body}`, in hex.
const SIGNATURE: &str = "parrot-signature";
/// When the request was signed, in Unix seconds.
const TIMESTAMP: &str = "parrot-timestamp";
/// A signature outside this window is refused: someone may have recorded the request.
const MAX_AGE: Duration = Duration::from_mins(5);
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_mins(1);

pub struct ParrotWebhook {
    keys: Vec<hmac::Key>,
    /// Digests have the same length, so comparing them does not show the length of the token.
    token: Option<Digest>,
}

impl ParrotWebhook {
    /// Several secrets are valid while an operator replaces one by another.
    pub fn new(secrets: &[SecretString], token: Option<&SecretString>) -> Result<Self, InvalidSettings> {
        let key = |secret: &SecretString| {
            let secret = visible_ascii("webhook secret", secret)?;
            Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
        };
        let token = token.map(|token| visible_ascii("webhook token", token)).transpose()?;
        Ok(Self {
            keys: secrets.iter().map(key).collect::<Result<_, InvalidSettings>>()?,
            token: token.map(|token| digest(&SHA256, token.as_bytes())),
        })
    }

    fn is_signed(&self, (timestamp, signature): &(&str, Vec<u8>), body: &[u8]) -> bool {
        // The signature covers the bytes of the header, not the number that they mean.
        let signed = [timestamp.as_bytes(), b".", body].concat();
        // `verify` takes the same time wherever the first difference is.
        self.keys.iter().any(|key| hmac::verify(key, &signed, signature).is_ok())
    }
}

impl ProviderWebhook for ParrotWebhook {
    fn check_headers(&self, credentials: &WebhookCredentials, now: Timestamp) -> Result<(), Unverified> {
        if !self.keys.is_empty() && fresh_signature(credentials, now).is_some() {
            return Ok(());
        }
        self.verify_question(credentials)
    }

    fn verify(
        &self,
        credentials: &WebhookCredentials,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Unverified> {
        match fresh_signature(credentials, now) {
            Some(signature) if self.is_signed(&signature, body) => Ok(()),
            _ => self.verify_question(credentials),
        }
    }

    fn read(&self, body: &[u8], received_at: Timestamp) -> Result<ProviderEvent, UnreadableEvent> {
        event::read(body, received_at)
    }

    /// Parrot's recordings are short. A vendor with long ones: see `adapter-elevenlabs`.
    fn receive_large(&self, _: &WebhookCredentials) -> Option<Box<dyn LargeEvent>> {
        None
    }

    /// Parrot does not sign questions. It sends the token instead.
    fn verify_question(&self, credentials: &WebhookCredentials) -> Result<(), Unverified> {
        let (Some(expected), Some(token)) = (&self.token, credentials.bearer()) else {
            return Err(Unverified);
        };
        let token = digest(&SHA256, token.as_bytes());
        verify_slices_are_equal(expected.as_ref(), token.as_ref()).map_err(|_| Unverified)
    }

    fn read_question(&self, body: &[u8]) -> Result<PersonalizationQuestion, UnreadableQuestion> {
        question::read(body)
    }

    fn write_reply(
        &self,
        _: &PersonalizationQuestion,
        personalization: Option<Personalization>,
    ) -> ProviderReply {
        question::reply(personalization.as_ref())
    }
}

/// The timestamp and the bytes of a signature that has the right form and is in its window.
fn fresh_signature(credentials: &WebhookCredentials, now: Timestamp) -> Option<(&str, Vec<u8>)> {
    let signature = from_hex(credentials.header(SIGNATURE)?)?;
    let timestamp = credentials.header(TIMESTAMP)?;
    let window = now.before(MAX_AGE)..=now.after(MAX_CLOCK_DIFFERENCE);
    let is_usable = signature.len() == SHA256.output_len() && window.contains(&unix_secs(timestamp)?);
    is_usable.then_some((timestamp, signature))
}

fn unix_secs(text: &str) -> Option<Timestamp> {
    let secs: i64 = text.parse().ok()?;
    Some(Timestamp::from_unix_millis(secs.checked_mul(1000)?))
}
