//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use domain::ports::{DeliveryListQuery, ReplayQuery};
use domain::{
    DeliveryFilter, DeliveryState, EventSequence, MAX_RECORDS, OrganizationId, SuppressionId,
    WebhookEndpointId,
};

use crate::commands::check::CheckOptions;
use crate::commands::decide::DecideOptions;
use crate::commands::import::ImportOptions;
use crate::commands::sync::SyncOptions;
use crate::commands::{self, suppressions, webhooks};
use crate::config::{Settings, Source};

/// The version, and the commit that the program was built from.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("OUTDIAL_COMMIT"), ")");

/// Outdial places outbound AI voice calls. It never calls a person twice for one intent, and
/// records every call.
///
/// Every setting is an environment variable OUTDIAL_*, or a line with the same name in the settings
/// file; `outdial settings` prints all of them. Without any setting, `outdial serve` uses a SQLite
/// file and a simulated voice provider.
#[derive(Debug, Parser)]
#[command(name = "outdial", version = VERSION, max_term_width = 100)]
pub struct Cli {
    /// A file with settings: lines NAME=value, or TOML if its name ends in .toml. The default is
    /// the file `.env`, if it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until SIGTERM or SIGINT. Then finish the calls in flight, record them, and
    /// exit.
    Serve,
    /// Bring the schema of the database up to date.
    Migrate,
    /// Copy the embedded database while the gateway runs. The copy is complete, or does not exist. It has
    /// personal data and secrets. A database in Postgres is backed up with pg_dump.
    Backup {
        /// Where the copy is written. The file must not exist.
        file: PathBuf,
    },
    /// After the database was restored from a backup, and before the gateway starts: give later call
    /// events sequence numbers that no client has seen. Prints how long to wait before the start.
    AfterRestore,
    /// Read ids of the provider's conversations from standard input, one a line, and print those that no
    /// call of the ledger has. The exit status is 1 if there are any.
    MissingCalls,
    /// Load organizations, users, agents, numbers, contacts, suppressions, consents and do-not-call
    /// lists from a file. The whole file is checked first. If a line cannot be loaded, nothing is
    /// imported.
    Import {
        /// An NDJSON file: one object per line, with its `kind`. With --csv, a CSV file of contacts;
        /// with --do-not-call, a list of numbers.
        file: PathBuf,
        #[command(flatten)]
        options: ImportOptions,
    },
    /// Print whether a call may be made now, and why. Places no call, and creates nothing.
    Decide {
        #[command(flatten)]
        options: DecideOptions,
    },
    /// Compare the directory with the ElevenLabs workspace and the Sinch trunk, and store what these
    /// know: the ids of numbers and agents, which numbers are on the trunk, and its calls per second.
    Sync {
        #[command(flatten)]
        options: SyncOptions,
    },
    /// Check whether this deployment can place calls, and what is risky about it: settings, stores,
    /// clocks, the vendors' accounts, files, and rules that are not enforced. Changes nothing.
    ///
    /// The exit status is 0 if nothing failed, 1 if something failed, and 3 if the settings cannot be
    /// read.
    Check {
        #[command(flatten)]
        options: CheckOptions,
    },
    /// Sign a token for a user with the configured HS256 secret and print it.
    Token {
        /// The id of the user.
        #[arg(long)]
        user: String,
        /// How long the token is valid, for example 90s, 12h, 30d or 1h 30m. At most 366d.
        #[arg(long, default_value = "1h", value_parser = parse_ttl)]
        ttl: Duration,
    },
    /// List the deliveries of call events to webhook endpoints, or repeat them.
    Webhooks {
        #[command(subcommand)]
        command: WebhooksCommand,
    },
    /// Show the opt-outs that came in a call that is not known, or remove one. A person must find
    /// out whom they are about.
    Suppressions {
        #[command(subcommand)]
        command: SuppressionsCommand,
    },
    /// Seal what organizations stored of their own accounts with another key.
    Credentials {
        #[command(subcommand)]
        command: CredentialsCommand,
    },
    /// Run only the simulated voice provider.
    Simulate {
        /// The address to listen on.
        #[arg(long, default_value = "127.0.0.1:2213")]
        bind: std::net::SocketAddr,
        /// Accept agents and phone numbers with any id, not only those that it lists. Ids that start
        /// with missing_ never exist.
        #[arg(long)]
        any_id: bool,
    },
    /// Print every setting with its default and its help, as a file for `--config`.
    Settings,
    /// Print the OpenAPI document of the routes for users.
    Openapi {
        /// Print the document of what the voice provider sends.
        #[arg(long)]
        provider: bool,
    },
    /// Print the completions of a shell, which its configuration loads.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages of all commands into a folder.
    Man {
        /// The folder. It is created if it does not exist.
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum WebhooksCommand {
    /// List the deliveries of an organization, newest event first. The default is to list dead
    /// letters.
    List {
        /// The id of the organization.
        #[arg(long)]
        organization: String,
        /// Only deliveries to this webhook endpoint.
        #[arg(long)]
        endpoint: Option<String>,
        /// Only deliveries in this state: pending, delivered or dead.
        #[arg(long, default_value = "dead")]
        state: String,
        /// The maximum number of deliveries.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Queue dead letters again, as new deliveries. The default is to queue all of them.
    Replay {
        /// Only deliveries of this organization.
        #[arg(long)]
        organization: Option<String>,
        /// Only deliveries to this webhook endpoint.
        #[arg(long)]
        endpoint: Option<String>,
        /// Only deliveries of events after this one: the `position` of an event.
        #[arg(long, value_parser = parse_position, allow_negative_numbers = true)]
        after: Option<EventSequence>,
        /// Also queue deliveries that succeeded.
        #[arg(long)]
        delivered_too: bool,
    },
}

#[derive(Debug, Subcommand)]
enum SuppressionsCommand {
    /// List the suppressions without an organization, newest first. One with a number counts for
    /// every organization, one without a number for none.
    Unmatched {
        /// The maximum number of suppressions.
        #[arg(long, default_value_t = MAX_RECORDS, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Remove a suppression without an organization, after the callee is suppressed where it counts.
    Remove {
        /// The id of the suppression.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum CredentialsCommand {
    /// Seal all of them with the first key in OUTDIAL_CREDENTIALS_KEY. Doing it twice is doing it once.
    /// After that the other keys are not needed.
    Rotate,
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let settings = || -> anyhow::Result<Settings> {
            Ok(Settings::load(&Source::of_process(self.config.as_deref())?)?)
        };
        let done = match self.command {
            Command::Check { options } => return commands::check::check(settings(), options),
            Command::Serve => commands::serve_with(settings()?, std::convert::identity),
            Command::Migrate => commands::migrate(settings()?),
            Command::Backup { file } => commands::backup::back_up(&settings()?, &file),
            Command::AfterRestore => commands::backup::after_restore(&settings()?),
            Command::MissingCalls => commands::backup::missing_calls(&settings()?),
            Command::Import { file, options } => commands::import::import(settings()?, &file, options),
            Command::Decide { options } => commands::decide::decide(settings()?, &options),
            Command::Sync { options } => commands::sync::sync(settings()?, options),
            Command::Token { user, ttl } => commands::token(settings()?, &user, ttl),
            Command::Webhooks { command } => command.run(settings()?),
            Command::Suppressions { command } => command.run(settings()?),
            Command::Credentials { command: CredentialsCommand::Rotate } => {
                commands::credentials::rotate(settings()?)
            }
            Command::Simulate { bind, any_id } => {
                commands::simulate(simulator::Settings { bind, any_id, ..simulator::Settings::default() })
            }
            Command::Settings => commands::print(&crate::config::env_example()),
            Command::Openapi { provider: false } => commands::print(&adapter_http::openapi_yaml()),
            Command::Openapi { provider: true } => commands::print(&adapter_http::provider_openapi_yaml()),
            Command::Completions { shell } => commands::manual::completions(Self::command(), shell),
            Command::Man { folder } => commands::manual::man_pages(Self::command(), &folder),
        };
        done.map(|()| ExitCode::SUCCESS)
    }
}

impl WebhooksCommand {
    fn run(self, settings: Settings) -> anyhow::Result<()> {
        match self {
            Self::List { organization, endpoint, state, limit } => {
                let query = DeliveryListQuery {
                    organization_id: OrganizationId::parse(&organization).context("--organization")?,
                    filter: DeliveryFilter {
                        endpoint_id: endpoint_id(endpoint)?,
                        state: Some(
                            DeliveryState::from_name(&state)
                                .context("--state must be pending, delivered or dead")?,
                        ),
                        before: None,
                        limit,
                    },
                };
                webhooks::list(settings, query)
            }
            Self::Replay { organization, endpoint, after, delivered_too } => {
                let organization = organization.map(|id| OrganizationId::parse(&id)).transpose();
                let query = ReplayQuery {
                    organization_id: organization.context("--organization")?,
                    endpoint_id: endpoint_id(endpoint)?,
                    after,
                    delivered_too,
                };
                webhooks::replay(settings, query)
            }
        }
    }
}

impl SuppressionsCommand {
    fn run(self, settings: Settings) -> anyhow::Result<()> {
        match self {
            Self::Unmatched { limit } => suppressions::unmatched(settings, limit),
            Self::Remove { id } => suppressions::remove(settings, &SuppressionId::parse(&id)?),
        }
    }
}

fn endpoint_id(text: Option<String>) -> anyhow::Result<Option<WebhookEndpointId>> {
    text.map(|id| WebhookEndpointId::parse(&id)).transpose().context("--endpoint")
}

/// Prints an error and its causes.
#[expect(clippy::print_stderr, reason = "this is where the failure of a command is reported")]
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("outdial: {error:#}");
    ExitCode::FAILURE
}

fn parse_position(text: &str) -> anyhow::Result<EventSequence> {
    let number = text.parse().ok().and_then(EventSequence::from_number);
    number.context("the position of an event must be a whole number, 0 or more")
}

fn parse_ttl(text: &str) -> anyhow::Result<Duration> {
    let ttl = humantime::parse_duration(text.trim())?;
    let is_whole = ttl.subsec_nanos() == 0;
    anyhow::ensure!(
        is_whole && (1..=86_400 * 366).contains(&ttl.as_secs()),
        "must be whole seconds, from 1s to 366d"
    );
    Ok(ttl)
}

#[cfg(test)]
mod tests;
