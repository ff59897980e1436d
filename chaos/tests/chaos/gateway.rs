//! The gateway under test: the production gateway, with points at which it can be killed or
//! stopped, and with mutants of its ports.

mod check;
mod mutants;
mod pointed_ports;
mod points;
mod process;

use std::ffi::OsString;
use std::os::unix::process::parent_id;
use std::path::PathBuf;

use anyhow::Context as _;
use rustix::process::{Signal, set_parent_process_death_signal};
use server::{Settings, Source};

pub(crate) use self::check::check;
pub(crate) use self::mutants::Mutant;
pub(crate) use self::points::{Action, Point, Points};
pub(crate) use self::process::GatewayProcess;

/// The variable with the folder of the points.
const POINTS: &str = "CHAOS_POINTS";
/// The variable with the process id of the driver.
const DRIVER: &str = "CHAOS_DRIVER";

/// Serves as `outdial serve` does, until a signal stops it or a point ends it.
pub(crate) fn serve() -> anyhow::Result<()> {
    end_with_driver()?;
    let mutant = mutant(std::env::args().skip(3))?;
    let folder = PathBuf::from(variable(POINTS)?);
    anyhow::ensure!(folder.is_dir(), "{POINTS} is not a folder");
    let points = Points::in_folder(folder);
    let settings = Settings::load(&Source::of_process(None)?)?;
    let faults = mutants::Faults::new(mutant, &settings.storage);
    server::serve_with(settings, |ports| pointed_ports::with_points(faults.apply(ports), points))
}

/// Reads `--mutant NAME`, or no arguments.
fn mutant(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Option<Mutant>> {
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, ..) => Ok(None),
        (Some("--mutant"), Some(name), None) => Ok(Some(name.parse()?)),
        _ => anyhow::bail!("the arguments of a gateway are: [--mutant NAME]"),
    }
}

/// A driver that is killed must not leave gateways behind, stopped ones included.
fn end_with_driver() -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot end with the driver")?;
    // The driver may have ended before this.
    let driver = variable(DRIVER)?;
    anyhow::ensure!(driver == *parent_id().to_string(), "the driver has ended");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "not settings: they connect the gateway to its driver")]
fn variable(name: &str) -> anyhow::Result<OsString> {
    std::env::var_os(name).with_context(|| format!("{name} is not set"))
}
