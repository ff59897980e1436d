//! The servers of a URL. One of them is the primary, and a failover makes it another one.

use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

/// The only parameter of libpq about several servers, with the values that mean what the gateway does
/// in any case.
const TARGET: &str = "target_session_attrs";
const PRIMARY: [&str; 2] = ["read-write", "primary"];

/// The servers of a URL, in its order.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// At least one.
    options: Vec<PgConnectOptions>,
    /// The one that was the primary when a session was last opened.
    preferred: AtomicUsize,
}

impl Hosts {
    /// Reads a URL with one or several servers, as libpq does:
    /// `postgres://user:password@host-a:5432,host-b:5432/database`.
    pub(crate) fn parse(url: &str) -> Result<Self, sqlx::Error> {
        let options = urls(url)?
            .iter()
            .map(|url| {
                let options = PgConnectOptions::from_str(url)?;
                // PgBouncer refuses extra_float_digits. Since Postgres 12 it changes nothing.
                Ok(options.application_name("outdial").disable_statement_logging().extra_float_digits(None))
            })
            .collect::<Result<_, sqlx::Error>>()?;
        Ok(Self { options, preferred: AtomicUsize::new(0) })
    }

    /// The servers and their places in the URL, the preferred one first.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (usize, &PgConnectOptions)> {
        let first = self.preferred.load(Ordering::Relaxed);
        let others = (0..self.options.len()).filter(move |place| *place != first);
        std::iter::once(first).chain(others).map(|place| (place, &self.options[place]))
    }

    /// The server that was the primary when a session was last opened.
    pub(crate) fn preferred(&self) -> &PgConnectOptions {
        &self.options[self.preferred.load(Ordering::Relaxed)]
    }

    /// Notes which server is the primary.
    pub(crate) fn prefer(&self, place: usize) {
        self.preferred.store(place, Ordering::Relaxed);
    }
}

/// The URL of each server.
fn urls(url: &str) -> Result<Vec<String>, sqlx::Error> {
    let unusable = || sqlx::Error::Configuration("a URL of Postgres was expected".into());
    let (scheme, rest) = url.split_once("://").ok_or_else(unusable)?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    let path = without_target(path).ok_or_else(unusable)?;
    Ok(hosts.split(',').map(|host| format!("{scheme}://{user}{host}{path}")).collect())
}

/// The path and the parameters without the kind of server that they ask for. `None` if that is not the
/// primary.
fn without_target(path: &str) -> Option<String> {
    let Some((path, parameters)) = path.split_once('?') else { return Some(path.to_owned()) };
    let mut kept = Vec::new();
    for parameter in parameters.split('&') {
        match parameter.split_once('=') {
            Some((TARGET, value)) if PRIMARY.contains(&value) => {}
            Some((TARGET, _)) => return None,
            _ => kept.push(parameter),
        }
    }
    Some(if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) })
}

#[cfg(test)]
mod tests;
