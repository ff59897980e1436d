//! What a report does to a call, as functions of what is stored. A store calls them, so that no
//! rule is repeated in SQL.

use crate::{CallEventKind, CallStatus, DialOutcome};

impl CallStatus {
    /// The status of a call that had this status before it was reported with `reported`, and the
    /// events to write, in order. It agrees with
    /// [`CallProgress::merge`](crate::CallProgress::merge).
    #[must_use]
    pub fn merge(self, reported: Self) -> (Self, Vec<CallEventKind>) {
        let merged = self.max(reported);
        (merged, CallEventKind::between(self, merged))
    }
}

impl DialOutcome {
    /// Whether the provider is known to have dialled. Only such an outcome can replace an unknown
    /// one: a phone that may have rung cannot become one that was not dialled. Duplicates are
    /// answered from it.
    #[must_use]
    pub const fn was_dialled(&self) -> bool {
        matches!(self, Self::Placed(_) | Self::NotConnected { .. })
    }
}

#[cfg(test)]
mod tests;
