//! What a call costs: the gateway, and hand-written services beside it in the same run, so that every
//! figure is a ratio.
//!
//! `make bench` runs it. The program is the load, the voice provider and the services. It starts
//! Postgres, Redis and the release binary of the gateway.

mod candidate;
mod decision;
mod durable;
mod floor;
mod growth;
mod http;
mod load;
mod measure;
mod options;
mod proc;
#[expect(dead_code, reason = "the fault injection uses the rest")]
#[path = "../../../chaos/tests/chaos/parts/process.rs"]
mod process;
mod provider;
mod report;
mod ringing;
mod round_trips;
mod run;
mod scenario;
mod service;
mod stock;
mod stores;

use anyhow::{Context as _, Result, bail};

use self::options::Options;
use self::service::ServiceSettings;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("service") {
        return serve(arguments);
    }
    let Some(options) = Options::from_command_line()? else {
        say("`make bench` measures");
        return Ok(());
    };
    runtime()?.block_on(run::run(&options))
}

/// As many threads as the gateway uses.
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn serve(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let kind = arguments.next().context("a service has a name")?;
    let settings = ServiceSettings::from_arguments(arguments)?;
    match kind.as_str() {
        "floor" => runtime()?.block_on(floor::serve(settings, false)),
        "floor with ledger" => runtime()?.block_on(floor::serve(settings, true)),
        "stock" => runtime()?.block_on(stock::serve(settings)),
        _ => bail!("no service {kind}"),
    }
}

#[expect(clippy::print_stdout, reason = "the program's report")]
fn print(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "the program's progress")]
fn say(text: &str) {
    eprintln!("{text}");
}
