use std::collections::HashMap;
use std::time::SystemTime;

use domain::ports::PortUnavailable;
use domain::{ClockReading, Timestamp};

use crate::eviction::EvictionPolicy;
use crate::failure;
use crate::store::{RedisStore, add_eviction, is_ok, request, take_eviction};

/// What an operator should know of the server before calls rely on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Its clock, by which locks end.
    pub clock: ClockReading,
    /// What it does when its memory is full.
    pub eviction: EvictionPolicy,
    /// How it keeps its keys over a restart.
    pub persistence: Persistence,
    /// Whether it answers `CONFIG GET`. Hosted servers often forbid it.
    pub shows_config: bool,
}

/// How a server keeps its keys over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// By a log that is synced to disk every second or with every command.
    Log,
    /// By a log that the operating system writes when it likes.
    UnsyncedLog,
    /// By a log; the server does not say when it is synced.
    LogOfUnknownSync,
    /// Not by a log: a restart loses the newest keys, or all.
    NoLog,
    /// The server does not say.
    Unknown,
}

impl RedisStore {
    /// Reads the server's clock and settings, in one round trip. It changes nothing.
    ///
    /// # Errors
    ///
    /// The server is unavailable, or forbids `TIME`, or both `CONFIG` and `INFO`.
    pub async fn inspect(&self) -> Result<Inspection, PortUnavailable> {
        // Opens the connection, whose time is not that of the clock's answer.
        self.ping().await?;
        self.read_inspection().await
    }

    /// The same of a node of a cluster, by a store on this node alone: also of a replica, which accepts no
    /// writes. Returns `None` if the node does not see a node for each hash slot.
    ///
    /// # Errors
    ///
    /// As for a server, or the node is not one of a cluster.
    pub async fn inspect_node(&self) -> Result<Option<Inspection>, PortUnavailable> {
        let mut state = request();
        state.cmd("CLUSTER").arg("INFO");
        let state: String = self.reply(&state).await?;
        let inspection = self.read_inspection().await?;
        Ok(is_ok(&state).then_some(inspection))
    }

    async fn read_inspection(&self) -> Result<Inspection, PortUnavailable> {
        let mut request = request();
        request.cmd("TIME");
        add_eviction(&mut request);
        request.cmd("CONFIG").arg("GET").arg("appendfsync").cmd("INFO").arg("persistence");
        let asked_at = SystemTime::now().into();
        let mut replies = self.send(&request, self.deadline()).await?;
        let answered_at = SystemTime::now().into();
        let (secs, micros) = replies.take::<(i64, i64)>()?;
        let theirs = secs.checked_mul(1000).ok_or_else(failure::unexpected_reply)?;
        let theirs = Timestamp::from_unix_millis(theirs.saturating_add(micros / 1000));
        let eviction = take_eviction(&mut replies)?;
        let config = replies.take::<HashMap<String, String>>().unwrap_or_default();
        let info = replies.take::<String>().unwrap_or_default();
        let fsync = config.get("appendfsync").map(String::as_str);
        Ok(Inspection {
            clock: ClockReading { asked_at, theirs, answered_at },
            eviction,
            persistence: Persistence::of(&info, fsync),
            shows_config: fsync.is_some(),
        })
    }
}

impl Persistence {
    /// Parses the reply to `INFO persistence`, with the server's `appendfsync`.
    fn of(info: &str, fsync: Option<&str>) -> Self {
        let enabled = info.lines().find_map(|line| line.strip_prefix("aof_enabled:"));
        match (enabled.map(str::trim_end), fsync) {
            (Some("1"), Some("always" | "everysec")) => Self::Log,
            (Some("1"), Some(_)) => Self::UnsyncedLog,
            (Some("1"), None) => Self::LogOfUnknownSync,
            (Some(_), _) => Self::NoLog,
            (None, _) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_counts_if_it_is_synced() {
        let on = "# Persistence\r\nloading:0\r\naof_enabled:1\r\naof_rewrite_in_progress:0\r\n";
        let off = "# Persistence\r\naof_enabled:0\r\n";
        for (info, fsync, expected) in [
            (on, Some("always"), Persistence::Log),
            (on, Some("everysec"), Persistence::Log),
            (on, Some("no"), Persistence::UnsyncedLog),
            (on, None, Persistence::LogOfUnknownSync),
            (off, Some("everysec"), Persistence::NoLog),
            (off, None, Persistence::NoLog),
            ("", Some("everysec"), Persistence::Unknown),
        ] {
            assert_eq!(Persistence::of(info, fsync), expected, "{info} {fsync:?}");
        }
    }
}
