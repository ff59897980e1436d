//! Seals the secrets that organizations store: AES-256-GCM with random nonces.
//!
//! A sealed secret is `v1:<id of the key>:<base64 of nonce, ciphertext and tag>`. The organization and the
//! kind of the secret are authenticated with it, so that it opens in its own place only.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ports::{CredentialCipher, NoCredentialsKey, NotOpened};
use domain::{OrganizationId, SealedSecret, SecretKind, VendorSecret};

/// The keys for stored secrets. The first seals, all open. `Debug` does not show them.
#[derive(Clone, Default)]
pub struct CredentialKeys(Arc<Vec<CredentialKey>>);

struct CredentialKey {
    id: String,
    key: RandomizedNonceKey,
}

const KEY_BYTES: usize = 32;
const VERSION: &str = "v1";
/// Keeps the authenticated data apart from that of another use of the key.
const PURPOSE: &str = "outdial/vendor-credentials/v1";

impl CredentialKeys {
    /// Reads keys of 32 bytes, each in hex or base64, separated by commas. An empty text has none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let keys: Vec<_> = items.map(CredentialKey::parse).collect::<Option<_>>()?;
        (text.is_empty() || !keys.is_empty()).then(|| Self(Arc::new(keys)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key that sealed a secret, and what it sealed.
    fn of<'a>(&self, sealed: &'a SealedSecret) -> Option<(&CredentialKey, &'a str)> {
        let (version, rest) = sealed.as_str().split_once(':')?;
        let (id, text) = rest.split_once(':')?;
        let key = self.0.iter().find(|key| version == VERSION && key.id == id)?;
        Some((key, text))
    }
}

impl CredentialKey {
    fn parse(text: &str) -> Option<Self> {
        let bytes = if text.len() == 2 * KEY_BYTES {
            let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
            (0..2 * KEY_BYTES).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?
        } else {
            STANDARD.decode(text).ok()?
        };
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok().filter(|_| bytes.len() == KEY_BYTES)?;
        // The key cannot be found from 32 bits of a hash over its 256 random bits.
        let hash = digest(&SHA256, &[b"outdial/credentials-key-id\0".as_slice(), &bytes].concat());
        let id = hash.as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { id, key })
    }
}

/// What is authenticated beside the secret. An id has no control character, so that this has one reading.
fn place(organization_id: &OrganizationId, kind: SecretKind) -> Aad<Vec<u8>> {
    Aad::from(format!("{PURPOSE}\0{organization_id}\0{}", kind.as_str()).into_bytes())
}

impl CredentialCipher for CredentialKeys {
    fn seal(
        &self,
        organization_id: &OrganizationId,
        kind: SecretKind,
        secret: &VendorSecret,
    ) -> Result<SealedSecret, NoCredentialsKey> {
        let key = self.0.first().ok_or(NoCredentialsKey)?;
        let mut ciphertext = secret.expose().as_bytes().to_vec();
        let nonce = key.key.seal_in_place_append_tag(place(organization_id, kind), &mut ciphertext);
        let nonce = nonce.expect("AES-GCM seals every text of this length");
        let sealed = [nonce.as_ref().as_slice(), &ciphertext].concat();
        Ok(SealedSecret::new(&format!("{VERSION}:{}:{}", key.id, STANDARD.encode(sealed))))
    }

    fn open(
        &self,
        organization_id: &OrganizationId,
        kind: SecretKind,
        sealed: &SealedSecret,
    ) -> Result<VendorSecret, NotOpened> {
        let (key, text) = self.of(sealed).ok_or(NotOpened::KeyMissing)?;
        let bytes = STANDARD.decode(text).map_err(|_| NotOpened::Changed)?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_LEN).ok_or(NotOpened::Changed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOpened::Changed)?;
        let mut opened = ciphertext.to_vec();
        let opened = key.key.open_in_place(nonce, place(organization_id, kind), &mut opened);
        let text = std::str::from_utf8(opened.map_err(|_| NotOpened::Changed)?);
        text.ok().and_then(|text| VendorSecret::parse(text).ok()).ok_or(NotOpened::Changed)
    }

    fn is_current(&self, sealed: &SealedSecret) -> bool {
        let first = self.0.first().map(|key| &key.id);
        self.of(sealed).is_some_and(|(key, _)| Some(&key.id) == first)
    }
}

impl fmt::Debug for CredentialKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests;
