//! The keys that tokens are checked with, each with its own algorithm: the token's header chooses
//! neither.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretSlice};

const MIN_SECRET_LEN: usize = 32;
/// A modulus of 2048 bits.
pub(super) const MIN_RSA_KEY_LEN: usize = 256;
/// `04`, then the two coordinates of 32 bytes.
pub(super) const P256_POINT_LEN: usize = 65;
pub(super) const ED25519_KEY_LEN: usize = 32;

/// Why the settings are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthSettingsError {
    /// The list of secrets is empty.
    #[error("no secret is given")]
    NoSecret,
    /// A secret is short enough to be guessed.
    #[error("a secret is shorter than 32 bytes")]
    SecretTooShort,
    /// The PEM file holds a private key, which the gateway must not have.
    #[error("it holds a private key: use the public keys only")]
    PrivateKey,
    /// The file is not PEM, or holds a key of another kind.
    #[error("the file has anything else than public keys in PEM: RSA, P-256 or Ed25519")]
    UnknownKey,
    /// The document is not a JSON Web Key Set.
    #[error("the document is not a JSON Web Key Set: an object with a list `keys`")]
    NoKeySet,
    /// The key set has no key that can verify a token.
    #[error("the key set has no public key that signs with RS256 (2048 bits or more), ES256 or EdDSA")]
    NoUsableKey,
    /// The RSA key is too short to be safe.
    #[error("the RSA key has less than 2048 bits")]
    KeyTooSmall,
    /// Expired tokens would be accepted for too long.
    #[error("the leeway is longer than 10 seconds")]
    LeewayTooLong,
}

/// Which claims a token must have.
#[derive(Clone)]
pub(super) struct ClaimRules {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) leeway_secs: u64,
}

/// A key, and what a token that is signed with it must be.
pub(super) struct VerificationKey {
    /// The key's id in its key set.
    pub(super) id: Option<String>,
    pub(super) key: DecodingKey,
    pub(super) validation: Validation,
}

impl VerificationKey {
    pub(super) fn new(
        id: Option<String>,
        algorithm: Algorithm,
        key: DecodingKey,
        rules: &ClaimRules,
    ) -> Self {
        Self { id, key, validation: rules.validation(algorithm) }
    }
}

pub(super) fn shared(
    secrets: &[SecretSlice<u8>],
    rules: &ClaimRules,
) -> Result<Vec<VerificationKey>, AuthSettingsError> {
    if secrets.is_empty() {
        return Err(AuthSettingsError::NoSecret);
    }
    let key = |secret: &SecretSlice<u8>| match secret.expose_secret() {
        short if short.len() < MIN_SECRET_LEN => Err(AuthSettingsError::SecretTooShort),
        secret => Ok(VerificationKey::new(None, Algorithm::HS256, DecodingKey::from_secret(secret), rules)),
    };
    secrets.iter().map(key).collect()
}

/// The keys of a PEM file. Every block of it must be a public key: one that is not read would look
/// like a key that works.
pub(super) fn public(pem: &[u8], rules: &ClaimRules) -> Result<Vec<VerificationKey>, AuthSettingsError> {
    let text = std::str::from_utf8(pem).map_err(|_| AuthSettingsError::UnknownKey)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(AuthSettingsError::PrivateKey);
    }
    // What is in front of the first block is a comment (RFC 7468, section 2).
    let blocks = text.match_indices(BEGIN).map(|(start, _)| {
        let rest = &text[start..];
        let end = rest[BEGIN.len()..].find(BEGIN).map_or(rest.len(), |next| BEGIN.len() + next);
        &rest[..end]
    });
    let keys = blocks.map(|block| {
        let (algorithm, key) = public_key(block)?;
        Ok(VerificationKey::new(None, algorithm, key, rules))
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() { Err(AuthSettingsError::UnknownKey) } else { Ok(keys) }
}

const BEGIN: &str = "-----BEGIN ";

fn public_key(block: &str) -> Result<(Algorithm, DecodingKey), AuthSettingsError> {
    // The library also accepts certificates, and uses their first bit string as the key.
    if !block.lines().next().is_some_and(|line| line.trim_end().ends_with("PUBLIC KEY-----")) {
        return Err(AuthSettingsError::UnknownKey);
    }
    let pem = block.as_bytes();
    let found = [
        (Algorithm::EdDSA, DecodingKey::from_ed_pem(pem)),
        (Algorithm::ES256, DecodingKey::from_ec_pem(pem)),
        (Algorithm::RS256, DecodingKey::from_rsa_pem(pem)),
    ];
    let readable = |(algorithm, key): (Algorithm, jsonwebtoken::errors::Result<DecodingKey>)| {
        key.ok().map(|key| (algorithm, key))
    };
    let (algorithm, key) = found.into_iter().find_map(readable).ok_or(AuthSettingsError::UnknownKey)?;
    let len = key.try_get_as_bytes().map_err(|_| AuthSettingsError::UnknownKey)?.len();
    match algorithm {
        Algorithm::RS256 if len < MIN_RSA_KEY_LEN => Err(AuthSettingsError::KeyTooSmall),
        Algorithm::ES256 if len != P256_POINT_LEN => Err(AuthSettingsError::UnknownKey),
        Algorithm::EdDSA if len != ED25519_KEY_LEN => Err(AuthSettingsError::UnknownKey),
        _ => Ok((algorithm, key)),
    }
}

impl ClaimRules {
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.leeway_secs;
        validation.validate_nbf = true;
        // The library accepts a token without a claim that is not required.
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.set_required_spec_claims(&["exp", "sub", "aud"]);
            }
            None => {
                validation.validate_aud = false;
                validation.set_required_spec_claims(&["exp", "sub"]);
            }
        }
        validation
    }
}
