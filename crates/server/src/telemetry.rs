//! Structured logs. No log line contains a phone number, a name, a token, a key or a transcript.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Libraries that log the hosts they connect to. The host of a webhook endpoint can be a secret:
/// for many receivers it is the only credential.
const QUIET: [&str; 3] = ["hyper_util", "reqwest", "rustls"];

/// Starts to log to standard error. A second call in one process changes nothing.
pub(crate) fn start(settings: &Settings) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&settings.process.log))
        .with_writer(std::io::stderr)
        // Otherwise a failed write is reported on standard error. If standard error is what failed,
        // that panics in the middle of a call, and the call is then not recorded.
        .log_internal_errors(false)
        // Colours are for terminals. A file or a collector gets plain text.
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(true);
    let started = match settings.process.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("logging is already started");
    }
}

/// The configured filter, except that the `QUIET` libraries log only warnings and errors.
fn filter(log: &str) -> EnvFilter {
    QUIET.into_iter().fold(EnvFilter::new(log), |filter, library| {
        filter.add_directive(format!("{library}=warn").parse().expect("a target and a level"))
    })
}
