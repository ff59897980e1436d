//! Bearer tokens: which user sends a request.

pub(crate) mod bearer;
mod key_set;
mod keys;
mod refusal;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::header::HeaderMap;
use domain::UserId;
use domain::ports::PortUnavailable;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};

use self::key_set::KeySet;
pub use self::key_set::KeySetSource;
pub use self::keys::AuthSettingsError;
use self::keys::{ClaimRules, VerificationKey};
pub(crate) use self::refusal::{TokenRefusal, Unauthorized};

/// The keys that tokens are checked with. They decide the algorithm; the token's own header does
/// not.
#[derive(Debug)]
pub enum JwtKeys {
    /// HS256 with these secrets, at least 32 bytes each. Each is tried, so that tokens of the old
    /// and the new secret work while one replaces the other. The first one signs.
    Hs256(Vec<SecretSlice<u8>>),
    /// Public keys in PEM, one after another: RSA (of 2048 bits or more) for RS256, P-256 for ES256,
    /// Ed25519 for EdDSA. Each is tried.
    PublicKeys(Vec<u8>),
    /// The key set of an issuer, with the same kinds of keys.
    KeySet {
        /// What the source returned first.
        document: Vec<u8>,
        /// Where the set is read again.
        source: Arc<dyn KeySetSource>,
    },
}

/// How tokens are checked.
#[derive(Debug)]
pub struct AuthSettings {
    /// The keys.
    pub keys: JwtKeys,
    /// The `iss` that every token must have. `None`: not checked.
    pub issuer: Option<String>,
    /// The `aud` that every token must have. `None`: ignored, because many issuers send one that
    /// their clients do not know.
    pub audience: Option<String>,
    /// The largest difference between the clocks of issuer and gateway, in seconds: at most 10.
    pub leeway_secs: u64,
}

/// Why a token is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Tokens are checked with public keys, and only the owner of the private key can sign.
    #[error("cannot sign a token: only public keys are configured")]
    NoSecret,
    /// The crypto library failed.
    #[error("the token could not be signed")]
    Failed,
}

/// Checks bearer tokens, and signs them if it has a secret.
pub struct Authenticator {
    keys: Keys,
    signing: Option<SecretSlice<u8>>,
    rules: ClaimRules,
}

enum Keys {
    Fixed(Arc<[VerificationKey]>),
    Set(KeySet),
}

/// The user who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CurrentUser {
    pub(crate) id: UserId,
    pub(crate) token_expires_in: Duration,
}

/// The longest token that is checked, in bytes. The OpenAPI document and the guide for operators
/// name it.
const MAX_TOKEN_LEN: usize = 8 * 1024;
const MAX_LEEWAY_SECS: u64 = 10;
/// In seconds, this is the year 5138; in milliseconds, 1973. A token with such an `exp` would be
/// valid forever.
const FIRST_EXP_IN_MILLIS: f64 = 1e11;

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Unix seconds, which may have a fraction.
    exp: f64,
    // The library accepts a list of issuers. RFC 7519 allows a single one, so this is checked here.
    iss: Option<String>,
}

#[derive(Serialize)]
struct NewClaims<'a> {
    sub: &'a str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

impl Authenticator {
    /// Checks the settings and reads the keys.
    pub fn new(settings: AuthSettings) -> Result<Self, AuthSettingsError> {
        let AuthSettings { keys, issuer, audience, leeway_secs } = settings;
        if leeway_secs > MAX_LEEWAY_SECS {
            return Err(AuthSettingsError::LeewayTooLong);
        }
        let rules = ClaimRules { issuer, audience, leeway_secs };
        let (keys, signing) = match keys {
            JwtKeys::Hs256(secrets) => {
                (Keys::Fixed(keys::shared(&secrets, &rules)?.into()), secrets.into_iter().next())
            }
            JwtKeys::PublicKeys(pem) => (Keys::Fixed(keys::public(&pem, &rules)?.into()), None),
            JwtKeys::KeySet { document, source } => {
                (Keys::Set(KeySet::new(document, source, rules.clone())?), None)
            }
        };
        Ok(Self { keys, signing, rules })
    }

    /// Reads the key set again, if there is one. If that fails, the keys that were read last stay
    /// valid.
    pub async fn refresh_keys(&self) -> Result<(), PortUnavailable> {
        match &self.keys {
            Keys::Set(set) => set.refresh().await,
            Keys::Fixed(_) => Ok(()),
        }
    }

    /// Signs a token for this user that expires after `lifetime` (whole seconds).
    pub fn sign(&self, user: &UserId, lifetime: Duration) -> Result<String, SignError> {
        let secret = self.signing.as_ref().ok_or(SignError::NoSecret)?;
        let iat = jsonwebtoken::get_current_timestamp();
        let claims = NewClaims {
            sub: user.as_str(),
            iat,
            exp: iat.saturating_add(lifetime.as_secs()),
            iss: self.rules.issuer.as_deref(),
            aud: self.rules.audience.as_deref(),
        };
        let key = EncodingKey::from_secret(secret.expose_secret());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(|_| SignError::Failed)
    }

    /// The user in the token of the request's only `Authorization` header.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<CurrentUser, TokenRefusal> {
        self.read(bearer::token(headers, MAX_TOKEN_LEN)?)
    }

    /// Whether the same request may be accepted after [`Authenticator::ask_for_new_keys`].
    pub(crate) const fn may_have_new_keys(&self, refusal: TokenRefusal) -> bool {
        matches!(self.keys, Keys::Set(_)) && refusal.may_be_a_new_key()
    }

    /// Reads the key set for a token with an unknown key, unless that happened lately.
    pub(crate) async fn ask_for_new_keys(&self) {
        if let Keys::Set(set) = &self.keys {
            set.ask().await;
        }
    }

    fn read(&self, token: &str) -> Result<CurrentUser, TokenRefusal> {
        let keys = match &self.keys {
            Keys::Fixed(keys) => Arc::clone(keys),
            Keys::Set(set) => set.keys(),
        };
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefusal::Malformed)?;
        // The id only selects among keys of the issuer. A key without an id may be any of them.
        let is_candidate = |key: &&VerificationKey| match (&key.id, &header.kid) {
            (Some(id), Some(named)) => id == named,
            _ => true,
        };
        let mut refusal = TokenRefusal::UnknownKey;
        for VerificationKey { key, validation, .. } in keys.iter().filter(is_candidate) {
            match jsonwebtoken::decode::<Claims>(token, key, validation) {
                Ok(data) => return self.checked(&data.header, &data.claims),
                // Another key may be the right one. A signature says more than an algorithm.
                Err(error) => match TokenRefusal::from(error.kind()) {
                    TokenRefusal::Signature => refusal = TokenRefusal::Signature,
                    TokenRefusal::Algorithm if refusal == TokenRefusal::Signature => {}
                    TokenRefusal::Algorithm => refusal = TokenRefusal::Algorithm,
                    refusal => return Err(refusal),
                },
            }
        }
        Err(refusal)
    }

    /// Checks what the library does not.
    fn checked(&self, header: &Header, claims: &Claims) -> Result<CurrentUser, TokenRefusal> {
        // A receiver must refuse a token with a critical extension that it does not know (RFC 7515,
        // section 4.1.11).
        if header.crit.is_some() {
            return Err(TokenRefusal::CriticalExtension);
        }
        if claims.exp >= FIRST_EXP_IN_MILLIS {
            return Err(TokenRefusal::ExpInMilliseconds);
        }
        if self.rules.issuer.is_some() && claims.iss != self.rules.issuer {
            return Err(TokenRefusal::Issuer);
        }
        let id = UserId::parse(&claims.sub).map_err(|_| TokenRefusal::Subject)?;
        Ok(CurrentUser { id, token_expires_in: until(claims.exp) })
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = match &self.keys {
            Keys::Fixed(keys) => keys.len(),
            Keys::Set(set) => set.keys().len(),
        };
        f.debug_struct("Authenticator").field("keys", &keys).finish_non_exhaustive()
    }
}

/// The time until then; zero if it has passed.
fn until(unix_secs: f64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::try_from_secs_f64(unix_secs).unwrap_or(Duration::MAX).saturating_sub(now)
}
