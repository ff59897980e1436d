/// What the server does when its memory is full: its `maxmemory-policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// A full server refuses writes and keeps every lock until it expires: what this store needs.
    NoEviction,
    /// A full server evicts keys, also locks. Contains the policy's name in Redis.
    Evicting(String),
    /// The server forbids `CONFIG` and does not report the policy in `INFO memory`.
    Unknown,
}

impl EvictionPolicy {
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "noeviction" => Self::NoEviction,
            // The log gets this text, so only text that looks like a policy's name is accepted.
            _ if (1..=32).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') =>
            {
                Self::Evicting(name.to_owned())
            }
            _ => Self::Unknown,
        }
    }

    /// Parses the reply to `INFO memory`.
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
