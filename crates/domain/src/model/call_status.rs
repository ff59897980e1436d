//! Where a call stands, as clients read it.

/// Where a call stands, in the order of how much is known of it. Two accounts of one call are merged by taking the greater,
/// so that it never goes backward and ends the same in whatever order they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallStatus {
    /// It is booked and may be dialled at any moment.
    Initiated,
    /// The provider says that the phone rings.
    Ringing,
    /// Nobody can say yet whether the phone rang.
    Unknown,
    /// The provider placed it.
    InProgress,
    /// It came to nothing, for a reason that says no more.
    Failed,
    /// Nobody answered.
    NoAnswer,
    /// The line was busy, or the callee declined.
    Busy,
    /// It was answered and has ended.
    Completed,
}

impl CallStatus {
    /// Every status, from the least to the greatest.
    pub const ALL: [Self; 8] = [
        Self::Initiated,
        Self::Ringing,
        Self::Unknown,
        Self::InProgress,
        Self::Failed,
        Self::NoAnswer,
        Self::Busy,
        Self::Completed,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::Unknown => "unknown",
            Self::InProgress => "in-progress",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Busy => "busy",
            Self::Completed => "completed",
        }
    }

    /// Reads the name that [`CallStatus::as_str`] gives.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The place in [`CallStatus::ALL`]: what stores compare.
    #[must_use]
    pub const fn rank(self) -> u8 {
        self as u8
    }

    /// The status at a place of [`CallStatus::ALL`].
    #[must_use]
    pub fn from_rank(rank: u8) -> Option<Self> {
        Self::ALL.get(usize::from(rank)).copied()
    }

    /// Whether somebody answered.
    #[must_use]
    pub fn was_answered(self) -> bool {
        matches!(self, Self::InProgress | Self::Completed)
    }

    /// Whether nothing more is to be expected.
    #[must_use]
    pub fn is_final(self) -> bool {
        self >= Self::Failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ranks_are_read_back_and_sorted() {
        for (rank, status) in CallStatus::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(status.rank()), rank);
            assert_eq!(CallStatus::from_rank(status.rank()), Some(status));
            assert_eq!(CallStatus::from_name(status.as_str()), Some(status));
        }
        assert!(CallStatus::ALL.is_sorted());
    }
}
