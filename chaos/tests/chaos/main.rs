//! Faults at random moments: real gateways, stores and clients, a schedule of faults from a seed, and
//! a check of what was promised.
//!
//! `make chaos` and `make chaos-selftest` run it. Behind `cargo test -p chaos --test chaos -- --chaos`, it
//! takes these commands:
//!
//! ```text
//! run [--seed N] [--minutes N | --seconds N] [--part N] [--mutant NAME]
//! selftest
//! check-gateway
//! check-parts
//! ```
//!
//! The program is also what it starts: the gateway under test, and the `outdial` commands that
//! prepare its stores.

mod checker;
mod client;
mod disturbances;
mod evidence;
mod fault;
mod follower;
mod gateway;
mod gateways;
mod history;
mod inject;
mod intents;
mod load;
mod observer;
mod options;
mod parts;
mod receiver;
mod report;
mod run;
mod schedule;
mod selftest;
mod stores;
mod topology;
mod view;
mod watch;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

use self::options::{Command, Options};
use self::topology::Topology;

/// The first argument of every command. Without it, the program is a test among others, and its
/// arguments are those of cargo's own harness.
const COMMANDS: &str = "--chaos";

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(COMMANDS) {
        say("faults are injected by `make chaos`");
        return Ok(ExitCode::SUCCESS);
    }
    let command = arguments.next().unwrap_or_default();
    match command.as_str() {
        "gateway" => gateway::serve()?,
        "probe" => parts::check::probe(arguments.next())?,
        "outdial" => {
            let arguments = ["outdial".to_owned()].into_iter().chain(arguments);
            server::cli::Cli::parse_from(arguments).run()?;
        }
        command => return drive(&Options::parse(command, arguments)?),
    }
    Ok(ExitCode::SUCCESS)
}

fn drive(options: &Options) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let is_fine = match options.command {
        Command::CheckGateway => gateway::check().map(|()| true)?,
        Command::CheckParts => parts::check::run().map(|()| true)?,
        Command::SelfTest => runtime.block_on(selftest::selftest())?,
        Command::Run => runtime.block_on(run_all(options))?,
    };
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns whether no promise was broken.
async fn run_all(options: &Options) -> anyhow::Result<bool> {
    let (seed, minutes) = (options.seed, options.time.as_secs_f64() / 60.0);
    say(&format!("seed {seed}: SEED={seed} MINUTES={minutes:.0} make chaos repeats this schedule"));
    let parts: Vec<usize> =
        options.part.map_or_else(|| (0..Topology::ALL.len()).collect(), |part| vec![part]);
    let time = options.time / u32::try_from(parts.len())?;
    let mut outcomes = Vec::new();
    for part in parts {
        let topology = Topology::ALL[part];
        say(&format!("part {part}: {topology}"));
        let seed = seed.wrapping_add(part as u64);
        outcomes.push(
            run::run(run::Run {
                seed,
                topology,
                time,
                mutant: options.mutant,
                only_calls: options.mutant.is_some(),
            })
            .await?,
        );
    }
    say(&report::report(seed, options.time, &outcomes));
    Ok(outcomes.iter().all(|outcome| outcome.violations.is_empty()))
}

#[expect(clippy::print_stderr, reason = "the program's report")]
fn say(text: &str) {
    eprintln!("{text}");
}
