use std::{fmt, time::Duration};

use domain::ports::PortUnavailable;

use crate::{
    failure,
    url::{Named, Topology},
};

/// The ports promise a result within 2 s; the difference is a reserve.
const MAX_OPERATION_TIMEOUT: Duration = Duration::from_millis(1500);

/// The server, the namespace and the limits of a [`RedisStore`](crate::RedisStore).
#[derive(Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// `redis://[user:password@]host[:port][/database]`, or
    /// `redis+sentinel://[user:password@]host[:port][,host[:port]]…/master[/database]` with the parameters
    /// `sentinel_username` and `sentinel_password`, or `redis+cluster://[user:password@]host[:port][,host[:port]]…`;
    /// with `rediss` for TLS. It may contain a password, so
    /// `Debug` does not show it.
    pub url: String,
    /// The beginning of every key, so that several gateways can share a server: 1 to 64 letters,
    /// digits, `-`, `_`, `.` and `:`.
    pub key_prefix: String,
    /// The maximum number of connections, 1 to 64. Each connection carries any number of operations
    /// at the same time, so one is enough for most gateways.
    pub max_connections: usize,
    /// The time limit of one operation: it includes connecting, and a second attempt after a dead
    /// connection. More than zero and at most 1.5 s.
    pub operation_timeout: Duration,
}

impl RedisSettings {
    /// The server at `url`, the prefix `outdial`, two connections, and 500 ms for an operation.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            key_prefix: "outdial".to_owned(),
            max_connections: 2,
            operation_timeout: Duration::from_millis(500),
        }
    }

    /// The settings of each node that the URL names, if it names a cluster.
    #[must_use]
    pub fn nodes_of_cluster(&self) -> Option<Vec<Self>> {
        let named = Named::parse(&self.url).filter(|named| matches!(named.topology, Topology::Cluster))?;
        Some(named.nodes.into_iter().map(|url| Self { url, ..self.clone() }).collect())
    }

    /// A URL for each server or sentinel that the URL names, with its password; none if it cannot be
    /// used.
    #[must_use]
    pub fn node_urls(&self) -> Vec<String> {
        Named::parse(&self.url).map(|named| named.nodes).unwrap_or_default()
    }

    pub(crate) fn check(&self) -> Result<(), PortUnavailable> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
        if !(1..=64).contains(&self.key_prefix.len()) || !self.key_prefix.bytes().all(plain) {
            return Err(failure::because(
                "key_prefix must have 1 to 64 letters, digits, '-', '_', '.' or ':'",
            ));
        }
        if !(1..=64).contains(&self.max_connections) {
            return Err(failure::because("max_connections must be 1 to 64"));
        }
        if self.operation_timeout.is_zero() || self.operation_timeout > MAX_OPERATION_TIMEOUT {
            return Err(failure::because("operation_timeout must be more than zero and at most 1.5 s"));
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
mod tests;
