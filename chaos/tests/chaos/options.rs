//! The command line and the environment of the program.

use std::time::Duration;

use anyhow::{Context as _, bail};

use super::DEFAULT_TIME;
use super::gateway::Mutant;

pub(crate) struct Options {
    pub(crate) command: Command,
    pub(crate) seed: u64,
    pub(crate) time: Duration,
    /// The only topology of the run, by its index.
    pub(crate) part: Option<usize>,
    /// What the gateways do wrong.
    pub(crate) mutant: Option<Mutant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Run,
    SelfTest,
    CheckGateway,
    CheckParts,
    /// `cargo test NAME` runs the tests with this name, and this program is no such test.
    Nothing,
}

impl Options {
    pub(crate) fn from_command_line() -> anyhow::Result<Self> {
        let mut options = Self {
            command: Command::Run,
            seed: fastrand::u64(..1_000_000),
            time: DEFAULT_TIME,
            part: None,
            mutant: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            let number =
                |text: String| text.parse::<u64>().with_context(|| format!("{argument} needs a number"));
            match argument.as_str() {
                "run" => options.command = Command::Run,
                "selftest" => options.command = Command::SelfTest,
                "check-gateway" => options.command = Command::CheckGateway,
                "check-parts" => options.command = Command::CheckParts,
                "--seed" => options.seed = number(value()?)?,
                "--seconds" => options.time = Duration::from_secs(number(value()?)?),
                "--part" => options.part = Some(usize::try_from(number(value()?)?)?),
                "--mutant" => options.mutant = Some(value()?.parse()?),
                "--list" => options.command = Command::Nothing,
                // Options of cargo's own harness.
                option if option.starts_with("--") => bail!("unknown option {option}"),
                filter if "chaos".contains(filter) => {}
                _ => options.command = Command::Nothing,
            }
        }
        Ok(options)
    }
}
