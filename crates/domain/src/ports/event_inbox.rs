use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallId, Timestamp};

/// The durable inbox of the provider's events: what was acknowledged is here until it is in the books, and stays.
///
/// - MUST have an accepted event still when the store comes back from a crash (`an_accepted_event_survives_a_crash`).
/// - MUST accept one event of a key, and say of every other that it is known, also when many come at once
///   (`one_of_many_deliveries_is_accepted`).
/// - MUST hand out each open event to one claimant at a time (`an_event_is_leased_to_one_worker`), whole, with its body
///   (`a_leased_event_is_what_was_accepted`), and again when the lease has run out (`an_abandoned_event_is_leased_again`).
/// - MUST NOT hand out an event that was closed (`a_closed_event_is_not_leased`), or postponed, before its time
///   (`a_postponed_event_waits`).
/// - MUST drop the body of an event that is closed so, and know the event still (`a_closed_event_can_leave_its_body`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_inbox_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait EventInbox: Send + Sync {
    /// Stores an event, open from now on, unless one with its key is stored.
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable>;

    /// Takes some open events, oldest first, for `lease` from now.
    async fn lease(&self, limit: u32, lease_for: Duration) -> Result<Vec<OpenEvent>, PortUnavailable>;

    /// Closes an event: it is in the books of this call, or of none.
    async fn close(
        &self,
        key: &str,
        call_id: Option<CallId>,
        body: ClosedBody,
    ) -> Result<(), PortUnavailable>;

    /// Leaves an event open, and alone for this long: nobody knows its call yet.
    async fn postpone(&self, key: &str, pause: Duration) -> Result<(), PortUnavailable>;
}

/// An event as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncomingEvent<'a> {
    /// What makes two deliveries the same event: its type and conversation.
    pub key: &'a str,
    /// The provider's name of its type.
    pub kind: &'a str,
    /// The body, byte for byte. It is personal data.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
}

/// What accepting came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptResult {
    /// It is stored.
    Accepted,
    /// It was stored before.
    Known,
}

/// What becomes of a closed event's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBody {
    /// It stays, for whoever wants to know what was told.
    Kept,
    /// It goes: all that it told is kept elsewhere, and it is large.
    Dropped,
}

/// An event that is not in the books yet.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenEvent {
    /// Its key.
    pub key: String,
    /// Its body.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
}

impl std::fmt::Debug for OpenEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenEvent")
            .field("key", &self.key)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}
