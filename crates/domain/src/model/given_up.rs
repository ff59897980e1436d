//! The conclusion of a call whose end no source reported.

use crate::{CallStatus, Timestamp};

/// The gateway does not ask about a call any more. The call keeps its status: a later report of its
/// end still counts, and says more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GivenUp {
    /// When.
    pub at: Timestamp,
    /// Why the end is not known.
    pub reason: GivenUpReason,
}

/// Why the end of a call is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GivenUpReason {
    /// The provider has no record of the call.
    NoRecord,
    /// The provider has a record of the call, and no end in it.
    NoEnd,
    /// The provider did not respond to the last question about the call, or refused it.
    ProviderUnavailable,
    /// No event reported the end, and this provider has no records to ask for.
    NotAsked,
}

impl GivenUpReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::NoRecord, Self::NoEnd, Self::ProviderUnavailable, Self::NotAsked];

    /// The reason's name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoRecord => "no-record",
            Self::NoEnd => "no-end",
            Self::ProviderUnavailable => "provider-unavailable",
            Self::NotAsked => "not-asked",
        }
    }

    /// Reads the name that [`GivenUpReason::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl CallStatus {
    /// The status that clients see of a call with this status that was given up: unknown, unless a
    /// report has ended the call.
    #[must_use]
    pub fn once_given_up(self) -> Self {
        if self.is_final() { self } else { Self::Unknown }
    }
}
