//! The command `outdial`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match server::cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => server::cli::report(&error),
    }
}
