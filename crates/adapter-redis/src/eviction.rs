//! What the server does when its memory is full.

/// The server's `maxmemory-policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// A full server refuses to write: a lock is never dropped before its time. What this store needs.
    NoEviction,
    /// A full server drops keys, locks among them. The policy's name, as the server gives it.
    Evicting(String),
    /// The server does not say: it forbids `CONFIG` and leaves the policy out of `INFO memory`.
    Unknown,
}

impl EvictionPolicy {
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "noeviction" => Self::NoEviction,
            // The text comes from the server and goes to a log.
            _ if (1..=32).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') =>
            {
                Self::Evicting(name.to_owned())
            }
            _ => Self::Unknown,
        }
    }

    /// Reads the reply to `INFO memory`.
    pub(crate) fn from_info(info: &str) -> Self {
        let name = info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:"));
        name.map_or(Self::Unknown, |name| Self::from_name(name.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_found_in_info() {
        let info = "# Memory\r\nused_memory:1\r\nmaxmemory_policy:allkeys-lru\r\nx:1\r\n";
        assert_eq!(EvictionPolicy::from_info(info), EvictionPolicy::Evicting("allkeys-lru".to_owned()));
        let info = "# Memory\r\nmaxmemory_policy:noeviction\r\n";
        assert_eq!(EvictionPolicy::from_info(info), EvictionPolicy::NoEviction);
        assert_eq!(EvictionPolicy::from_info("# Memory\r\n"), EvictionPolicy::Unknown);
        assert_eq!(EvictionPolicy::from_name("no\nsuch"), EvictionPolicy::Unknown);
    }
}
