//! The faults that a run can inject.

mod lane;
mod network;
mod provider;

use std::time::Duration;

use fastrand::Rng;

pub(crate) use self::lane::Lane;
pub(crate) use self::network::{Broken, Link};
pub(crate) use self::provider::ProviderScript;
use super::gateway::Point;

/// One fault. What has no end of its own lasts until the schedule ends it.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// A gateway is killed, and started again at the end.
    Kill {
        gateway: usize,
    },
    /// A gateway is stopped, and continued at the end.
    Pause {
        gateway: usize,
    },
    /// A gateway is asked to stop, and started again at the end.
    Terminate {
        gateway: usize,
    },
    /// The first gateway that reaches the point is killed, and started again.
    KillAt(Point),
    /// The first gateway that reaches the point is stopped for this time.
    PauseAt(Point, Duration),
    /// The connections between a gateway and one of its neighbours fail.
    Network {
        gateway: usize,
        link: Link,
        kind: Broken,
        deliver_after_close: bool,
    },
    RedisKilled,
    RedisEmptied,
    RedisDemoted,
    /// A replica takes over. A lagging one lacks the newest keys.
    RedisFailover {
        lagging: bool,
    },
    RedisFrozen,
    RedisClock {
        seconds: i64,
    },
    PostgresKilled,
    PostgresBackendKilled,
    PostgresFrozen,
    PostgresFailover,
    PostgresFull,
    PostgresClock {
        seconds: i64,
    },
    /// The disk of the SQLite file is full.
    FileFull,
    GatewayClock {
        gateway: usize,
        seconds: i64,
    },
    /// What the provider does with the next dial to one number.
    Provider {
        slot: usize,
        script: ProviderScript,
    },
}

impl Fault {
    /// Whether it is injected into a store. All others are injected into a gateway, its connections
    /// or the simulator.
    pub(crate) fn is_of_stores(&self) -> bool {
        match self {
            Self::RedisKilled
            | Self::RedisEmptied
            | Self::RedisDemoted
            | Self::RedisFailover { .. }
            | Self::RedisFrozen
            | Self::RedisClock { .. }
            | Self::PostgresKilled
            | Self::PostgresBackendKilled
            | Self::PostgresFrozen
            | Self::PostgresFailover
            | Self::PostgresFull
            | Self::PostgresClock { .. }
            | Self::FileFull => true,
            Self::Kill { .. }
            | Self::Pause { .. }
            | Self::Terminate { .. }
            | Self::KillAt(_)
            | Self::PauseAt(..)
            | Self::Network { .. }
            | Self::GatewayClock { .. }
            | Self::Provider { .. } => false,
        }
    }

    /// How long it lasts.
    pub(crate) fn lasts(&self, rng: &mut Rng) -> Duration {
        let millis = match self {
            Self::Provider { .. } => 0..1,
            Self::PauseAt(_, pause) => return *pause + Duration::from_millis(1000),
            Self::KillAt(_) => 300..1500,
            Self::Pause { .. } => 200..8000,
            Self::RedisEmptied | Self::PostgresBackendKilled => 0..1,
            Self::Kill { .. } | Self::Terminate { .. } => 100..3000,
            Self::Network { .. } => 300..3000,
            Self::GatewayClock { .. } | Self::RedisClock { .. } | Self::PostgresClock { .. } => 1000..4000,
            Self::RedisKilled
            | Self::RedisDemoted
            | Self::RedisFailover { .. }
            | Self::RedisFrozen
            | Self::PostgresKilled
            | Self::PostgresFrozen
            | Self::PostgresFailover
            | Self::PostgresFull
            | Self::FileFull => 300..4000,
        };
        Duration::from_millis(rng.u64(millis))
    }

    /// The row of the report in which it is counted.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Kill { .. } => "gateway killed".to_owned(),
            Self::Pause { .. } => "gateway paused".to_owned(),
            Self::Terminate { .. } => "gateway terminated".to_owned(),
            Self::KillAt(point) => format!("gateway killed at {}", point.name()),
            Self::PauseAt(point, _) => format!("gateway paused at {}", point.name()),
            Self::Network { link, kind, .. } => format!("{}: {}", link.name(), kind.name()),
            Self::RedisKilled => "Redis killed".to_owned(),
            Self::RedisEmptied => "Redis emptied".to_owned(),
            Self::RedisDemoted => "Redis demoted".to_owned(),
            Self::RedisFailover { lagging: true } => "Redis failover to a lagging replica".to_owned(),
            Self::RedisFailover { lagging: false } => "Redis failover".to_owned(),
            Self::RedisFrozen => "Redis frozen".to_owned(),
            Self::RedisClock { .. } => "clock of Redis stepped".to_owned(),
            Self::PostgresKilled => "Postgres killed".to_owned(),
            Self::PostgresBackendKilled => "Postgres backend killed".to_owned(),
            Self::PostgresFrozen => "Postgres frozen".to_owned(),
            Self::PostgresFailover => "Postgres failover".to_owned(),
            Self::PostgresFull => "disk of Postgres full".to_owned(),
            Self::PostgresClock { .. } => "clock of Postgres stepped".to_owned(),
            Self::FileFull => "disk of the SQLite file full".to_owned(),
            Self::GatewayClock { .. } => "clock of a gateway stepped".to_owned(),
            Self::Provider { script, .. } => format!("provider: {}", script.name()),
        }
    }
}
