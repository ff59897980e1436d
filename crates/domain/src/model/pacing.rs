//! How fast calls start, and how many there are at the same time.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Carrier, ProviderNumberId, Timestamp, TrunkId};

/// Whose calls start one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PaceScope {
    /// Those over a trunk.
    Trunk(TrunkId),
    /// Those from a caller number, by the voice provider's id of it.
    Number(ProviderNumberId),
}

/// How fast the calls of a scope start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The scope.
    pub scope: PaceScope,
    /// The least time between two slots of the scope, in whole microseconds.
    pub interval: Duration,
}

impl Pace {
    /// Nine tenths of what the carrier allows: its clock and the network between are not ours, and it
    /// refuses a call too many as if the callee declined.
    #[must_use]
    pub fn of_trunk(id: TrunkId, calls_per_second: u32) -> Self {
        let interval = Duration::from_micros(10_000_000_u64.div_ceil(9 * u64::from(calls_per_second.max(1))));
        Self { scope: PaceScope::Trunk(id), interval }
    }

    /// So many calls of a caller number in a minute, evenly.
    #[must_use]
    pub fn of_number(id: ProviderNumberId, calls_per_minute: NonZeroU32) -> Self {
        let interval = Duration::from_micros(60_000_000_u64.div_ceil(calls_per_minute.get().into()));
        Self { scope: PaceScope::Number(id), interval }
    }

    /// The interval for a store that counts whole milliseconds.
    #[must_use]
    pub fn in_whole_millis(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.interval.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
    }
}

/// When a call may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// After this time. The slot is taken.
    In(Duration),
    /// Only after this time, which is more than the longest wait. Nothing is taken.
    Beyond(Duration),
}

impl Slot {
    /// No slot is further ahead. One that seems to be was taken before the clock of the store was set
    /// back, and does not count.
    pub const FARTHEST: Duration = Duration::from_mins(1);

    /// The next slot of a call, from the last one of each scope that it belongs to: the earliest time
    /// that keeps the interval of every scope. This is the generic cell rate algorithm with a burst of
    /// one call.
    #[must_use]
    pub fn next<'a>(
        now: Timestamp,
        last: impl IntoIterator<Item = (&'a Pace, Option<Timestamp>)>,
        longest_wait: Duration,
    ) -> Self {
        let free_from = |(pace, last): (&Pace, Option<Timestamp>)| {
            let last = last.filter(|last| last.since(now) <= Self::FARTHEST)?;
            Some(last.after(pace.in_whole_millis()))
        };
        let opens = last.into_iter().filter_map(free_from).fold(now, Timestamp::max);
        let wait = opens.since(now);
        if wait > longest_wait { Self::Beyond(wait) } else { Self::In(wait) }
    }
}

/// What the directory and the ledger have about the pace of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PacingFacts {
    /// The trunks, at most one of each carrier. The numbers of the carrier that are on the trunk are
    /// on this one.
    pub trunks: Vec<TrunkFacts>,
    /// The calls of the organization that have not ended, if they were counted.
    pub organization_calls: Option<u32>,
}

/// A carrier's trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkFacts {
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's id of the trunk.
    pub id: TrunkId,
    /// How many calls may start on it in a second.
    pub calls_per_second: u32,
    /// The calls over it that have not ended, of all organizations, if they were counted.
    pub calls: Option<u32>,
}

/// A limit that keeps a call from starting now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateLimit {
    /// The pace of the trunk or of the caller number.
    #[error("too many calls start from the caller number or over its trunk")]
    Pace,
    /// The calls of the organization at the same time.
    #[error("the organization has as many calls as it may have at the same time")]
    OrganizationCalls,
    /// The calls over the trunk at the same time.
    #[error("the trunk has as many calls as it may have at the same time")]
    TrunkCalls,
}

#[cfg(test)]
mod tests;
