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
}

const MINUTE: u64 = 60;

impl Options {
    pub(crate) fn parse(command: &str, mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let command = match command {
            "run" => Command::Run,
            "selftest" => Command::SelfTest,
            "check-gateway" => Command::CheckGateway,
            "check-parts" => Command::CheckParts,
            _ => bail!("unknown command {command:?}"),
        };
        let time = Duration::from_secs(3 * MINUTE);
        let mut options = Self { command, seed: fastrand::u64(..1_000_000), time, part: None, mutant: None };
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
