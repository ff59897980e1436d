//! The faults that a run can inject.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use simulator::{Behaviour, CallOutcome, ScriptedBehaviour, WebhookScript};

use super::gateway::Point;
use super::intents::SLOTS;
use super::topology::{Storage, Topology};

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

/// Who is at the other end of a gateway's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Clients,
    Database,
    Lock,
    Provider,
}

/// How connections fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    Refused,
    Delayed,
    AnswersDropped,
    ResetBefore,
    ResetAfter,
    Cut,
    Trickled,
    Swallowed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProviderScript {
    Busy,
    NoAnswer,
    Rejects,
    TooManyRequests,
    ServerError,
    Cut,
    Reset,
    Html,
    Late,
    Never,
    WithoutIds,
    EventsTwice,
    EventsFirst,
    EventsLost,
    EventsOutOfOrder,
}

/// Faults of one lane do not overlap; those of different lanes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Processes,
    Points,
    Network,
    Redis,
    Postgres,
    File,
    Clocks,
    Provider,
}

impl Lane {
    pub(crate) fn of(topology: Topology) -> Vec<Self> {
        match topology.storage {
            Storage::File => {
                vec![Self::Processes, Self::Points, Self::Network, Self::File, Self::Clocks, Self::Provider]
            }
            Storage::Services => vec![
                Self::Processes,
                Self::Points,
                Self::Network,
                Self::Redis,
                Self::Postgres,
                Self::Clocks,
                Self::Provider,
            ],
        }
    }

    pub(crate) fn is_of_stores(self) -> bool {
        matches!(self, Self::Redis | Self::Postgres | Self::File | Self::Clocks)
    }

    pub(crate) fn steps_clocks(self) -> bool {
        self == Self::Clocks
    }

    /// Whether its faults may accompany both a step of a clock and any other fault.
    pub(crate) fn fits_every_phase(self) -> bool {
        matches!(self, Self::Processes | Self::Provider)
    }

    /// The pause before each fault.
    pub(crate) fn pauses_ms(self) -> Range<u64> {
        match self {
            Self::Provider => 100..2000,
            Self::Points => 100..1200,
            Self::Clocks => 500..2000,
            Self::Processes | Self::Network | Self::File => 500..5000,
            Self::Redis | Self::Postgres => 1500..7000,
        }
    }

    pub(crate) fn draw(self, rng: &mut Rng, topology: Topology) -> Fault {
        let gateway = rng.usize(..topology.replicas);
        let seconds = if rng.bool() { 5 } else { -5 };
        match self {
            Self::Processes => match rng.u8(..5) {
                0 | 1 => Fault::Kill { gateway },
                2 | 3 => Fault::Pause { gateway },
                _ => Fault::Terminate { gateway },
            },
            Self::Points => {
                let point = Point::ALL[rng.usize(..Point::ALL.len())];
                match rng.u8(..4) {
                    0 | 1 => Fault::KillAt(point),
                    // A pause between the last check and the send must end before the phone could
                    // ring longer than the reservation holds: a documented limit.
                    2 => {
                        let longest = if point == Point::BeforeSend { 1000 } else { 7000 };
                        Fault::PauseAt(point, Duration::from_millis(rng.u64(200..longest)))
                    }
                    // For longer than the lock's TTL: another request gets the lock meanwhile.
                    _ => Fault::PauseAt(Point::AfterLock, Duration::from_millis(rng.u64(1100..2200))),
                }
            }
            Self::Network => {
                let links: &[Link] = match topology.storage {
                    Storage::File => &[Link::Clients, Link::Provider],
                    Storage::Services => &[Link::Clients, Link::Provider, Link::Database, Link::Lock],
                };
                let link = links[rng.usize(..links.len())];
                let kind = Broken::ALL[rng.usize(..Broken::ALL.len())];
                Fault::Network { gateway, link, kind, deliver_after_close: rng.bool() }
            }
            Self::Redis => match rng.u8(..6) {
                0 => Fault::RedisKilled,
                1 => Fault::RedisEmptied,
                2 => Fault::RedisDemoted,
                3 => Fault::RedisFrozen,
                4 => Fault::RedisFailover { lagging: true },
                _ => Fault::RedisFailover { lagging: false },
            },
            Self::Postgres => match rng.u8(..5) {
                0 => Fault::PostgresKilled,
                1 => Fault::PostgresBackendKilled,
                2 => Fault::PostgresFrozen,
                3 => Fault::PostgresFailover,
                _ => Fault::PostgresFull,
            },
            Self::File => Fault::FileFull,
            Self::Clocks => match (topology.storage, rng.u8(..3)) {
                (Storage::File, _) | (_, 0) => Fault::GatewayClock { gateway, seconds },
                (_, 1) => Fault::RedisClock { seconds },
                _ => Fault::PostgresClock { seconds },
            },
            Self::Provider => {
                let script = ProviderScript::ALL[rng.usize(..ProviderScript::ALL.len())];
                Fault::Provider { slot: rng.usize(..SLOTS), script }
            }
        }
    }
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

impl Link {
    fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients to gateway",
            Self::Database => "gateway to Postgres",
            Self::Lock => "gateway to Redis",
            Self::Provider => "gateway to provider",
        }
    }
}

impl Broken {
    const ALL: [Self; 8] = [
        Self::Refused,
        Self::Delayed,
        Self::AnswersDropped,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::Cut,
        Self::Trickled,
        Self::Swallowed,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Delayed => "delayed",
            Self::AnswersDropped => "answers dropped",
            Self::ResetBefore => "reset before the request",
            Self::ResetAfter => "reset after the request",
            Self::Cut => "answers cut",
            Self::Trickled => "answers trickled",
            Self::Swallowed => "swallowed",
        }
    }
}

impl ProviderScript {
    const ALL: [Self; 15] = [
        Self::Busy,
        Self::NoAnswer,
        Self::Rejects,
        Self::TooManyRequests,
        Self::ServerError,
        Self::Cut,
        Self::Reset,
        Self::Html,
        Self::Late,
        Self::Never,
        Self::WithoutIds,
        Self::EventsTwice,
        Self::EventsFirst,
        Self::EventsLost,
        Self::EventsOutOfOrder,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::NoAnswer => "no answer",
            Self::Rejects => "rejects",
            Self::TooManyRequests => "too many requests",
            Self::ServerError => "5xx",
            Self::Cut => "response cut",
            Self::Reset => "reset",
            Self::Html => "HTML of a proxy",
            Self::Late => "late",
            Self::Never => "no response",
            Self::WithoutIds => "response without ids",
            Self::EventsTwice => "events twice",
            Self::EventsFirst => "events before the response",
            Self::EventsLost => "events lost",
            Self::EventsOutOfOrder => "events out of order",
        }
    }

    /// What the simulator does with the next dial to this number.
    pub(crate) fn for_number(self, number: &str) -> ScriptedBehaviour {
        let answer = Behaviour::Answer { after_ms: 700 };
        let (behaviour, webhook) = match self {
            Self::Busy => (Behaviour::Busy { after_ms: 600 }, WebhookScript::default()),
            Self::NoAnswer => (Behaviour::NoAnswer { after_ms: 1900 }, WebhookScript::default()),
            Self::Rejects => (Behaviour::http_error(402), WebhookScript::default()),
            Self::TooManyRequests => (Behaviour::http_error(429), WebhookScript::default()),
            Self::ServerError => (Behaviour::http_error(503), WebhookScript::default()),
            Self::Cut => (Behaviour::TruncatedBody, WebhookScript::default()),
            Self::Reset => (Behaviour::ResetConnection, WebhookScript::default()),
            Self::Html => (Behaviour::ForeignHtml { status: 200 }, WebhookScript::default()),
            Self::Late => (Behaviour::Answer { after_ms: 1950 }, WebhookScript::default()),
            Self::Never => (Behaviour::Hang, WebhookScript::default()),
            Self::WithoutIds => (Behaviour::SuccessWithoutIds, WebhookScript::default()),
            Self::EventsTwice => (answer, WebhookScript { duplicate: true, ..WebhookScript::default() }),
            Self::EventsFirst => (answer, WebhookScript { before_answer: true, ..WebhookScript::default() }),
            Self::EventsLost => (answer, WebhookScript { dropped: true, ..WebhookScript::default() }),
            Self::EventsOutOfOrder => {
                (answer, WebhookScript { out_of_order: true, ..WebhookScript::default() })
            }
        };
        let script = ScriptedBehaviour::new(behaviour).to(number).times(1).webhook(webhook);
        match self {
            // Otherwise the provider would say for ever that the phone rings.
            Self::Never => script.call(CallOutcome::Answered),
            _ => script,
        }
    }
}
