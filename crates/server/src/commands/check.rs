//! `outdial check`.

use std::process::ExitCode;

use serde_json::Value;

use super::{print, run};
use crate::check::{Finding, State, check as run_checks, unreadable};
use crate::config::Settings;
use crate::telemetry;

/// The exit status if the settings cannot be read. It differs from that of a mistake on the command
/// line.
const UNREADABLE_SETTINGS: u8 = 3;

/// How `outdial check` prints its result.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct CheckOptions {
    /// Print the result as JSON: a list of objects with `id`, `state` and `found`, and `subject` and
    /// `remedy` where there are such.
    #[arg(long)]
    json: bool,
}

pub(crate) fn check(settings: anyhow::Result<Settings>, options: CheckOptions) -> anyhow::Result<ExitCode> {
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            print(&show(&unreadable(&error), options))?;
            return Ok(ExitCode::from(UNREADABLE_SETTINGS));
        }
    };
    telemetry::start(&settings);
    let findings = run(async { Ok(run_checks(&settings).await) })?;
    print(&show(&findings, options))?;
    let has_failed = findings.iter().any(|finding| finding.state == State::Failed);
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(findings: &[Finding], options: CheckOptions) -> String {
    if options.json {
        let list: Vec<Value> = findings.iter().map(Finding::to_json).collect();
        return format!("{:#}\n", Value::Array(list));
    }
    findings.iter().map(Finding::to_line).collect()
}
