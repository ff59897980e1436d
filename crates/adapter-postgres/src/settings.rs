use std::fmt;
use std::time::Duration;

/// The address of Postgres, and how long to wait for it.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`, with libpq's parameters
    /// (`sslmode=verify-full&sslrootcert=...`). It contains a password, so that `Debug` does not
    /// show it.
    pub url: String,
    /// The maximum number of open connections. No connection is held while a phone rings, so that a
    /// few for each core are enough. One in five is kept for reads. One more listens for events as soon as a reader waits for
    /// them.
    pub max_connections: u32,
    /// How long to wait for a connection, also for a new one. Set at most 2 s, so that a call does
    /// not wait longer.
    pub acquire_timeout: Duration,
    /// The time limit for a statement, after which the server cancels it. If the server does not,
    /// the statement is abandoned half a second later. Keep the sum with `acquire_timeout` below
    /// 4.5 s: the ports promise a result within 5 s.
    pub statement_timeout: Duration,
    /// Whether the server may be a standby. The store can only read then.
    pub may_be_standby: bool,
}

impl PostgresSettings {
    /// Settings with 10 connections and 2 s for each of the two times.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 10,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(2),
            may_be_standby: false,
        }
    }
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("may_be_standby", &self.may_be_standby)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_url() {
        let settings = PostgresSettings::new("postgres://outdial:hunter2@db.internal/outdial");
        let shown = format!("{settings:?}");
        assert!(shown.contains("max_connections: 10"), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("db.internal"), "{shown}");
    }
}
