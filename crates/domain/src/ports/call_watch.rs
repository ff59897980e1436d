use std::time::Duration;

use crate::{RateLimit, RefusalCode};

/// Sees how the requests for calls end that do not dial, and how long calls wait, for metrics.
///
/// It is called on the way to the response: an implementation does no I/O and waits for nothing.
pub trait CallWatch: Send + Sync {
    /// A request did not dial, because an earlier call has its intent or its idempotency key.
    fn duplicate(&self, found_by: FoundBy);

    /// A request was refused because the call may not be made, for these reasons.
    fn refused(&self, codes: &[RefusalCode]);

    /// A request was refused because calls start too fast or there are too many.
    fn rate_limited(&self, limit: RateLimit);

    /// A booked call with a pace waited so long for its slot, or until it was withdrawn.
    fn waited(&self, time: Duration);
}

/// Where the earlier call of a duplicate was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// In the lock, or by a look at what holds the intent before a refusal.
    Lock,
    /// By the request's idempotency key.
    Key,
    /// In the reservation of the ledger: the lock had been lost.
    Ledger,
    /// In this process, which dials the intent or holds its result: both stores had let it pass.
    InFlight,
    /// In the ledger or in this process, which hold the intent of a call of unknown outcome for longer
    /// than its lock.
    Undecided,
}
