//! The commands.

pub(crate) mod webhooks;

use std::fs::File;
use std::future::Future;
use std::io::{BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use domain::UserId;
use indicatif::{ProgressBar, ProgressStyle};
use simulator::Simulator;

use crate::config::Settings;
use crate::import::import_ndjson;
use crate::system::RandomIdentifiers;
use crate::wiring::{self, Stores};
use crate::{Application, demo, drain, opening, telemetry};

pub(crate) fn serve(settings: Settings) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        // Install the signal handlers before the port opens: a supervisor may send a signal as soon
        // as it can connect.
        let mut stop = tokio::spawn(drain::stop_signal());
        let is_demo = settings.is_demo();
        let opened = opening::open_stores(&settings.storage, settings.process.start_timeout);
        let stores = tokio::select! {
            opened = opened => opened?,
            stopped = &mut stop => {
                stopped.context("cannot install signal handlers")??;
                tracing::info!("stopped while it waited for its stores");
                return Ok(());
            }
        };
        let application = Application::on_stores(settings, stores).await?;
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

pub(crate) fn import(settings: Settings, path: &Path) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let bar = progress_bar(file.metadata()?.len());
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let directory = stores.directory();
        let lines = BufReader::new(file);
        let progress = |bytes| bar.set_position(bytes);
        let imported = import_ndjson(
            lines,
            directory.as_ref(),
            &RandomIdentifiers,
            &settings.destinations.plan,
            progress,
        )
        .await;
        bar.finish_and_clear();
        stores.close().await;
        let report = imported.with_context(|| path.display().to_string())?;
        print(&format!("imported {} records\n", report.records))
    })
}

pub(crate) fn token(settings: Settings, user: &str, ttl: Duration) -> anyhow::Result<()> {
    let user = UserId::parse(user).context("--user")?;
    let token = wiring::authenticator(settings.auth)?.sign(&user, ttl)?;
    print(&format!("{token}\n"))
}

pub(crate) fn simulate(bind: SocketAddr) -> anyhow::Result<()> {
    run(async {
        let stop = tokio::spawn(drain::stop_signal());
        let settings = simulator::Settings { bind, ..simulator::Settings::default() };
        let simulator =
            Simulator::start(settings).await.with_context(|| format!("cannot listen on {bind}"))?;
        print(&demo::simulator_greeting(&simulator))?;
        stop.await.context("cannot install signal handlers")??;
        simulator.stop().await;
        Ok(())
    })
}

/// Writes to standard output. It is not an error if the reader closed the pipe, as `head` does.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// How long the process waits for blocking threads after its work is done.
const BLOCKING_THREADS_TIMEOUT: Duration = Duration::from_secs(1);

fn progress_bar(bytes: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}").expect("a valid template");
    ProgressBar::new(bytes).with_style(style)
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
