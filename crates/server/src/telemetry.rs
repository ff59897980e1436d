//! Structured logs. Nothing that is logged anywhere holds a phone number, a name, a token, a key or a transcript.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Libraries that name the hosts that they connect to. Those of webhooks may be secrets: many a receiver is known by its host name
/// alone.
const QUIET: [&str; 3] = ["hyper_util", "reqwest", "rustls"];

/// Sends what is traced to standard error. A second call in one process changes nothing.
pub(crate) fn start(settings: &Settings) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&settings.log))
        .with_writer(std::io::stderr)
        // A line that cannot be written would be complained of on standard error, and where that is what broke, by a panic:
        // in the middle of a call, whose phone rings and which is then not booked.
        .log_internal_errors(false)
        // Colours are for eyes: a file or a collector gets plain text.
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(true);
    let started = match settings.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("logs were started before");
    }
}

/// What is asked for, but for what the libraries say that are quiet whoever asks.
fn filter(log: &str) -> EnvFilter {
    QUIET.into_iter().fold(EnvFilter::new(log), |filter, library| {
        filter.add_directive(format!("{library}=warn").parse().expect("a target and a level"))
    })
}
