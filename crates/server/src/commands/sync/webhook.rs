//! Registers the webhook for the events of calls.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use async_trait::async_trait;
use domain::ports::{SigningSecret, VoiceWorkspace};
use domain::{KeepsWebhookSecret, RegisterWebhookError, WebhookRegistration, register_webhook};
use url::Url;

use crate::config::is_loopback;
use crate::file_mode::create_for_owner;
use crate::vendor_failure::of_workspace;

/// What was done about the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Registration {
    /// It would be created and made the one that receives events.
    WouldBeCreated,
    /// It exists, and would be made the one that receives events.
    WouldBeActivated,
    /// It was created. Its secret is in this file.
    Created {
        /// The path of the file.
        secret_file: String,
    },
    /// It existed and receives the events.
    Active,
}

/// The URL of the gateway; over plain http on this machine only. Events have phone numbers and
/// transcripts.
pub(super) fn parse_url(text: &str) -> anyhow::Result<Url> {
    let mut url = Url::parse(text).context("it must be a URL like https://gateway.example.com")?;
    anyhow::ensure!(
        url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)),
        "it must begin with https"
    );
    if url.path() == "/" {
        url.set_path(adapter_http::paths::PROVIDER_EVENTS);
    }
    Ok(url)
}

/// Creates the webhook unless it exists, and makes it the one that receives events. The provider
/// returns the secret once, so the file for it is opened before the webhook is created.
pub(super) async fn register(
    workspace: &dyn VoiceWorkspace,
    url: &Url,
    secret_file: Option<&Path>,
    dry_run: bool,
) -> anyhow::Result<Registration> {
    if dry_run {
        let found = workspace.find_webhook(url.as_str()).await;
        let found = found.map_err(|failure| anyhow::Error::from(of_workspace(&failure)))?;
        return Ok(found.map_or(Registration::WouldBeCreated, |_| Registration::WouldBeActivated));
    }
    let mut file = SecretFile { path: secret_file, file: None };
    let registered = register_webhook(workspace, url.as_str(), &mut file).await.map_err(explained)?;
    Ok(match (registered, secret_file) {
        (WebhookRegistration::Created, Some(path)) => {
            Registration::Created { secret_file: path.display().to_string() }
        }
        (WebhookRegistration::Created | WebhookRegistration::Existed, _) => Registration::Active,
    })
}

fn explained(error: RegisterWebhookError<anyhow::Error>) -> anyhow::Error {
    match error {
        RegisterWebhookError::Vendor(failure) => of_workspace(&failure).into(),
        RegisterWebhookError::NotKept(error) => error,
        RegisterWebhookError::NoSecret => anyhow::anyhow!(
            "the webhook was created, but ElevenLabs returned no secret: delete it in the workspace, and run the \
             command again"
        ),
        RegisterWebhookError::NotActivated(failure) => anyhow::Error::from(of_workspace(&failure))
            .context("the webhook exists, but does not receive events yet: run the command again"),
        RegisterWebhookError::OtherIsActive => anyhow::anyhow!(
            "another webhook of the workspace receives the events of calls, and was not replaced: remove it in the \
             workspace's settings for post-call webhooks, and run the command again"
        ),
    }
}

/// The file for the secret of a new webhook.
struct SecretFile<'a> {
    path: Option<&'a Path>,
    file: Option<File>,
}

#[async_trait]
impl KeepsWebhookSecret for SecretFile<'_> {
    type Error = anyhow::Error;

    async fn prepare(&mut self) -> anyhow::Result<()> {
        let path = self.path.context(
            "--secret-file is needed: ElevenLabs shows the secret of a new webhook once, and it is written there",
        )?;
        let file = create_for_owner(path).with_context(|| {
            format!("cannot create {} for the secret of the webhook; it must not exist", path.display())
        })?;
        self.file = Some(file);
        Ok(())
    }

    async fn keep(&mut self, secret: &SigningSecret) -> anyhow::Result<()> {
        let (path, file) = self.path.zip(self.file.take()).context("the file for the secret is not open")?;
        write_secret(file, secret.expose()).with_context(|| {
            format!(
                "the webhook was created, but its secret cannot be written to {}: delete the webhook in the \
                 workspace, and run the command again",
                path.display()
            )
        })
    }

    fn discard(&mut self) {
        if let Some(path) = self.path.filter(|_| self.file.take().is_some()) {
            remove(path);
        }
    }
}

fn write_secret(mut file: File, secret: &str) -> std::io::Result<()> {
    writeln!(file, "{secret}")?;
    file.sync_all()
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(%error, "cannot remove the empty file for the secret of the webhook");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_webhook_is_https_and_has_the_path_of_the_gateway() {
        for (text, url) in [
            ("https://gateway.example.com", "https://gateway.example.com/api/webhook/elevenlabs"),
            (
                "https://example.com/gw/api/webhook/elevenlabs",
                "https://example.com/gw/api/webhook/elevenlabs",
            ),
            ("http://127.0.0.1:2212", "http://127.0.0.1:2212/api/webhook/elevenlabs"),
        ] {
            assert_eq!(parse_url(text).expect(text).as_str(), url);
        }
        for bad in ["http://gateway.example.com", "gateway.example.com", "ftp://127.0.0.1", ""] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }
}
