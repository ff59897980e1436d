use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{CallId, OrganizationId, Timestamp};

/// The durable inbox of provider events. An acknowledged event stays here until it is merged into
/// the ledger, and after that.
///
/// - MUST still have an accepted event after a crash of the store
///   (`an_accepted_event_survives_a_crash`).
/// - MUST accept one event of a key and report every other as known, also when many arrive at the
///   same time (`one_of_many_deliveries_is_accepted`).
/// - MUST lease each open event to one worker at a time (`an_event_is_leased_to_one_worker`), with
///   its body and the organization that it counts for (`a_leased_event_is_what_was_accepted`), and again after the lease has expired
///   (`an_abandoned_event_is_leased_again`).
/// - MUST lease events received after `recent_since` before all others, the newest first, so that
///   events that wait for their call do not delay a new one (`recent_events_are_leased_first`), and
///   the others in the order in which they are due (`waiting_events_take_turns`).
/// - MUST NOT lease a closed event (`a_closed_event_is_not_leased`), or a postponed one before it
///   is due (`a_postponed_event_waits`).
/// - MUST drop the body of an event that is closed with `ClosedBody::Dropped`, and still know its
///   key (`a_closed_event_can_leave_its_body`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_inbox_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait EventInbox: Send + Sync {
    /// Stores an event as open, unless an event with its key is stored.
    async fn accept<'a>(&self, event: &IncomingEvent<'a>) -> Result<AcceptResult, PortUnavailable>;

    /// Leases some open events. The list is in the order in which they were received.
    async fn lease(&self, lease: &InboxLease) -> Result<Vec<OpenEvent>, PortUnavailable>;

    /// Closes an event that was merged into this call, or that belongs to no call.
    async fn close(
        &self,
        key: &str,
        call_id: Option<CallId>,
        body: ClosedBody,
    ) -> Result<(), PortUnavailable>;

    /// Leaves an event open and does not lease it for `pause`.
    async fn postpone(&self, key: &str, pause: Duration) -> Result<(), PortUnavailable>;
}

/// Which open events to lease first, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxLease {
    /// Lease the events that were received after this time before all others.
    pub recent_since: Timestamp,
    /// The maximum number of events to lease.
    pub limit: u32,
    /// The time from now until the events can be leased again.
    pub lease_for: Duration,
}

/// An event as it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncomingEvent<'a> {
    /// Identifies the event: two deliveries with the same key are the same event.
    pub key: &'a str,
    /// The provider's name of its type.
    pub kind: &'a str,
    /// The body, byte for byte. It is personal data.
    pub body: &'a [u8],
    /// When it arrived.
    pub received_at: Timestamp,
    /// The organization whose own secret verified it; `None` if it was a secret of the gateway.
    pub organization_id: Option<&'a OrganizationId>,
}

/// Whether an event is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptResult {
    /// It is stored now.
    Accepted,
    /// It was stored before.
    Known,
}

/// What happens to the body of a closed event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBody {
    /// It stays.
    Kept,
    /// It is removed: it is large, and its content is stored elsewhere.
    Dropped,
}

/// An event that is not merged into the ledger yet.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenEvent {
    /// Its key.
    pub key: String,
    /// Its body.
    pub body: Vec<u8>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The organization whose own secret verified it: the event counts for its calls only.
    pub organization_id: Option<OrganizationId>,
}

impl std::fmt::Debug for OpenEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenEvent")
            .field("key", &self.key)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}
