//! Settings that are valid and risky.

use std::collections::BTreeSet;

use adapter_object_store::RecordingsSettings;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::kind::is_loopback;
use super::table::*;
use super::warnings::{Risk, SettingsWarning};

/// A URL of another host in clear text.
pub(super) fn of_url(name: &str, url: &Url) -> Option<SettingsWarning> {
    (url.scheme() == "http" && !is_loopback(url)).then(|| SettingsWarning::new(name, Risk::ClearText))
}

/// Weak secrets of the provider's webhooks.
pub(super) fn of_webhook_secrets(secrets: &WebhookSecrets) -> Vec<SettingsWarning> {
    let signing = of_secrets(OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS, &secrets.signing);
    let tool = of_secrets(OUTDIAL_ELEVENLABS_TOOL_SECRET, secrets.tool.as_slice());
    signing.into_iter().chain(tool).collect()
}

/// A vendor whose webhooks have no secret.
pub(super) fn of_absent_secrets(secrets: &WebhookSecrets) -> Option<SettingsWarning> {
    let is_absent = secrets.signing.is_empty() && secrets.tool.is_none();
    is_absent.then(|| SettingsWarning::new(OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS, Risk::NoWebhookSecret))
}

/// A service for recordings that is reached in clear text.
pub(super) fn of_recordings(recordings: &RecordingsSettings) -> Option<SettingsWarning> {
    let RecordingsSettings::S3(settings) = recordings else { return None };
    of_url(OUTDIAL_RECORDINGS_S3_ENDPOINT, settings.endpoint.as_ref()?)
}

/// The secrets of the tokens.
pub(super) fn of_token_secrets(secrets: &[SecretString]) -> Option<SettingsWarning> {
    of_secrets(OUTDIAL_JWT_SECRET, secrets)
}

fn of_secrets(name: &str, secrets: &[SecretString]) -> Option<SettingsWarning> {
    let is_weak = secrets.iter().any(|secret| is_weak(secret.expose_secret()));
    is_weak.then(|| SettingsWarning::new(name, Risk::Guessable))
}

/// Whether a secret is not random: it has few different characters, repeats itself, or contains a word
/// of examples. Random digits, hexadecimal or not, have more than five different ones.
fn is_weak(secret: &str) -> bool {
    const EXAMPLES: [&str; 8] =
        ["password", "changeme", "change-me", "change_me", "example", "placeholder", "12345678", "your-"];
    let bytes = secret.as_bytes();
    let different: BTreeSet<u8> = bytes.iter().copied().collect();
    let repeats = (1..=bytes.len() / 2).any(|period| bytes[period..] == bytes[..bytes.len() - period]);
    let lower_case = secret.to_ascii_lowercase();
    different.len() <= 5 || repeats || EXAMPLES.iter().any(|example| lower_case.contains(example))
}

#[cfg(test)]
mod tests;
