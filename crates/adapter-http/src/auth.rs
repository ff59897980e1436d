//! Bearer tokens: who asks for a call.

pub(crate) mod bearer;
mod keys;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::header::HeaderMap;
use domain::UserId;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};

/// The keys that tokens are checked with. They fix the algorithm: what a token says of itself decides nothing.
#[derive(Debug)]
pub enum JwtKeys {
    /// HS256 with these secrets, at least 32 bytes each. Each is tried, so that one can be replaced by another while
    /// tokens of both are about; the first one signs.
    Hs256(Vec<SecretSlice<u8>>),
    /// One public key in PEM: RSA (of 2048 bits or more) for RS256, P-256 for ES256, Ed25519 for EdDSA.
    PublicKey(Vec<u8>),
}

/// How tokens are checked.
#[derive(Debug)]
pub struct AuthSettings {
    /// With which keys.
    pub keys: JwtKeys,
    /// The `iss` that every token must carry, if there is one to check.
    pub issuer: Option<String>,
    /// The `aud` that every token must carry, if there is one to check. Without it `aud` is ignored: many issuers send one
    /// whatever the receiver thinks of it.
    pub audience: Option<String>,
    /// By how many seconds the clocks of issuer and gateway may disagree: at most 10.
    pub leeway_secs: u64,
}

/// The settings cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthSettingsError {
    /// There is no secret.
    #[error("no secret is given")]
    NoSecret,
    /// A secret can be guessed.
    #[error("a secret is shorter than 32 bytes")]
    SecretTooShort,
    /// The PEM file holds the key that signs, which does not belong here.
    #[error("the file holds a private key: give the public key alone")]
    PrivateKey,
    /// The PEM file is none, or holds a key of another kind.
    #[error("the file is not a public key in PEM: RSA, P-256 or Ed25519")]
    UnknownKey,
    /// The RSA key can be broken.
    #[error("the RSA key has less than 2048 bits")]
    KeyTooSmall,
    /// Expired tokens would be good for too long.
    #[error("the leeway is longer than 10 seconds")]
    LeewayTooLong,
}

/// A token could not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Tokens are checked with a public key; whoever has the private key signs.
    #[error("tokens are signed elsewhere: only a public key is configured")]
    NoSecret,
    /// The crypto library refused.
    #[error("the token could not be signed")]
    Failed,
}

/// Reads bearer tokens, and signs them where it has a secret.
pub struct Authenticator {
    keys: Vec<DecodingKey>,
    validation: Validation,
    signing: Option<SecretSlice<u8>>,
    issuer: Option<String>,
    audience: Option<String>,
}

/// The request is not authenticated. The client learns no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unauthorized;

/// Who asks, and for how long that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// The user.
    pub(crate) user_id: UserId,
    /// Until the token expires.
    pub(crate) good_for: Duration,
}

/// The longest token that is looked at.
const MAX_TOKEN_LEN: usize = 8 * 1024;
const MAX_LEEWAY_SECS: u64 = 10;

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Unix seconds, which may have a fraction.
    exp: f64,
    // A list of issuers is no issuer, so that this is checked here and not by the library, which accepts lists.
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
        let (algorithm, decoding_keys) = keys::read(&keys)?;
        let validation = validation(algorithm, audience.as_deref(), leeway_secs);
        let signing = match keys {
            JwtKeys::Hs256(secrets) => secrets.into_iter().next(),
            JwtKeys::PublicKey(_) => None,
        };
        Ok(Self { keys: decoding_keys, validation, signing, issuer, audience })
    }

    /// Signs a token for this user, good from now for `lifetime` (whole seconds).
    pub fn sign(&self, user: &UserId, lifetime: Duration) -> Result<String, SignError> {
        let secret = self.signing.as_ref().ok_or(SignError::NoSecret)?;
        let iat = jsonwebtoken::get_current_timestamp();
        let claims = NewClaims {
            sub: user.as_str(),
            iat,
            exp: iat.saturating_add(lifetime.as_secs()),
            iss: self.issuer.as_deref(),
            aud: self.audience.as_deref(),
        };
        let key = EncodingKey::from_secret(secret.expose_secret());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(|_| SignError::Failed)
    }

    /// The user whom the request's only `Authorization` header names.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<UserId, Unauthorized> {
        self.session(headers).map(|session| session.user_id)
    }

    /// The same user, and for how long the token is good: for answers that take longer than a moment.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Result<Session, Unauthorized> {
        let token = bearer::token(headers, MAX_TOKEN_LEN).ok_or(Unauthorized)?;
        self.read(token).map_err(|reason| {
            tracing::debug!(reason, "a token was refused");
            Unauthorized
        })
    }

    fn read(&self, token: &str) -> Result<Session, &'static str> {
        let mut refusal = "no key";
        for key in &self.keys {
            match jsonwebtoken::decode::<Claims>(token, key, &self.validation) {
                Ok(data) => return self.checked(&data.header, &data.claims),
                Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => refusal = "signature",
                Err(error) => return Err(reason(error.kind())),
            }
        }
        Err(refusal)
    }

    /// What the library leaves unchecked.
    fn checked(&self, header: &Header, claims: &Claims) -> Result<Session, &'static str> {
        // We understand no critical extension, so a token that has one is not for us (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err("critical extension");
        }
        if self.issuer.is_some() && claims.iss != self.issuer {
            return Err("issuer");
        }
        let user_id = UserId::parse(&claims.sub).map_err(|_| "subject")?;
        Ok(Session { user_id, good_for: until(claims.exp) })
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("algorithms", &self.validation.algorithms)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

/// How long it is until then, at most as long as can be said; no time where it has passed.
fn until(unix_secs: f64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::try_from_secs_f64(unix_secs).unwrap_or(Duration::MAX).saturating_sub(now)
}

fn validation(algorithm: Algorithm, audience: Option<&str>, leeway_secs: u64) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = leeway_secs;
    validation.validate_nbf = true;
    // Without the claim being required, the library lets a token pass that lacks it.
    match audience {
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

/// Why a token was refused, without a word of the token.
fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "expired",
        ErrorKind::ImmatureSignature => "not yet valid",
        ErrorKind::InvalidAlgorithm => "algorithm",
        ErrorKind::InvalidAudience => "audience",
        ErrorKind::MissingRequiredClaim(_) => "a required claim is missing",
        _ => "malformed",
    }
}
