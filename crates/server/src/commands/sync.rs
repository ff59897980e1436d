//! `outdial sync`.

mod report;
mod webhook;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use domain::{Adoption, OrganizationId, SyncError, SyncStep, UserId};
use indicatif::ProgressBar;
use url::Url;

use self::report::Outcome;
use super::{print, run};
use crate::config::Settings;
use crate::telemetry;
use crate::vendor_failure::explain;
use crate::wiring::{Stores, Vendors};

/// What `outdial sync` does.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SyncOptions {
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// The organization of agents that the directory lacks: they are imported. Its agents that are not
    /// linked yet are linked to the workspace's agents of the same name.
    #[arg(long, value_name = "ID", value_parser = OrganizationId::parse)]
    organization: Option<OrganizationId>,
    /// The user of numbers that the directory lacks: those on the trunk are imported, and enabled for AI
    /// calls.
    #[arg(long, value_name = "ID", requires = "organization", value_parser = UserId::parse)]
    user: Option<UserId>,
    /// Store the result even if no number is left for AI calls.
    #[arg(long)]
    allow_outage: bool,
    /// Also register the webhook for the events of calls: the URL of this gateway. Without a path, it is
    /// /api/webhook/elevenlabs.
    #[arg(long, value_name = "URL", value_parser = webhook::parse_url)]
    webhook: Option<Url>,
    /// The file for the secret of a new webhook. It must not exist. Name it in
    /// OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS_FILE.
    #[arg(long, value_name = "FILE", requires = "webhook")]
    secret_file: Option<PathBuf>,
}

pub(crate) fn sync(settings: Settings, options: SyncOptions) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.check_schema().await?;
        let done = sync_on(&settings, &stores, &options).await;
        stores.close().await;
        let outcome = done?;
        print(&if options.json { outcome.to_json() } else { outcome.to_text() })
    })
}

async fn sync_on(settings: &Settings, stores: &Stores, options: &SyncOptions) -> anyhow::Result<Outcome> {
    let vendors = Vendors::of(settings, stores)?.context(
        "there is no account to sync with: this needs OUTDIAL_VOICE_PROVIDER=elevenlabs and its API key",
    )?;
    let adoption = options
        .organization
        .clone()
        .map(|organization_id| Adoption { organization_id, user_id: options.user.clone() });
    let spinner = ProgressBar::new_spinner();
    spinner.enable_steady_tick(Duration::from_millis(100));
    let planned = vendors.sync.plan(adoption.as_ref(), |step| spinner.set_message(message(step))).await;
    let plan = match planned {
        Ok(plan) => plan,
        Err(error) => {
            spinner.finish_and_clear();
            return Err(explain(&error));
        }
    };
    let mut outcome = Outcome { plan, has_trunk: settings.sinch.is_some(), is_stored: false, webhook: None };
    if !options.dry_run {
        spinner.set_message("storing the changes");
        let applied = vendors.sync.apply(&outcome.plan, options.allow_outage).await;
        if let Err(error) = applied {
            spinner.finish_and_clear();
            if matches!(error, SyncError::StopsAllCalls) && !options.json {
                print(&outcome.to_text())?;
            }
            return Err(explain(&error));
        }
        outcome.is_stored = true;
    }
    if let Some(url) = &options.webhook {
        spinner.set_message("registering the webhook");
        let file = options.secret_file.as_deref();
        let registered = webhook::register(vendors.workspace.as_ref(), url, file, options.dry_run).await;
        spinner.finish_and_clear();
        outcome.webhook = Some(registered?);
    }
    spinner.finish_and_clear();
    Ok(outcome)
}

const fn message(step: SyncStep) -> &'static str {
    match step {
        SyncStep::Workspace => "reading the ElevenLabs workspace",
        SyncStep::Trunk => "reading the Sinch trunk",
        SyncStep::Directory => "reading the directory",
    }
}
