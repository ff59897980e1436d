//! The commands.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod credentials;
pub(crate) mod decide;
pub(crate) mod import;
pub(crate) mod manual;
pub(crate) mod suppressions;
pub(crate) mod sync;
pub(crate) mod webhooks;

use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use domain::ports::UserRepo;
use domain::{PlaceCallPorts, UserId};
use simulator::Simulator;

use crate::config::{Settings, SettingsWarning, Storage};
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

fn run<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
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
