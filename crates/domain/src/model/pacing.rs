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

    /// The next slot of a call, from the slots that are taken in each scope that it belongs to: the
    /// earliest time that keeps the interval of every scope before and after it. A slot that is taken
    /// far ahead, because its caller number has to wait, keeps no other call of its trunk from an
    /// earlier one.
    #[must_use]
    pub fn next<'a>(
        now: Timestamp,
        taken: impl IntoIterator<Item = (&'a Pace, Option<&'a TakenSlots>)>,
        longest_wait: Duration,
    ) -> Self {
        let scopes: Vec<_> = taken
            .into_iter()
            .filter_map(|(pace, taken)| Some((pace, taken.filter(|taken| taken.counts(now))?)))
            .collect();
        let mut opens = now;
        loop {
            let later = scopes.iter().fold(opens, |at, (pace, taken)| taken.free_from(at, pace));
            if later == opens {
                break;
            }
            opens = later;
        }
        let wait = opens.since(now);
        if wait > longest_wait { Self::Beyond(wait) } else { Self::In(wait) }
    }
}

/// The slots of a scope that are taken, as far as they matter for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenSlots {
    /// The last one.
    pub last: Timestamp,
    /// The times before the last one in which slots may begin, in their order.
    pub gaps: Vec<Gap>,
}

/// A time in which slots may begin, between two that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first moment at which one may begin.
    pub from: Timestamp,
    /// The last one.
    pub until: Timestamp,
}

impl TakenSlots {
    /// These slots and one more, which [`Slot::next`] has found.
    #[must_use]
    pub fn with(before: Option<&Self>, slot: Timestamp, pace: &Pace, now: Timestamp) -> Self {
        let interval = pace.in_whole_millis();
        let before = before.filter(|before| before.counts(now));
        let free_from = before.map_or(now, |before| before.last.after(interval)).max(now);
        let (last, behind) = match before {
            Some(before) if slot < free_from => (before.last, None),
            _ => (slot, Some(Gap { from: free_from, until: slot.before(interval) })),
        };
        let split = |gap: &Gap| {
            let Gap { from, until } = Gap { from: gap.from.max(now), ..*gap };
            if (from..=until).contains(&slot) {
                vec![Gap { from, until: slot.before(interval) }, Gap { from: slot.after(interval), until }]
            } else {
                vec![Gap { from, until }]
            }
        };
        let gaps = before.into_iter().flat_map(|before| &before.gaps).flat_map(split).chain(behind);
        Self { last, gaps: gaps.filter(|gap| gap.from <= gap.until).collect() }
    }

    fn counts(&self, now: Timestamp) -> bool {
        self.last.since(now) <= Slot::FARTHEST
    }

    /// The first moment from `at` on at which a slot may begin.
    fn free_from(&self, at: Timestamp, pace: &Pace) -> Timestamp {
        let behind_all = self.last.after(pace.in_whole_millis());
        let gap = self.gaps.iter().find(|gap| gap.until >= at).filter(|_| at < behind_all);
        gap.map_or(behind_all, |gap| gap.from).max(at)
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
