//! Bearer tokens: which user sends a request.

pub(crate) mod bearer;
mod keys;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpResponse, ResponseError};
use domain::UserId;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};

use crate::failure::{ErrorCode, Failure, RouteError};

/// The keys that tokens are checked with. They decide the algorithm; the token's own header does
/// not.
#[derive(Debug)]
pub enum JwtKeys {
    /// HS256 with these secrets, at least 32 bytes each. Each is tried, so that tokens of the old
    /// and the new secret work while one replaces the other. The first one signs.
    Hs256(Vec<SecretSlice<u8>>),
    /// One public key in PEM: RSA (of 2048 bits or more) for RS256, P-256 for ES256, Ed25519 for
    /// EdDSA.
    PublicKey(Vec<u8>),
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
    #[error("the file holds a private key: use a file with the public key only")]
    PrivateKey,
    /// The file is not PEM, or holds a key of another kind.
    #[error("the file is not a public key in PEM: RSA, P-256 or Ed25519")]
    UnknownKey,
    /// The RSA key is too short to be safe.
    #[error("the RSA key has less than 2048 bits")]
    KeyTooSmall,
    /// Expired tokens would be accepted for too long.
    #[error("the leeway is longer than 10 seconds")]
    LeewayTooLong,
}

/// Why a token is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Tokens are checked with a public key, and only the owner of the private key can sign.
    #[error("cannot sign a token: only a public key is configured")]
    NoSecret,
    /// The crypto library failed.
    #[error("the token could not be signed")]
    Failed,
}

/// Checks bearer tokens, and signs them if it has a secret.
pub struct Authenticator {
    keys: Vec<DecodingKey>,
    validation: Validation,
    signing: Option<SecretSlice<u8>>,
    issuer: Option<String>,
    audience: Option<String>,
}

/// The request has no valid bearer token. The client does not learn why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a valid bearer token is required")]
pub(crate) struct Unauthorized;

/// The user who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CurrentUser {
    pub(crate) id: UserId,
    pub(crate) token_expires_in: Duration,
}

/// The longest token that is checked, in bytes.
const MAX_TOKEN_LEN: usize = 8 * 1024;
const MAX_LEEWAY_SECS: u64 = 10;

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
        let (algorithm, decoding_keys) = keys::read(&keys)?;
        let validation = validation(algorithm, audience.as_deref(), leeway_secs);
        let signing = match keys {
            JwtKeys::Hs256(secrets) => secrets.into_iter().next(),
            JwtKeys::PublicKey(_) => None,
        };
        Ok(Self { keys: decoding_keys, validation, signing, issuer, audience })
    }

    /// Signs a token for this user that expires after `lifetime` (whole seconds).
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

    /// The user in the token of the request's only `Authorization` header.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<CurrentUser, Unauthorized> {
        let token = bearer::token(headers, MAX_TOKEN_LEN).ok_or(Unauthorized)?;
        self.read(token).map_err(|reason| {
            tracing::debug!(reason, "refused a bearer token");
            Unauthorized
        })
    }

    fn read(&self, token: &str) -> Result<CurrentUser, &'static str> {
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

    /// Checks what the library does not.
    fn checked(&self, header: &Header, claims: &Claims) -> Result<CurrentUser, &'static str> {
        // A receiver must refuse a token with a critical extension that it does not know (RFC 7515,
        // section 4.1.11).
        if header.crit.is_some() {
            return Err("critical extension");
        }
        if self.issuer.is_some() && claims.iss != self.issuer {
            return Err("issuer");
        }
        let id = UserId::parse(&claims.sub).map_err(|_| "subject")?;
        Ok(CurrentUser { id, token_expires_in: until(claims.exp) })
    }
}

impl RouteError for Unauthorized {
    fn failure(&self) -> Failure {
        Failure::new(ErrorCode::Unauthorized, self)
    }
}

impl ResponseError for Unauthorized {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.failure().into_response()
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

/// The time until then; zero if it has passed.
fn until(unix_secs: f64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::try_from_secs_f64(unix_secs).unwrap_or(Duration::MAX).saturating_sub(now)
}

fn validation(algorithm: Algorithm, audience: Option<&str>, leeway_secs: u64) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = leeway_secs;
    validation.validate_nbf = true;
    // The library accepts a token without a claim that is not required.
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

/// Why a token was refused. Quotes nothing from the token.
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
