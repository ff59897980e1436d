//! The servers of a URL. One of them is the primary, and a failover makes it another one.

use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// The newest history of a primary that this process has seen.
    newest: Mutex<Option<Timeline>>,
}

/// The history of writes that a primary continues. A promotion begins one with a greater number, so that a
/// former primary, which may still accept writes, has a smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// The cluster. Numbers of another one mean nothing for this one.
    pub(crate) cluster: i64,
    /// Its number.
    pub(crate) number: i64,
}

impl Timeline {
    /// Whether this history was replaced by the other one.
    pub(crate) fn is_before(self, other: Self) -> bool {
        self.cluster == other.cluster && self.number < other.number
    }
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
        Ok(Self { options, preferred: AtomicUsize::new(0), newest: Mutex::default() })
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

    /// The number of servers.
    pub(crate) fn len(&self) -> usize {
        self.options.len()
    }

    /// Whether a primary with this history may be a former one, as far as this process knows: another
    /// server may have a newer history.
    pub(crate) fn may_be_former(&self, place: usize, timeline: Timeline) -> bool {
        let is_known = *self.newest() == Some(timeline);
        self.len() > 1 && !(is_known && self.preferred.load(Ordering::Relaxed) == place)
    }

    /// Notes the history of a primary. Returns the newer one that was seen before, if there is one: the
    /// server is a former primary.
    pub(crate) fn note(&self, timeline: Timeline) -> Option<Timeline> {
        let mut newest = self.newest();
        let replaced = newest.filter(|newest| timeline.is_before(*newest));
        if replaced.is_none() {
            *newest = Some(timeline);
        }
        replaced
    }

    fn newest(&self) -> MutexGuard<'_, Option<Timeline>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The URL of each server.
pub(crate) fn urls(url: &str) -> Result<Vec<String>, sqlx::Error> {
    let unusable = || sqlx::Error::Configuration("a URL of Postgres was expected".into());
    let (scheme, rest) = url.split_once("://").ok_or_else(unusable)?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    let path = without_target(path).ok_or_else(unusable)?;
    let hosts: Vec<&str> = hosts.split(',').collect();
    // The driver would take this machine for it.
    if hosts.len() > 1 && hosts.iter().any(|host| host.is_empty() || host.starts_with(':')) {
        return Err(unusable());
    }
    Ok(hosts.iter().map(|host| format!("{scheme}://{user}{host}{path}")).collect())
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
