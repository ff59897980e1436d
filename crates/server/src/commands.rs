//! The commands.

pub(crate) mod webhooks;

use std::fs::File;
use std::future::Future;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use domain::ports::{Directory, UserRepo};
use domain::{DestinationRules, PlaceCallPorts, UserId};
use indicatif::{ProgressBar, ProgressStyle};
use simulator::Simulator;

use crate::config::{Settings, SettingsWarning, Storage};
use crate::import::{Faults, check_ndjson};
use crate::system::RandomIdentifiers;
use crate::wiring::{self, Stores};
use crate::{Application, demo, drain, opening, telemetry};

/// Serves as `outdial serve` does, except that calls are placed on the ports that `decorate` returns.
///
/// The fault injection wraps the ports with it. The faults are in its own executable: no build of
/// `outdial` contains any, so that no setting can turn them on.
pub fn serve_with(
    settings: Settings,
    decorate: impl FnOnce(PlaceCallPorts) -> PlaceCallPorts,
) -> anyhow::Result<()> {
    telemetry::start(&settings);
    settings.warnings.iter().for_each(SettingsWarning::log);
    run(async {
        // Install the signal handlers before the port opens: a supervisor may send a signal as soon
        // as it can connect.
        let mut stop = tokio::spawn(drain::stop_signal());
        let is_demo = settings.is_demo();
        let start_timeout = settings.process.start_timeout;
        let opened = async {
            let stores = opening::open_stores(&settings.storage, start_timeout).await?;
            let authenticator = wiring::tokens::authenticator(&settings.auth, start_timeout).await?;
            anyhow::Ok((stores, authenticator))
        };
        let (stores, authenticator) = tokio::select! {
            opened = opened => opened?,
            stopped = &mut stop => {
                stopped.context("cannot install signal handlers")??;
                tracing::info!("stopped while it waited for its stores");
                return Ok(());
            }
        };
        let application = Application::on_stores(settings, stores, authenticator, decorate).await?;
        if is_demo {
            demo::seed(application.stores().directory().as_ref()).await?;
            print(&demo::greeting(&application))?;
        }
        tracing::info!(address = %application.address(), "serving");
        application
            .run(async {
                if !matches!(stop.await, Ok(Ok(()))) {
                    tracing::error!("cannot install signal handlers; shutting down");
                }
            })
            .await
    })
}

pub(crate) fn migrate(settings: Settings) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.migrate().await?;
        stores.close().await;
        print("the database is up to date\n")
    })
}

/// What `outdial import` does with a file.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct ImportOptions {
    /// Check the file and report every line that cannot be loaded, and import nothing.
    #[arg(long)]
    dry_run: bool,
    /// Import the other lines if lines cannot be loaded. Without it, such a file is not imported.
    #[arg(long)]
    skip_invalid: bool,
}

pub(crate) fn import(settings: Settings, path: &Path, options: ImportOptions) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let imported = import_file(file, stores.directory(), &settings.destinations, options).await;
        stores.close().await;
        print(&imported.with_context(|| path.display().to_string())?)
    })
}

/// Returns what was done. Every line that cannot be loaded is reported on standard error.
async fn import_file(
    file: File,
    directory: Arc<dyn Directory>,
    destinations: &DestinationRules,
    ImportOptions { dry_run, skip_invalid }: ImportOptions,
) -> anyhow::Result<String> {
    let report = |faults: &Faults| write(std::io::stderr().lock(), &faults.to_string());
    let bar = progress_bar(file.metadata()?.len(), "{bytes}/{total_bytes} checked");
    let lines = BufReader::new(file);
    let progress = |bytes| bar.set_position(bytes);
    let checked =
        check_ndjson(lines, Arc::clone(&directory), &RandomIdentifiers, destinations, progress).await;
    bar.finish_and_clear();
    let mut checked = checked?;
    let found = checked.faults().count();
    if !skip_invalid || dry_run {
        report(checked.faults())?;
    }
    anyhow::ensure!(skip_invalid || found == 0, "lines that cannot be loaded: {found}; nothing was imported");
    if dry_run {
        return Ok(format!("{} records can be imported; nothing was imported\n", checked.count()));
    }
    let bar = progress_bar(checked.count() as u64, "{pos}/{len} stored");
    let stored =
        checked.store(directory.as_ref(), skip_invalid, |records| bar.set_position(records as u64)).await;
    bar.finish_and_clear();
    report(checked.faults())?;
    stored?;
    Ok(match checked.faults().count() {
        0 => format!("imported {} records\n", checked.count()),
        skipped => format!("imported {} records; skipped lines: {skipped}\n", checked.count()),
    })
}

/// Changes nothing: a token of a new secret, or of a user in another database, would be refused later
/// and elsewhere.
pub(crate) fn token(settings: Settings, user: &str, ttl: Duration) -> anyhow::Result<()> {
    telemetry::start(&settings);
    let user = UserId::parse(user).context("--user")?;
    let token = wiring::tokens::signer(&settings.auth)?.sign(&user, ttl)?;
    if let Storage::Embedded { path } = &settings.storage {
        anyhow::ensure!(path.exists(), "there is no database {}: import the user first", path.display());
    }
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.check_schema().await?;
        let found = UserRepo::find(stores.database().as_ref(), &user).await;
        stores.close().await;
        anyhow::ensure!(found?.is_some(), "--user: there is no user with this id in the database");
        print(&format!("{token}\n"))
    })
}

pub(crate) fn simulate(settings: simulator::Settings) -> anyhow::Result<()> {
    run(async {
        let stop = tokio::spawn(drain::stop_signal());
        let bind = settings.bind;
        let simulator =
            Simulator::start(settings).await.with_context(|| format!("cannot listen on {bind}"))?;
        print(&demo::simulator_greeting(&simulator))?;
        stop.await.context("cannot install signal handlers")??;
        simulator.stop().await;
        Ok(())
    })
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    write(std::io::stdout().lock(), text)
}

/// It is not an error if the reader closed the pipe, as `head` does.
fn write(mut out: impl std::io::Write, text: &str) -> anyhow::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// How long the process waits for blocking threads after its work is done.
const BLOCKING_THREADS_TIMEOUT: Duration = Duration::from_secs(1);

fn progress_bar(length: u64, position: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {position} {{eta}}");
    let style = ProgressStyle::with_template(&template).expect("a valid template");
    ProgressBar::new(length).with_style(style)
}

fn run(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start a runtime")?;
    let done = runtime.block_on(work);
    // A file operation or a DNS lookup can block its thread forever. Its caller has already timed
    // out.
    runtime.shutdown_timeout(BLOCKING_THREADS_TIMEOUT);
    done
}

/// Selects one implementation of cryptography for all TLS connections of the process.
fn install_crypto() {
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a crypto provider is already installed");
    }
}

#[cfg(test)]
mod tests;
