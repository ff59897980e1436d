use std::time::Duration;

use async_trait::async_trait;

use super::{HoldResult, PortUnavailable};
use crate::{Booking, CallId, CallStatus, DialOutcome, IntentKey, OwnerToken, Timestamp};

/// The durable books, and the durable guard that stands behind the lock.
///
/// A guard blocks one key until a moment that the store reckons by its own clock, so that replicas whose clocks differ
/// agree. Booking takes the guard and writes the call in one atomic step.
///
/// - MUST write call and guard together or not at all (`a_booked_call_is_in_the_ledger`, `a_blocked_booking_writes_nothing`).
/// - MUST record exactly one of many bookings of one key (`one_of_many_bookings_of_one_key_is_recorded`).
/// - MUST answer *in flight*, with the time that is left, from a call that is dialling or whose outcome is unknown
///   (`a_call_in_flight_blocks_its_key`, `an_unknown_outcome_blocks_its_key_to_the_end`).
/// - MUST answer the result of a settled call, ids and reason alike, as long as its guard holds
///   (`a_settled_call_answers_duplicates`), and let the key go after that (`a_settled_call_frees_its_key_after_its_time`).
/// - MUST let a guard that has run out be taken over (`an_expired_reservation_is_taken_over`).
/// - MUST free the guard of a call that was not dialled at once (`a_call_that_was_not_dialled_frees_its_key`).
/// - MUST settle a guard by its own token alone, the call being settled all the same (`only_its_own_token_settles_a_reservation`).
/// - MUST NOT shorten the guard of an unknown outcome (`an_unknown_outcome_blocks_its_key_to_the_end`).
/// - MUST NOT move a call backward: the first settlement stands, and settling twice is no error
///   (`a_settled_call_stays_settled`).
/// - MUST leave other keys alone (`reservations_do_not_affect_each_other`).
/// - MUST have it all still when the store comes back from a crash (`the_ledger_survives_a_crash`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_ledger_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CallLedger: Send + Sync {
    /// Takes the key's guard and writes the call as dialling: the last step before a byte goes to the provider. One round
    /// trip; a second one only for the answer to a blocked booking.
    ///
    /// On an error the call may be booked all the same; settling it as not dialled is then safe and right.
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable>;

    /// Writes how the dial ended, into the call and its guard. One round trip.
    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable>;
}

/// How the dial of a booked call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement<'a> {
    /// The call.
    pub call_id: &'a CallId,
    /// Its key.
    pub key: &'a IntentKey,
    /// The token that the guard was taken with.
    pub token: &'a OwnerToken,
    /// How it ended.
    pub outcome: &'a DialOutcome,
    /// Where the call stands by that.
    pub status: CallStatus,
    /// How long the guard of a placed or not connected call goes on blocking, from now.
    pub hold_for: Duration,
    /// When it ended, by our clock.
    pub settled_at: Timestamp,
}
