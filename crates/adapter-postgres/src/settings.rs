use std::fmt;
use std::time::Duration;

/// Where Postgres is, and how long to wait for it.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`, with libpq's parameters (`sslmode=verify-full&sslrootcert=...`).
    /// Holds a password, so that `Debug` does not show it.
    pub url: String,
    /// The most connections that are open at once. None is held while a phone rings: a few for each core are enough. One
    /// more listens for events, once somebody waits for them.
    pub max_connections: u32,
    /// How long to wait for a connection, a new one included. At most 2 s, lest a call waits in vain.
    pub acquire_timeout: Duration,
    /// How long a statement may run: the server ends it by itself then. A server that does not is given up half a second
    /// later. Together with `acquire_timeout` below 4.5 s, since the ports promise an answer within 5 s.
    pub statement_timeout: Duration,
}

impl PostgresSettings {
    /// Settings with 10 connections and 2 s for either time.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 10,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(2),
        }
    }
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
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
