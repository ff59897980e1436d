//! The command line of the program.

use std::time::Duration;

use anyhow::{Context as _, bail};

use super::gateway::Mutant;

pub(crate) struct Options {
    pub(crate) command: Command,
    pub(crate) seed: u64,
    /// How long load and faults last, in all parts together.
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
    /// The program is a test of cargo, which runs it with the options of its own harness.
    Nothing,
}

const MINUTE: u64 = 60;

impl Options {
    pub(crate) fn from_command_line() -> anyhow::Result<Self> {
        let mut arguments = std::env::args().skip(1);
        let command = match arguments.next().as_deref() {
            Some("run") => Command::Run,
            Some("selftest") => Command::SelfTest,
            Some("check-gateway") => Command::CheckGateway,
            Some("check-parts") => Command::CheckParts,
            _ => Command::Nothing,
        };
        let time = Duration::from_secs(3 * MINUTE);
        let mut options = Self { command, seed: fastrand::u64(..1_000_000), time, part: None, mutant: None };
        if command == Command::Nothing {
            return Ok(options);
        }
        while let Some(option) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{option} needs a value"))?;
            let number = || value.parse::<u64>().with_context(|| format!("{option} needs a number"));
            match option.as_str() {
                "--seed" => options.seed = number()?,
                "--minutes" => options.time = Duration::from_secs(number()? * MINUTE),
                "--seconds" => options.time = Duration::from_secs(number()?),
                "--part" => options.part = Some(usize::try_from(number()?)?),
                "--mutant" => options.mutant = Some(value.parse()?),
                _ => bail!("unknown option {option}"),
            }
        }
        Ok(options)
    }
}
