//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::commands;
use crate::config::{Settings, Source};

/// Outdial places outbound AI voice calls: a person is never rung twice for one intent, and no call is lost from the books.
///
/// Every setting is an environment variable OUTDIAL_*, or a line of the same name in the settings file. With none set,
/// `outdial serve` runs on a SQLite file and a simulated voice provider.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// A file with settings: NAME=value lines, or TOML where it ends in .toml. Without it, `.env` is read if it is there.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until SIGTERM or SIGINT; calls in flight then run to their end and are booked.
    Serve,
    /// Bring the database's schema up to date.
    Migrate,
    /// Load organizations, users, agents, numbers and contacts from a file, all of it or nothing.
    Import {
        /// NDJSON: one object a line, told apart by its `kind`.
        file: PathBuf,
    },
    /// Sign a token for a user with the configured HS256 secret, and print it.
    Token {
        /// The user's id.
        #[arg(long)]
        user: String,
        /// How long the token is valid: a number with s, m, h or d.
        #[arg(long, default_value = "1h", value_parser = parse_ttl)]
        ttl: Duration,
    },
    /// Run the simulated voice provider alone.
    Simulate {
        /// The address to listen on.
        #[arg(long, default_value = "127.0.0.1:2213")]
        bind: std::net::SocketAddr,
    },
    /// Print every setting with its default and meaning, as a file for `--config`.
    Settings,
    /// Print the OpenAPI document.
    Openapi,
}

impl Cli {
    /// Does what the command line says.
    pub fn run(self) -> anyhow::Result<()> {
        let settings = || -> anyhow::Result<Settings> {
            Ok(Settings::load(&Source::of_process(self.config.as_deref())?)?)
        };
        match self.command {
            Command::Serve => commands::serve(settings()?),
            Command::Migrate => commands::migrate(settings()?),
            Command::Import { file } => commands::import(settings()?, &file),
            Command::Token { user, ttl } => commands::token(settings()?, &user, ttl),
            Command::Simulate { bind } => commands::simulate(bind),
            Command::Settings => commands::print(&crate::config::env_example()),
            Command::Openapi => commands::print(&adapter_http::openapi_yaml()),
        }
    }
}

/// Says on the terminal what went wrong, with its causes.
#[expect(
    clippy::print_stderr,
    reason = "the one place where a command's failure meets the person who ran it"
)]
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("outdial: {error:#}");
    ExitCode::FAILURE
}

fn parse_ttl(text: &str) -> anyhow::Result<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit()).context("a unit is missing: s, m, h or d")?;
    let (number, unit) = text.split_at(unit);
    let secs_per_unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => anyhow::bail!("unknown unit {unit:?}: expected s, m, h or d"),
    };
    let secs = number
        .parse::<u64>()
        .context("a number is missing")?
        .checked_mul(secs_per_unit)
        .context("too long")?;
    anyhow::ensure!((1..=86_400 * 366).contains(&secs), "must be between 1s and 366d");
    Ok(Duration::from_secs(secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_ttl_has_a_number_and_a_unit() {
        assert_eq!(parse_ttl("90s").expect("valid"), Duration::from_secs(90));
        assert_eq!(parse_ttl("1h").expect("valid"), Duration::from_secs(3600));
        for bad in ["", "1", "h", "1w", "0s", "-1h", "1h1m", "999999999d"] {
            assert!(parse_ttl(bad).is_err(), "{bad:?}");
        }
    }
}
