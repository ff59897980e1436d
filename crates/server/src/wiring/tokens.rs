//! What verifies and signs the tokens of clients.

use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{Authenticator, JwtKeys, KeySetSource, SignError};
use adapter_jwks::KeySetReader;
use anyhow::{Context as _, bail};
use async_trait::async_trait;
use domain::ports::PortUnavailable;
use secrecy::SecretSlice;

use crate::config::{Auth, SettingsWarning, TokenRules};
use crate::system::random_secret;
use crate::{file_mode, opening};

/// The key set as the HTTP adapter reads it.
#[derive(Debug)]
struct Source(KeySetReader);

#[async_trait]
impl KeySetSource for Source {
    async fn read(&self) -> Result<Vec<u8>, PortUnavailable> {
        self.0.read().await
    }
}

/// Builds what verifies tokens. Waits for a key set that cannot be read for `time_limit`: without
/// keys, every token would be refused.
pub(crate) async fn authenticator(auth: &Auth, time_limit: Duration) -> anyhow::Result<Arc<Authenticator>> {
    match auth {
        Auth::Configured(authenticator) => Ok(Arc::clone(authenticator)),
        Auth::GeneratedSecret { path, rules } => {
            let secret = generated_secret(path);
            let secret = secret.with_context(|| format!("cannot store a secret in {}", path.display()))?;
            of_secret(secret, rules)
        }
        Auth::KeySet { location, rules, .. } => {
            let source = Source(KeySetReader::new(location.clone()).context("OUTDIAL_JWT_JWKS")?);
            let document = opening::read_key_set(&source, time_limit).await.context("OUTDIAL_JWT_JWKS")?;
            let keys = JwtKeys::KeySet { document, source: Arc::new(source) };
            let authenticator = Authenticator::new(rules.with_keys(keys)).context("OUTDIAL_JWT_JWKS")?;
            Ok(Arc::new(authenticator))
        }
    }
}

/// What signs tokens. Creates no secret: a running gateway would not accept its tokens.
pub(crate) fn signer(auth: &Auth) -> anyhow::Result<Arc<Authenticator>> {
    match auth {
        Auth::Configured(authenticator) => Ok(Arc::clone(authenticator)),
        Auth::KeySet { .. } => Err(SignError::NoSecret.into()),
        Auth::GeneratedSecret { path, rules } => match stored_secret(path) {
            Ok(secret) => of_secret(secret, rules),
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "there is no secret yet: set OUTDIAL_JWT_SECRET, or start `outdial serve` here, which stores one in {}",
                path.display()
            ),
            Err(error) => Err(error).with_context(|| format!("cannot read the secret in {}", path.display())),
        },
    }
}

fn of_secret(secret: String, rules: &TokenRules) -> anyhow::Result<Arc<Authenticator>> {
    let keys = JwtKeys::Hs256(vec![SecretSlice::from(secret.into_bytes())]);
    Ok(Arc::new(Authenticator::new(rules.with_keys(keys))?))
}

/// The secret of the embedded default. It is created at the first start, so that a token is valid
/// after a restart.
fn generated_secret(path: &Path) -> io::Result<String> {
    match file_mode::create_for_owner(path) {
        Ok(mut file) => {
            let secret = random_secret();
            file.write_all(secret.as_bytes())?;
            file.sync_all()?;
            Ok(secret)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            SettingsWarning::of_secret_file(path).iter().for_each(SettingsWarning::log);
            stored_secret(path)
        }
        Err(error) => Err(error),
    }
}

fn stored_secret(path: &Path) -> io::Result<String> {
    // Another process may have created the file and not written it yet.
    for _ in 0..50 {
        let secret = std::fs::read_to_string(path)?;
        if secret.len() >= 64 {
            return Ok(secret);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::other("the file contains no secret: remove it"))
}
