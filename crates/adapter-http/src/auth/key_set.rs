//! A JSON Web Key Set (RFC 7517): the keys of an issuer, which change while the gateway runs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ports::PortUnavailable;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::keys::{
    AuthSettingsError, ClaimRules, ED25519_KEY_LEN, MIN_RSA_KEY_LEN, P256_POINT_LEN, VerificationKey,
};

/// Where the document of a key set is read.
#[async_trait]
pub trait KeySetSource: fmt::Debug + Send + Sync {
    /// Reads the document: JSON, of a bounded size, within a bounded time.
    async fn read(&self) -> Result<Vec<u8>, PortUnavailable>;
}

/// The keys that were read last. They stay valid while the source is unavailable.
pub(super) struct KeySet {
    source: Arc<dyn KeySetSource>,
    rules: ClaimRules,
    current: RwLock<Current>,
    /// When a token with an unknown key last made the gateway read the source.
    asked_at: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Current {
    document: Arc<[u8]>,
    keys: Arc<[VerificationKey]>,
}

/// Anyone can send a token with an unknown key, so such tokens read the source at most this often.
const PAUSE_BETWEEN_QUESTIONS: Duration = Duration::from_secs(10);
/// The requests with such tokens wait for the source at most this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

impl KeySet {
    pub(super) fn new(
        document: Vec<u8>,
        source: Arc<dyn KeySetSource>,
        rules: ClaimRules,
    ) -> Result<Self, AuthSettingsError> {
        let keys = keys(&document, &rules)?;
        let current = RwLock::new(Current { document: document.into(), keys });
        Ok(Self { source, rules, current, asked_at: Mutex::default() })
    }

    pub(super) fn keys(&self) -> Arc<[VerificationKey]> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).keys)
    }

    /// Reads the source.
    pub(super) async fn refresh(&self) -> Result<(), PortUnavailable> {
        let document = self.source.read().await?;
        if *document == *self.current.read().unwrap_or_else(PoisonError::into_inner).document {
            return Ok(());
        }
        let keys = keys(&document, &self.rules);
        let keys = keys.map_err(|error| PortUnavailable::new("key set", error.to_string()))?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) =
            Current { document: document.into(), keys };
        Ok(())
    }

    /// Reads the source for a token with an unknown key, unless it was read for such a token lately.
    /// Concurrent callers wait for the same answer.
    pub(super) async fn ask(&self) {
        let mut asked_at = self.asked_at.lock().await;
        if asked_at.is_some_and(|at| at.elapsed() < PAUSE_BETWEEN_QUESTIONS) {
            return;
        }
        let answer = timeout(ANSWER_WITHIN, self.refresh()).await;
        *asked_at = Some(Instant::now());
        let answer = answer.unwrap_or_else(|_| Err(PortUnavailable::new("key set", "no response in time")));
        if let Err(error) = answer {
            tracing::warn!(%error, "could not read the key set for a token with an unknown key; the keys that were read last stay valid");
        }
    }
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// The members of a key that are read. A key with others may have them for other recipients.
#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// The private part of an RSA, EC or Ed25519 key.
    d: Option<Value>,
}

/// The usable keys of a set. The others are for other recipients (RFC 7517, section 5), and are
/// counted in the log.
fn keys(document: &[u8], rules: &ClaimRules) -> Result<Arc<[VerificationKey]>, AuthSettingsError> {
    let Document { keys } = serde_json::from_slice(document).map_err(|_| AuthSettingsError::NoKeySet)?;
    let all = keys.len();
    let mut usable = Vec::new();
    for key in keys {
        let Ok(key) = serde_json::from_value::<Key>(key) else { continue };
        if key.d.is_some() {
            return Err(AuthSettingsError::PrivateKey);
        }
        if let Some((algorithm, decoding_key)) = key.read() {
            usable.push(VerificationKey::new(key.kid, algorithm, decoding_key, rules));
        }
    }
    if usable.is_empty() {
        return Err(AuthSettingsError::NoUsableKey);
    }
    tracing::info!(
        keys.usable = usable.len(),
        keys.other = all - usable.len(),
        "read the key set of the tokens' issuer"
    );
    Ok(usable.into())
}

impl Key {
    /// `None` for a key that signs nothing, or not with RS256, ES256 or EdDSA. A symmetric key is
    /// none of these: a document that several parties read holds no secret.
    fn read(&self) -> Option<(Algorithm, DecodingKey)> {
        let (name, algorithm) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => ("RS256", Algorithm::RS256),
            ("EC", Some("P-256")) => ("ES256", Algorithm::ES256),
            ("OKP", Some("Ed25519")) => ("EdDSA", Algorithm::EdDSA),
            _ => return None,
        };
        let signs = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|it| it == "verify"));
        // RFC 9864 calls EdDSA with this curve Ed25519.
        let is_named = |alg: &str| alg == name || (name == "EdDSA" && alg == "Ed25519");
        if !signs || !self.alg.as_deref().is_none_or(is_named) {
            return None;
        }
        let (key, has_its_length) = match algorithm {
            Algorithm::RS256 => {
                let key = DecodingKey::from_rsa_components(self.n.as_deref()?, self.e.as_deref()?).ok()?;
                (key, self.modulus_len()? >= MIN_RSA_KEY_LEN)
            }
            Algorithm::ES256 => {
                let key = DecodingKey::from_ec_components(self.x.as_deref()?, self.y.as_deref()?).ok()?;
                let len = key.try_get_as_bytes().ok()?.len();
                (key, len == P256_POINT_LEN)
            }
            _ => {
                let key = DecodingKey::from_ed_components(self.x.as_deref()?).ok()?;
                let len = key.try_get_as_bytes().ok()?.len();
                (key, len == ED25519_KEY_LEN)
            }
        };
        has_its_length.then_some((algorithm, key))
    }

    /// The length of the RSA modulus, in bytes.
    fn modulus_len(&self) -> Option<usize> {
        let modulus = URL_SAFE_NO_PAD.decode(self.n.as_deref()?).ok()?;
        Some(modulus.iter().skip_while(|byte| **byte == 0).count())
    }
}
