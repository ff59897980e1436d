//! Compares what a run left behind with what was promised.

mod dials;
mod events;
mod holds;
mod ledger;
mod replies;

use std::fmt;

pub(crate) use self::holds::watched_locks;
pub(crate) use self::ledger::has_ended;
use super::evidence::Evidence;

/// One promise that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) text: String,
}

/// What holds on every history, with faults or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Invariant {
    /// No phone rings for an intent while another one rings for it or its result is held.
    OneDialInTheWindow,
    /// A phone rings only while its call holds the lock, as far as the lock's store works, and the
    /// reservation.
    HeldWhileRinging,
    /// A lock or reservation changes its owner only when the owner has finished.
    FreedByTheOwner,
    /// A duplicate gets the ids of an earlier call of its intent, and causes no dial.
    DuplicatesRepeat,
    /// Each response has a documented status and the documented envelope.
    DocumentedResponses,
    /// Every dial is in the ledger, and every call gets an end.
    LedgerIsComplete,
    /// A refused request causes no dial.
    RefusedIsNotDialled,
    /// After the last fault, every intent can be called again.
    Recovers,
    /// No organization sees anything of another one, and no log has personal data.
    Separate,
    /// A gateway has at most as many calls in flight as its setting allows.
    Bounded,
    /// Every event arrives: streams have each once and in order, receivers at least once.
    EventsArrive,
    /// A gateway ends only when a signal ends it.
    KeepsRunning,
}

impl Invariant {
    pub(crate) const ALL: [Self; 12] = [
        Self::OneDialInTheWindow,
        Self::HeldWhileRinging,
        Self::FreedByTheOwner,
        Self::DuplicatesRepeat,
        Self::DocumentedResponses,
        Self::LedgerIsComplete,
        Self::RefusedIsNotDialled,
        Self::Recovers,
        Self::Separate,
        Self::Bounded,
        Self::EventsArrive,
        Self::KeepsRunning,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneDialInTheWindow => "I1 one dial in the window",
            Self::HeldWhileRinging => "I2 held while ringing",
            Self::FreedByTheOwner => "I3 freed by the owner only",
            Self::DuplicatesRepeat => "I4 duplicates repeat an earlier call",
            Self::DocumentedResponses => "I5 documented responses",
            Self::LedgerIsComplete => "I6 the ledger is complete",
            Self::RefusedIsNotDialled => "I7 a refused request is not dialled",
            Self::Recovers => "I8 recovers after the last fault",
            Self::Separate => "I9 organizations are separate",
            Self::Bounded => "I10 calls in flight are bounded",
            Self::EventsArrive => "every event arrives",
            Self::KeepsRunning => "gateways keep running",
        }
    }

    /// Whether it can be judged before calls have their end and events have arrived.
    pub(crate) const fn is_of_calls(self) -> bool {
        matches!(
            self,
            Self::OneDialInTheWindow
                | Self::HeldWhileRinging
                | Self::FreedByTheOwner
                | Self::DuplicatesRepeat
                | Self::RefusedIsNotDialled
        )
    }

    fn broken(self, text: impl Into<String>) -> Violation {
        Violation { invariant: self, text: text.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant.name(), self.text)
    }
}

/// Every promise that the run broke.
pub(crate) fn check(evidence: &Evidence) -> Vec<Violation> {
    [dials::check, holds::check, replies::check, ledger::check, events::check]
        .iter()
        .flat_map(|check| check(evidence))
        .collect()
}
