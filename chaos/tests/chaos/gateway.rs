//! The gateway under test: the production gateway, with points at which it can be killed or
//! stopped, and with mutants of its ports.

mod check;
mod mutants;
mod pointed_ports;
mod points;
mod process;

use anyhow::Context as _;
use rustix::process::{Signal, set_parent_process_death_signal};
use server::{Settings, Source};

pub(crate) use self::check::check;
pub(crate) use self::mutants::Mutant;
pub(crate) use self::points::{Action, Point, Points};
pub(crate) use self::process::GatewayProcess;

/// The variable with the folder of the points.
const POINTS: &str = "CHAOS_POINTS";

/// Serves as `outdial serve` does, until a signal stops it or a point ends it.
pub(crate) fn serve() -> anyhow::Result<()> {
    // A driver that is killed must not leave gateways behind, stopped ones included.
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot end with the driver")?;
    let mutant = mutant(std::env::args().skip(2))?;
    let points = Points::in_folder(points_folder()?);
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

#[expect(clippy::disallowed_methods, reason = "not a setting: how the driver reaches the points")]
fn points_folder() -> anyhow::Result<std::path::PathBuf> {
    let folder = std::env::var_os(POINTS).with_context(|| format!("{POINTS} is not set"))?;
    let folder = std::path::PathBuf::from(folder);
    anyhow::ensure!(folder.is_dir(), "{POINTS} is not a folder");
    Ok(folder)
}
