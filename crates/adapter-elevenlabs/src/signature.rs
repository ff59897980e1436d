//! The signature of an event: `ElevenLabs-Signature: t=<Unix seconds>,v0=<hex>`, with HMAC-SHA256
//! over `{t}.{body}`.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use domain::Timestamp;
use domain::ports::Unverified;

use crate::hex::hex;

const MAX_SIGNATURE_AGE: Duration = Duration::from_mins(30);
/// The provider's clock may be ahead of ours by this much.
const CLOCK_MARGIN: Duration = Duration::from_mins(5);
/// The provider's signature header has about 80 bytes.
pub(crate) const MAX_HEADER_BYTES: usize = 1024;
/// The hex digits of an HMAC-SHA256.
const TAG_LEN: usize = 64;

/// A signature, and the hash of the body so far with each secret.
pub(crate) struct SignedBody {
    signature: Signature,
    hashes: Vec<hmac::Context>,
}

impl SignedBody {
    /// `None` if the header has no signature.
    pub(crate) fn new(keys: &[hmac::Key], header: &str) -> Option<Self> {
        let signature = Signature::parse(header)?;
        let mut hashes: Vec<_> = keys.iter().map(hmac::Context::with_key).collect();
        for hash in &mut hashes {
            hash.update(signature.signed_at.as_bytes());
            hash.update(b".");
        }
        Some(Self { signature, hashes })
    }

    /// Receives the next part of the body.
    pub(crate) fn receive(&mut self, part: &[u8]) {
        self.hashes.iter_mut().for_each(|hash| hash.update(part));
    }

    /// Verifies that the whole body is signed with one of the secrets, and not too long ago.
    pub(crate) fn verify(self, now: Timestamp) -> Result<(), Unverified> {
        let Self { signature, hashes } = self;
        let is_verified = signature.is_fresh(now)
            && hashes.into_iter().any(|hash| {
                let expected = hex(hash.sign().as_ref());
                let is_equal =
                    |tag: &String| verify_slices_are_equal(expected.as_bytes(), tag.as_bytes()).is_ok();
                signature.tags.iter().any(is_equal)
            });
        if is_verified { Ok(()) } else { Err(Unverified) }
    }
}

pub(crate) struct Signature {
    /// Unchanged from the header, because the signature covers these characters.
    signed_at: String,
    /// At least one, of [`TAG_LEN`] hex digits in lower case.
    tags: Vec<String>,
}

impl Signature {
    /// Whether a header has the provider's form, and its time is in the window.
    pub(crate) fn is_fresh_in(header: &str, now: Timestamp) -> bool {
        Self::parse(header).is_some_and(|signature| signature.is_fresh(now))
    }

    fn parse(header: &str) -> Option<Self> {
        if header.len() > MAX_HEADER_BYTES {
            return None;
        }
        let (mut signed_at, mut tags) = (None, Vec::new());
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", secs)) if signed_at.is_none() => signed_at = Some(secs.to_owned()),
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
