use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::{
    CallId, CallReference, CallStatus, IdempotencyKey, IntentKey, KeyedRequest, NotConnectedReason,
    RequestDigest, UserId,
};

/// The idempotency keys of clients, each with the call that answers its request. They are in the
/// store of the [`CallLedger`](super::CallLedger), which writes a key with its call and removes it if
/// the call was not dialled.
///
/// A key belongs to one user. It is stored as a hash.
///
/// - MUST have the key of a booking with the call, its digest and the rest of its reservation
///   (`a_key_is_booked_with_its_call`), and MUST NOT write it if the booking is blocked
///   (`a_blocked_booking_writes_no_key`).
/// - MUST refuse a booking whose key has a call with *key taken*, and write neither its call nor its
///   reservation (`a_taken_key_refuses_the_booking`): of many concurrent bookings with one key and
///   different intents exactly one is recorded, and no other booking fails because of them
///   (`one_of_many_bookings_with_one_key_is_recorded`).
/// - MUST write the key and count the attempt of a booking together or not at all
///   (`keys_and_attempts_are_written_together`,
///   `one_of_many_capped_bookings_with_one_key_counts`). Its taken key refuses a booking before a cap.
/// - MUST NOT find a key of another user, and let each user use it (`a_key_belongs_to_its_user`).
/// - MUST find what the dial and later reports say of the call
///   (`the_call_of_a_key_is_found_as_it_is_now`).
/// - MUST remove the key in the step that settles its call as *not dialled*
///   (`a_call_that_was_not_dialled_frees_its_idempotency_key`), and no other key
///   (`only_calls_that_were_not_dialled_free_their_keys`).
/// - MUST bind a key that has no call to an earlier call of its user, and otherwise change nothing and
///   return the call that has it (`a_key_is_bound_to_an_earlier_call`).
/// - MUST remove keys whose calls reached their last status so long ago, no more than the limit, and no
///   other ones, however old they are (`keys_of_ended_calls_are_removed`).
/// - MUST still have the keys after a crash of the store (`the_keys_survive_a_crash`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`lost_keys_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// Finds the call of a key of this user. One round trip, beside that of the parties.
    async fn find(&self, user: &UserId, key: &IdempotencyKey) -> Result<Option<KeyedCall>, PortUnavailable>;

    /// Binds a key to a call that exists. Returns `None`, or the call that has the key already: after a
    /// lost response it may be the same call.
    async fn bind<'a>(&self, binding: &KeyBinding<'a>) -> Result<Option<KeyedCall>, PortUnavailable>;

    /// Removes at most `limit` keys whose calls reached their last status, or were given up, at least
    /// `ended_for` ago, by the store's own clock, and returns how many. The calls stay.
    async fn remove_ended(&self, ended_for: Duration, limit: u32) -> Result<u64, PortUnavailable>;
}

/// A key, and the earlier call that answers its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyBinding<'a> {
    /// The user whose key it is, and whose call.
    pub user: &'a UserId,
    /// The key, and what its request says.
    pub request: &'a KeyedRequest,
    /// The call.
    pub call_id: &'a CallId,
    /// The intent of the call.
    pub intent: &'a IntentKey,
}

/// The call that a key belongs to, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedCall {
    /// What the request with the key said.
    pub digest: RequestDigest,
    /// The ids of the call.
    pub reference: CallReference,
    /// What is known of the dial.
    pub dial: KeyedDial,
    /// The greatest status that was reported.
    pub status: CallStatus,
    /// Why the callee was not connected, by the dial or else by a report.
    pub failure: Option<NotConnectedReason>,
}

/// What the ledger has of the dial of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyedDial {
    /// It is not settled.
    Dialling {
        /// How long its reservation still holds, by the store's own clock. `None` if it has expired.
        reserved_for: Option<Duration>,
    },
    /// Its outcome is unknown.
    Unknown,
    /// The call was placed.
    Placed,
    /// The callee was not connected.
    NotConnected,
}
