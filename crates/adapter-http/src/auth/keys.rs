use jsonwebtoken::{Algorithm, DecodingKey};
use secrecy::{ExposeSecret, SecretSlice};

use super::{AuthSettingsError, JwtKeys};

const MIN_SECRET_LEN: usize = 32;
/// A modulus of 2048 bits.
const MIN_RSA_KEY_LEN: usize = 256;
/// `04`, then the two coordinates of 32 bytes.
const P256_POINT_LEN: usize = 65;
const ED25519_KEY_LEN: usize = 32;

/// The algorithm of these keys, and the keys.
pub(super) fn read(keys: &JwtKeys) -> Result<(Algorithm, Vec<DecodingKey>), AuthSettingsError> {
    match keys {
        JwtKeys::Hs256(secrets) => Ok((Algorithm::HS256, shared(secrets)?)),
        JwtKeys::PublicKey(pem) => {
            let (algorithm, key) = public(pem)?;
            Ok((algorithm, vec![key]))
        }
    }
}

fn shared(secrets: &[SecretSlice<u8>]) -> Result<Vec<DecodingKey>, AuthSettingsError> {
    if secrets.is_empty() {
        return Err(AuthSettingsError::NoSecret);
    }
    let key = |secret: &SecretSlice<u8>| match secret.expose_secret() {
        short if short.len() < MIN_SECRET_LEN => Err(AuthSettingsError::SecretTooShort),
        secret => Ok(DecodingKey::from_secret(secret)),
    };
    secrets.iter().map(key).collect()
}

fn public(pem: &[u8]) -> Result<(Algorithm, DecodingKey), AuthSettingsError> {
    // The library also accepts private keys and certificates, and uses their first bit string as
    // the key.
    let text = std::str::from_utf8(pem).map_err(|_| AuthSettingsError::UnknownKey)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(AuthSettingsError::PrivateKey);
    }
    if !text.contains("PUBLIC KEY-----") {
        return Err(AuthSettingsError::UnknownKey);
    }
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
