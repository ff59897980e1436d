//! Where the store is and how long it may take.

use std::{fmt, time::Duration};

use domain::ports::PortUnavailable;

use crate::failure;

/// The longest operation that keeps the ports' promise to answer within 2 s.
const LONGEST_OPERATION: Duration = Duration::from_millis(1500);

/// How a [`RedisStore`](crate::RedisStore) finds its server and what it may spend on it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. It may hold a password: `Debug` hides it.
    pub url: String,
    /// Before every key, so that several gateways share a server: letters, digits, `-`, `_`, `.` and `:`, 1 to 64 of them.
    pub key_prefix: String,
    /// Connections at most. Each carries any number of operations at a time, so one is enough for most, and 64 is the most.
    pub max_connections: usize,
    /// How long one operation may take in all: connecting, sending, waiting, and one more try where the connection turned
    /// out to be dead. Above zero, and at most 1.5 s.
    pub operation_timeout: Duration,
}

impl RedisSettings {
    /// The server at `url` with the prefix `outdial`, two connections, and 500 ms for an operation.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            key_prefix: "outdial".to_owned(),
            max_connections: 2,
            operation_timeout: Duration::from_millis(500),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PortUnavailable> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
        if !(1..=64).contains(&self.key_prefix.len()) || !self.key_prefix.bytes().all(plain) {
            return Err(failure::because(
                "the key prefix is not 1 to 64 letters, digits, '-', '_', '.' or ':'",
            ));
        }
        if !(1..=64).contains(&self.max_connections) {
            return Err(failure::because("the number of connections is not 1 to 64"));
        }
        if self.operation_timeout.is_zero() || self.operation_timeout > LONGEST_OPERATION {
            return Err(failure::because("the time for an operation is zero or above 1.5 s"));
        }
        Ok(())
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("url", &"..")
            .field("key_prefix", &self.key_prefix)
            .field("max_connections", &self.max_connections)
            .field("operation_timeout", &self.operation_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_password() {
        let shown = format!("{:?}", RedisSettings::new("redis://:hunter2@127.0.0.1/0"));
        assert!(!shown.contains("hunter2") && shown.contains("outdial"), "{shown}");
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let good = RedisSettings::new("redis://127.0.0.1");
        assert_eq!(good.check(), Ok(()));
        for bad in [
            RedisSettings { key_prefix: String::new(), ..good.clone() },
            RedisSettings { key_prefix: "a{b}".to_owned(), ..good.clone() },
            RedisSettings { key_prefix: "x".repeat(65), ..good.clone() },
            RedisSettings { max_connections: 0, ..good.clone() },
            RedisSettings { max_connections: 65, ..good.clone() },
            RedisSettings { operation_timeout: Duration::ZERO, ..good.clone() },
            RedisSettings { operation_timeout: Duration::from_secs(2), ..good },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
