//! Registers the webhook for the events of calls.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use domain::ports::{Activation, CreatedWebhook, VoiceWorkspace};
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
    let found = workspace
        .find_webhook(url.as_str())
        .await
        .map_err(|failure| anyhow::Error::from(of_workspace(&failure)))?;
    let (id, registration) = match (found, dry_run) {
        (Some(_), true) => return Ok(Registration::WouldBeActivated),
        (None, true) => return Ok(Registration::WouldBeCreated),
        (Some(id), false) => (id, Registration::Active),
        (None, false) => {
            let path = secret_file.context(
                "--secret-file is needed: ElevenLabs shows the secret of a new webhook once, and it is written there",
            )?;
            let secret_file = path.display().to_string();
            let id = create(workspace, url, path).await?;
            (id, Registration::Created { secret_file })
        }
    };
    let activated = workspace.activate_webhook(&id).await;
    let activated = activated
        .map_err(|failure| anyhow::Error::from(of_workspace(&failure)))
        .context("the webhook exists, but does not receive events yet: run the command again")?;
    match activated {
        Activation::Active => Ok(registration),
        Activation::OtherIsActive => anyhow::bail!(
            "another webhook of the workspace receives the events of calls, and was not replaced: remove it in the \
             workspace's settings for post-call webhooks, and run the command again"
        ),
    }
}

async fn create(workspace: &dyn VoiceWorkspace, url: &Url, path: &Path) -> anyhow::Result<String> {
    let file = create_for_owner(path).with_context(|| {
        format!("cannot create {} for the secret of the webhook; it must not exist", path.display())
    })?;
    match workspace.create_webhook(url.as_str()).await {
        Ok(CreatedWebhook { id, secret: Some(secret) }) => {
            write_secret(file, secret.expose()).with_context(|| {
                format!(
                    "the webhook was created, but its secret cannot be written to {}: delete the webhook in the \
                     workspace, and run the command again",
                    path.display()
                )
            })?;
            Ok(id)
        }
        Ok(CreatedWebhook { secret: None, .. }) => {
            remove(path);
            anyhow::bail!(
                "the webhook was created, but ElevenLabs returned no secret: delete it in the workspace, and run the \
                 command again"
            )
        }
        Err(failure) => {
            remove(path);
            Err(of_workspace(&failure).into())
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
