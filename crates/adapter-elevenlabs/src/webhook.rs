//! Verifies that an event comes from the provider.
//!
//! Either the event is signed, `ElevenLabs-Signature: t=<Unix seconds>,v0=<hex>`, with HMAC-SHA256
//! over `{t}.{body}`, or it carries the tool secret as a bearer token.

use std::fmt::{self, Write as _};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::hmac;
use domain::ports::{
    PersonalizationQuestion, ProviderEvent, ProviderReply, ProviderWebhook, UnreadableEvent,
    UnreadableQuestion, Unverified, WebhookCredentials,
};
use domain::{Personalization, Timestamp};
use provider_client::{InvalidSettings, visible_ascii};
use secrecy::SecretString;

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
const MAX_SIGNATURE_AGE: Duration = Duration::from_mins(30);
/// The provider's clock may be ahead of ours by this much.
const CLOCK_MARGIN: Duration = Duration::from_mins(5);
/// The provider's signature header has about 80 bytes.
const MAX_HEADER_BYTES: usize = 1024;
/// The hex digits of an HMAC-SHA256.
const TAG_LEN: usize = 64;

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

    fn is_signed(&self, signature: &Signature<'_>, body: &[u8]) -> bool {
        self.keys.iter().any(|key| {
            let mut signing = hmac::Context::with_key(key);
            signing.update(signature.signed_at.as_bytes());
            signing.update(b".");
            signing.update(body);
            let expected = hex(signing.sign().as_ref());
            let is_equal =
                |tag: &String| verify_slices_are_equal(expected.as_bytes(), tag.as_bytes()).is_ok();
            signature.tags.iter().any(is_equal)
        })
    }

    fn is_token(&self, token: &str) -> bool {
        let token = digest(&SHA256, token.as_bytes());
        let is_equal = |bearer: &Digest| verify_slices_are_equal(bearer.as_ref(), token.as_ref()).is_ok();
        self.bearer.as_ref().is_some_and(is_equal)
    }
}

impl ProviderWebhook for ElevenLabsWebhook {
    fn check_headers(&self, credentials: &WebhookCredentials, now: Timestamp) -> Result<(), Unverified> {
        let may_be_signed = !self.keys.is_empty() && Signature::fresh(credentials, now).is_some();
        if may_be_signed { Ok(()) } else { self.verify_question(credentials) }
    }

    fn verify(
        &self,
        credentials: &WebhookCredentials,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Unverified> {
        let signature = Signature::fresh(credentials, now);
        let is_signed = signature.is_some_and(|signature| self.is_signed(&signature, body));
        if is_signed { Ok(()) } else { self.verify_question(credentials) }
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

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("writing to a string cannot fail");
        digits
    })
}

struct Signature<'a> {
    /// Unchanged from the header, because the signature covers these characters.
    signed_at: &'a str,
    /// At least one, of [`TAG_LEN`] hex digits in lower case.
    tags: Vec<String>,
}

impl<'a> Signature<'a> {
    /// The signature of a request, if it has the provider's form and its time is in the window.
    fn fresh(credentials: &'a WebhookCredentials, now: Timestamp) -> Option<Self> {
        Self::parse(credentials.header(SIGNATURE_HEADER)?).filter(|signature| signature.is_fresh(now))
    }

    fn parse(header: &'a str) -> Option<Self> {
        if header.len() > MAX_HEADER_BYTES {
            return None;
        }
        let (mut signed_at, mut tags) = (None, Vec::new());
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", secs)) if signed_at.is_none() => signed_at = Some(secs),
                // Of two times only one would be signed.
                Some(("t", _)) => return None,
                Some(("v0", digits)) if is_tag(digits) => tags.push(digits.to_ascii_lowercase()),
                _ => {}
            }
        }
        let signed_at = signed_at.filter(|_| !tags.is_empty())?;
        Some(Self { signed_at, tags })
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        let digits = self.signed_at.bytes().all(|byte| byte.is_ascii_digit());
        let millis = self.signed_at.parse().ok().and_then(|secs: i64| secs.checked_mul(1000));
        digits
            && millis.map(Timestamp::from_unix_millis).is_some_and(|signed_at| {
                (now.before(MAX_SIGNATURE_AGE)..=now.after(CLOCK_MARGIN)).contains(&signed_at)
            })
    }
}

fn is_tag(digits: &str) -> bool {
    digits.len() == TAG_LEN && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
