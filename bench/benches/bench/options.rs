//! The command line of the program.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::measure::Times;

pub(crate) const HELP: &str = "\
make bench                    everything but growth, in about 10 minutes
make bench ARGS=--quick       calls at 64 connections, gateway and floors, in less than 2 minutes
make bench ARGS='...'         with these options:

  --quick                     only the closed loop, without the stock service
  --smoke                     a few calls of everything: shows that it works, measures nothing
  --only NAME                 one part: closed, slow, rate, decision, ringing, trips, sqlite or growth
  --fsync                     Postgres waits for the disk, as it does by default
  --rows N                    the contacts and stored calls of growth; 1,000,000 by default
  --rounds N                  how often every candidate is measured in each scenario
  --gateway NAME=PATH         measure this binary of outdial; with several, all in the same run
";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Full,
    Quick,
    Smoke,
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) has_fsync: bool,
    pub(crate) rounds: usize,
    pub(crate) rows: u64,
    pub(crate) only: Option<String>,
    /// Names and binaries of the gateways.
    pub(crate) gateways: Vec<(String, PathBuf)>,
}

impl Options {
    /// `None` if nothing is asked for: cargo runs every benchmark of the workspace.
    pub(crate) fn from_command_line() -> Result<Option<Self>> {
        // `cargo bench` adds the first one.
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        let mut options = Self {
            mode: Mode::Full,
            has_fsync: false,
            rounds: 0,
            rows: 1_000_000,
            only: None,
            gateways: Vec::new(),
        };
        let mut is_asked_for = false;
        while let Some(argument) = arguments.next() {
            is_asked_for = true;
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "run" => {}
                "--quick" => options.mode = Mode::Quick,
                "--smoke" => options.mode = Mode::Smoke,
                "--fsync" => options.has_fsync = true,
                "--rounds" => options.rounds = value()?.parse().context("--rounds needs a number")?,
                "--rows" => options.rows = value()?.parse().context("--rows needs a number")?,
                "--only" => options.only = Some(value()?),
                "--gateway" => {
                    let value = value()?;
                    let (name, path) = value.split_once('=').context("--gateway needs NAME=PATH")?;
                    options.gateways.push((name.to_owned(), std::path::absolute(path)?));
                }
                _ => bail!("unknown option {argument}\n\n{HELP}"),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.mode == Mode::Smoke { 1 } else { 5 };
        }
        if options.gateways.is_empty() {
            options.gateways.push(("Outdial".to_owned(), built_gateway()?));
        }
        Ok(is_asked_for.then_some(options))
    }

    pub(crate) fn runs(&self, part: &str) -> bool {
        match &self.only {
            Some(only) => only == part,
            None if self.mode == Mode::Quick => part == "closed",
            None => part != "growth",
        }
    }

    pub(crate) fn times(&self) -> Times {
        let (warm_up, window) = if self.mode == Mode::Smoke { (100, 500) } else { (1000, 4000) };
        Times { warm_up: Duration::from_millis(warm_up), window: Duration::from_millis(window) }
    }

    pub(crate) fn contacts(&self) -> u64 {
        if self.mode == Mode::Smoke { 10_000 } else { 100_000 }
    }
}

/// Cargo builds the binary next to the folder of this program.
fn built_gateway() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target =
        program.parent().and_then(|deps| deps.parent()).context("this program is in target/*/deps")?;
    Ok(target.join("outdial"))
}
