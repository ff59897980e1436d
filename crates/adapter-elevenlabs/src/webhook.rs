//! How an event is known to be the provider's.
//!
//! It is signed, `ElevenLabs-Signature: t=<Unix seconds>,v0=<hex>`, by HMAC-SHA256 over
//! `{t}.{body}`; or it shows the tool secret as a bearer token.

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
use secrecy::{ExposeSecret, SecretString};

use crate::config::InvalidSettings;
use crate::{event, personalization};

/// What the provider's events show. With neither, no event is verified. `Debug` shows no secret.
#[derive(Debug, Clone, Default)]
pub struct ElevenLabsWebhookSettings {
    /// The webhook's secrets (`wsec_…`): several while one takes another's place.
    pub secrets: Vec<SecretString>,
    /// The tool secret, taken as a bearer token.
    pub bearer: Option<SecretString>,
}

/// The events of ElevenLabs: verified over their raw bytes, and read within bounds.
pub struct ElevenLabsWebhook {
    keys: Vec<hmac::Key>,
    /// Digests have one length: comparing them does not tell that of the token.
    bearer: Option<Digest>,
}

const SIGNATURE_HEADER: &str = "elevenlabs-signature";
/// A signature may be so old, and so new where the provider's clock is ahead of ours.
const PAST: Duration = Duration::from_mins(30);
const FUTURE: Duration = Duration::from_mins(5);
/// The longest signature header that is read, in bytes: one of the provider's has some 80.
const LONGEST_HEADER: usize = 1024;

impl ElevenLabsWebhook {
    /// Takes the secrets.
    ///
    /// # Errors
    ///
    /// A secret is empty, or has spaces or characters outside ASCII.
    pub fn new(settings: &ElevenLabsWebhookSettings) -> Result<Self, InvalidSettings> {
        let key = |secret: &SecretString| {
            let bytes = checked(secret).ok_or(InvalidSettings::WebhookSecret)?;
            Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes))
        };
        let bearer = |secret: &SecretString| {
            checked(secret).map(|bytes| digest(&SHA256, bytes)).ok_or(InvalidSettings::ToolSecret)
        };
        Ok(Self {
            keys: settings.secrets.iter().map(key).collect::<Result<_, InvalidSettings>>()?,
            bearer: settings.bearer.as_ref().map(bearer).transpose()?,
        })
    }

    fn is_signed(&self, header: &str, body: &[u8], now: Timestamp) -> bool {
        let Some(signature) = Signature::parse(header) else { return false };
        if !signature.is_fresh(now) {
            return false;
        }
        self.keys.iter().any(|key| {
            let mut signing = hmac::Context::with_key(key);
            signing.update(signature.signed_at.as_bytes());
            signing.update(b".");
            signing.update(body);
            let expected = signing.sign();
            signature.tags.iter().any(|tag| verify_slices_are_equal(expected.as_ref(), tag).is_ok())
        })
    }

    fn is_token(&self, token: &str) -> bool {
        let shown = digest(&SHA256, token.as_bytes());
        let equal = |bearer: &Digest| verify_slices_are_equal(bearer.as_ref(), shown.as_ref()).is_ok();
        self.bearer.as_ref().is_some_and(equal)
    }
}

impl ProviderWebhook for ElevenLabsWebhook {
    fn has_credentials(&self, credentials: &WebhookCredentials) -> bool {
        credentials.header(SIGNATURE_HEADER).is_some() || credentials.bearer().is_some()
    }

    fn verify(
        &self,
        credentials: &WebhookCredentials,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Unverified> {
        let signature = credentials.header(SIGNATURE_HEADER);
        if signature.is_some_and(|header| self.is_signed(header, body, now)) {
            return Ok(());
        }
        self.verify_question(credentials)
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
            .field("takes_a_bearer", &self.bearer.is_some())
            .finish()
    }
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("a string takes everything");
        digits
    })
}

/// A secret that was pasted with a line break would verify nothing, and an empty one what anybody
/// signs.
fn checked(secret: &SecretString) -> Option<&[u8]> {
    let bytes = secret.expose_secret().as_bytes();
    (!bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic)).then_some(bytes)
}

struct Signature<'a> {
    /// As it is written: so it was signed.
    signed_at: &'a str,
    tags: Vec<[u8; 32]>,
}

impl<'a> Signature<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        if header.len() > LONGEST_HEADER {
            return None;
        }
        let (mut signed_at, mut tags) = (None, Vec::new());
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", secs)) if signed_at.is_none() => signed_at = Some(secs),
                // Two times, of which one is signed.
                Some(("t", _)) => return None,
                Some(("v0", digits)) => tags.extend(tag(digits)),
                _ => {}
            }
        }
        Some(Self { signed_at: signed_at?, tags })
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        let digits = self.signed_at.bytes().all(|byte| byte.is_ascii_digit());
        let millis = self.signed_at.parse().ok().and_then(|secs: i64| secs.checked_mul(1000));
        digits
            && millis
                .map(Timestamp::from_unix_millis)
                .is_some_and(|signed_at| (now.before(PAST)..=now.after(FUTURE)).contains(&signed_at))
    }
}

fn tag(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != 64 {
        return None;
    }
    let mut tag = [0; 32];
    for (byte, pair) in tag.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(tag)
}

#[cfg(test)]
mod tests;
