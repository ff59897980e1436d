//! The status of a call, as clients read it.

/// The status of a call, ordered by how much is known. Of two reports about a call the greater
/// status wins, so that a status never decreases and the order of reports does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallStatus {
    /// The call is booked and may be dialled at any moment.
    Initiated,
    /// The provider reports that the phone rings.
    Ringing,
    /// It is not known whether the phone rang. Clients see it also of a call that was given up.
    Unknown,
    /// The provider placed the call.
    InProgress,
    /// The call failed, and the reason says no more.
    Failed,
    /// The callee did not answer.
    NoAnswer,
    /// The line was busy, or the callee declined.
    Busy,
    /// The call was answered and has ended.
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

    /// Reads the name that [`CallStatus::as_str`] returns.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The index in [`CallStatus::ALL`]: what stores compare.
    #[must_use]
    pub const fn rank(self) -> u8 {
        self as u8
    }

    /// The status at an index of [`CallStatus::ALL`].
    #[must_use]
    pub fn from_rank(rank: u8) -> Option<Self> {
        Self::ALL.get(usize::from(rank)).copied()
    }

    /// Whether the callee answered.
    #[must_use]
    pub fn was_answered(self) -> bool {
        matches!(self, Self::InProgress | Self::Completed)
    }

    /// Each status of a call whose callee was not connected.
    pub const NOT_CONNECTED: [Self; 3] = [Self::Failed, Self::NoAnswer, Self::Busy];

    /// Whether the call has ended.
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
