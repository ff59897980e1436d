//! What a search may do: how many faults of which kind, and which part of the design is removed.

use crate::mutants::Mutant;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A process dies, at any point of a request or between two.
    Crash,
    /// A process is not scheduled while time passes.
    Pause,
    /// Redis loses every lock.
    LostRedis,
    /// Redis is unavailable, or one command or its reply is lost or late.
    RedisDown,
    /// Postgres is unavailable, or one statement or its reply is lost or late.
    PostgresDown,
    /// The provider acts late, but within the answer margin; or its answer is lost or never comes.
    SlowProvider,
    /// The clock of one store, or of the host of both, is set forward or back.
    ClockStep,
}

/// What the design does not promise. A search passes over two dials that one of these explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    PausedBeforeTheSend,
    ProviderActsLate,
    PhoneRingsLonger,
    BothClocksSetForward,
    ReservationClockSetForwardWithoutLock,
}

impl Limit {
    pub(crate) const ALL: [Self; 5] = [
        Self::PausedBeforeTheSend,
        Self::ProviderActsLate,
        Self::PhoneRingsLonger,
        Self::BothClocksSetForward,
        Self::ReservationClockSetForwardWithoutLock,
    ];

    /// The limit as operators read it.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::PausedBeforeTheSend => {
                "a process is paused between its last check and the write to the socket"
            }
            Self::ProviderActsLate => "the provider acts on a dial later than the answer margin allows",
            Self::PhoneRingsLonger => {
                "a provider that answers before the ring lets the phone ring for longer than the ringing timeout"
            }
            Self::BothClocksSetForward => {
                "the clocks of Redis and Postgres are set forward, the next request reaches another process, and \
                 the provider's records do not show that the phone rings for a call without an outcome"
            }
            Self::ReservationClockSetForwardWithoutLock => {
                "the clock of Postgres is set forward, another fault has taken the lock or the lock has ended after \
                 an unknown outcome, the next request reaches another process, and the provider's records do not \
                 show that the phone rings for a call without an outcome"
            }
        }
    }
}

/// The bounds of one search.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// Each fault may happen as often as it is listed.
    pub(crate) faults: Vec<Fault>,
    /// The part of the design that is missing.
    pub(crate) mutant: Option<Mutant>,
    /// The limit whose counterexample is searched for.
    pub(crate) limit: Option<Limit>,
    /// Whether the provider has records of its calls; `None` tries both.
    pub(crate) records: Option<bool>,
    /// Whether every promise is checked, or only how close two dials are.
    pub(crate) checks_all: bool,
}

impl Scope {
    /// The whole design under these faults.
    pub(crate) fn of(faults: &[Fault]) -> Self {
        Self { faults: faults.to_vec(), mutant: None, limit: None, records: None, checks_all: true }
    }

    /// How often this fault may happen.
    pub(crate) fn allows(&self, fault: Fault) -> usize {
        self.faults.iter().filter(|allowed| **allowed == fault).count()
    }
}
