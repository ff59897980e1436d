//! What keeps a deployment from placing calls, and what is risky about it.
//!
//! [`check`] opens the stores and asks the vendors as `outdial serve` would, and changes nothing. Each
//! check has a time limit, and none prevents another: what a check needs and does not get is the
//! reason why it is skipped. The result has no secret, and no phone number but the organizations' own
//! caller numbers.

mod accounts;
mod clocks;
mod credentials;
mod directory;
mod files;
mod finding;
mod postgres;
mod provider;
mod redis;
mod rules;
mod servers;
mod settings;
mod space;
mod sqlite;
mod stores;
mod tls;
mod tokens;
mod webhook;
mod zones;

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

pub(crate) use self::finding::{Finding, State};
pub(crate) use self::settings::unreadable;
use crate::config::Settings;

/// The time limit of a check.
const LIMIT: Duration = Duration::from_secs(10);

/// Runs every check.
pub(crate) async fn check(settings: &Settings) -> Vec<Finding> {
    let (stores, provider, accounts, tokens, space, files) = tokio::join!(
        stores::check(&settings.storage),
        provider::check(settings),
        accounts::read(settings),
        tokens::check(&settings.auth),
        space::check(settings),
        files::check(settings),
    );
    let listing = stores.listing(settings.sinch.as_ref().map(|sinch| &sinch.trunk_id)).await;
    stores.close().await;
    let mut findings = settings::check(settings);
    findings.extend(files);
    findings.extend(tls::check(settings));
    findings.push(tokens);
    findings.extend(stores.findings);
    findings.extend(space);
    findings.extend(provider);
    findings.extend(directory::check(settings, accounts.as_ref(), &listing));
    findings.extend(credentials::check(settings, &listing));
    findings.extend(webhook::check(settings, accounts.as_ref()));
    findings.extend(rules::check(settings, &listing));
    findings.push(zones::check(&listing));
    findings
}

/// Runs work within the time limit, and makes a sentence of its failure.
async fn within<T, E: Display>(work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match timeout(LIMIT, work).await {
        Ok(done) => done.map_err(|error| format!("{error:#}")),
        Err(_) => Err(no_answer()),
    }
}

fn no_answer() -> String {
    format!("no answer within {} s", LIMIT.as_secs())
}
