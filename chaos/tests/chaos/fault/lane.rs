use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;

use super::{Broken, Fault, Link, ProviderScript};
use crate::gateway::Point;
use crate::intents::SLOTS;
use crate::topology::{Storage, Topology};

/// Faults of one lane do not overlap; those of different lanes do.
///
/// The clock of one store is stepped at a time, and only while gateways and the provider fail: a clock step
/// together with the loss of the lock is a documented limit.
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
    /// A gateway that has a lock is stopped for longer than the lock lasts, while the others run.
    LateOwners,
}

impl Lane {
    /// The lanes of a run that judges only calls: faults after which a mutant does harm, and few that
    /// excuse it.
    pub(crate) const OF_CALLS: [Self; 4] = [Self::LateOwners, Self::Network, Self::Provider, Self::Provider];

    /// The lanes of a topology. Two links, and two of several gateways, can fail at the same time.
    pub(crate) fn of(topology: Topology) -> Vec<Self> {
        let mut lanes =
            vec![Self::Processes, Self::Points, Self::Network, Self::Network, Self::Clocks, Self::Provider];
        if topology.replicas > 1 {
            lanes.push(Self::Processes);
        }
        match topology.storage {
            Storage::File => lanes.push(Self::File),
            Storage::Services => lanes.extend([Self::Redis, Self::Postgres]),
        }
        lanes
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
            Self::LateOwners => 100..500,
            Self::Clocks => 500..2000,
            Self::Processes | Self::Network | Self::File => 1000..7000,
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
            Self::LateOwners => Fault::PauseAt(Point::AfterLock, Duration::from_millis(rng.u64(1800..2800))),
            Self::Network => {
                let links: &[Link] = match topology.storage {
                    Storage::File => &[Link::Clients, Link::Provider],
                    Storage::Services => &[Link::Clients, Link::Provider, Link::Database, Link::Lock],
                };
                let link = links[rng.usize(..links.len())];
                let kind = match Broken::ALL[rng.usize(..Broken::ALL.len())] {
                    // A dial that is held for longer than its reservation is a documented limit.
                    Broken::Held if link == Link::Provider => Broken::Delayed,
                    kind => kind,
                };
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
